/// The page cache side of one file: entries, mappings and the lock that faults and truncation share.
///
/// Mirrors struct address_space, include/linux/fs.h, v6.15. i_pages holds DAX value entries only (dax/entry.hpp).
/// Locks     xa_lock guards entries and nrpages; i_mmap_rwsem the list of VMAs; invalidate_lock keeps faults (shared) away from
///           truncation (exclusive)
#pragma once

#include "mm/lock_classes.hpp"
#include "xarray/xarray.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <array>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct vm_area;

/// A page of zeroes in an entry's place, as holes were cached before 4.14 (rule `hole-entry`): all that matters of it is its lock.
struct hole_page {
    arch::mutex lock{lock_classes::page_lock};
};

struct address_space : arch::rcu_head {
    static constexpr unsigned max_areas = 64;

    address_space(int file, const xarray_config& pages)
        : number(file), i_pages(pages), i_mmap_rwsem(lock_classes::i_mmap_rwsem),
          invalidate_lock(lock_classes::invalidate_lock) {}

    const int number; ///< of the file; hashes and reports use it instead of the address
    xarray i_pages;
    arch::plain<std::uint64_t> nrpages{0};
    arch::rwsem i_mmap_rwsem;
    arch::rwsem invalidate_lock;
    std::unique_ptr<hole_page[]> hole_pages; ///< by index; null where holes have zero entries

    /// The interval tree of VMAs, as a small array: `mapped_areas` of `i_mmap` are in use.
    std::array<vm_area*, max_areas> i_mmap{};
    arch::atomic<unsigned> mapped_areas{0};

    /// Its inode was evicted and a grace period has passed: nobody may look at it any more. The oracle's [I22].
    arch::oracle<bool> freed{false};

    /// mapping_mapped(): a lockless look, as in the kernel.
    bool mapped() const { return mapped_areas.load(arch::order::relaxed) != 0; }
    // The caller of the following holds i_mmap_rwsem for writing.
    void add_area(vm_area& area);
    void insert_area(vm_area& area, unsigned at);
    void remove_area(vm_area& area);
    /// Where walks of the file's areas meet this one.
    unsigned place_of(const vm_area& area) const;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
