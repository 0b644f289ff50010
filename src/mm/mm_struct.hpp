/// Processes' address spaces and their VMAs. Mirrors mm/mmap.c and include/linux/mm_types.h, v6.15.
///
/// An mm's areas are fixed at set-up; mmap maps all of them, munmap unmaps all of them. Locks: mmap_lock guards `mapped`.
/// Checked   break-vs-munmap, break-vs-refault, two-mms
#pragma once

#include "mm/kernel.hpp"
#include "mm/page_table.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>

#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct address_space;
struct mm_struct;
struct vm_area;

enum class vm_fault_result : unsigned char { nopage, sigbus, retry, needdsync, fallback, again };

/// One page fault on its way down (struct vm_fault).
struct vm_fault {
    mm_struct& mm;
    vm_area& vma;
    std::uint64_t page;  ///< virtual page number
    std::uint64_t pgoff; ///< file page
    bool write;
    bool cow_page = false; ///< a store to a private area: the page is to be copied and the copy mapped
};

/// What a filesystem does for its mappings (struct vm_operations_struct). `host` is the filesystem's inode.
struct vm_operations {
    vm_fault_result (*fault)(kernel&, vm_fault&);
    /// The whole PMD range around the page at once; `fallback` when that cannot be.
    vm_fault_result (*huge_fault)(kernel&, vm_fault&);
    /// The same for a PUD range; files have none.
    vm_fault_result (*pud_fault)(kernel&, vm_fault&) = nullptr;
    /// For the oracle: has anybody stored into the block that the file has behind this page? Null where there is no file.
    bool (*has_data)(const kernel&, const vm_area&, std::uint64_t page) = nullptr;
    /// For the oracle: a store through a MAP_SYNC area hit that frame and was flushed. Null where there is no file.
    void (*stored_durably)(kernel&, const vm_area&, std::uint64_t page, std::uint64_t pfn) = nullptr;
};

struct vm_area {
    mm_struct* mm;
    address_space* mapping;
    void* host;
    const vm_operations* ops;
    std::uint64_t first, last; ///< virtual pages, end exclusive
    std::uint64_t pgoff;       ///< file page of `first`
    bool shared, writable;
    bool sync; ///< MAP_SYNC: a store is durable once it is flushed, without fsync
    /// Where mremap moves it: one of the two is mapped at a time. `second` is the place that mmap does not map.
    vm_area* other_place = nullptr;
    bool second = false;
    bool mixedmap = false; ///< VM_MIXEDMAP: fork copies its page tables, though faults could fill them again
    bool present = false;  ///< under mmap_lock: mapped, and not refused because its inode is being evicted

    bool covers(std::uint64_t page) const { return first <= page && page < last; }
    std::uint64_t file_page(std::uint64_t page) const { return page - first + pgoff; }
};

struct mm_struct {
    mm_struct(unsigned id, unsigned pages, unsigned pmd_order, unsigned pud_order = 0)
        : number(id), mmap_lock(lock_classes::mmap_lock), table(pages, pmd_order, pud_order) {}

    const unsigned number;
    arch::rwsem mmap_lock;
    arch::plain<bool> mapped{false};
    page_table table;
    /// Gathers under way: each may have cleared entries that it has not flushed yet (mm_tlb_flush_nested).
    /// Of 64 bits: the flight recorder keeps changes of smaller counts, and two of each gather would leave room for little else.
    arch::atomic<std::int64_t> tlb_flush_pending{0};
    std::vector<vm_area> areas; ///< fixed after set-up

    vm_area* find_vma(std::uint64_t page); ///< caller holds mmap_lock
    /// For the oracle: the area that covers the page, mapped or not. Areas are fixed after set-up: no lock.
    const vm_area* area_at(std::uint64_t page) const {
        for (const vm_area& area : areas)
            if (area.covers(page))
                return &area;
        return nullptr;
    }
    /// Is an area mapped anywhere in [first, end)? Under mmap_lock.
    bool is_mapped(std::uint64_t first, std::uint64_t end) const;
};

/// For the oracle: does this block back this page of the area's file?
bool block_backs(const block_owner& block, const vm_area& area, std::uint64_t page);

/// Maps all areas. False when they are mapped already or `may_map` refuses a file (its inode is being evicted).
bool do_mmap(mm_struct& mm, bool (*may_map)(const vm_area&));
/// Unmaps all areas: zap into one gather, unlink from the files, then flush and drop references. False when nothing was mapped.
bool do_munmap(kernel& k, mm_struct& mm);
/// The area leaves its file: no unmapping of the file's pages finds it any more.
void unlink_file_vma(vm_area& area);

/// The page fault handler: finds the VMA and asks its filesystem.
vm_fault_result handle_mm_fault(kernel& k, mm_struct& mm, std::uint64_t page, bool write);

/// The same for who holds mmap_lock, for reading.
vm_fault_result handle_locked_fault(kernel& k, mm_struct& mm, std::uint64_t page, bool write);

/// A user's load or store, with the faults it takes. False on SIGBUS or when nothing is mapped there.
bool user_access(kernel& k, mm_struct& mm, std::uint64_t page, bool write);

} // namespace ARCH_MACHINE
} // namespace daxtorture
