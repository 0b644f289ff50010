/// One-level page tables. Mirrors the present/special/write/dirty bits of pte_t and the split page-table lock, v6.15.
///
/// A PTE is one atomic word. Writers hold the page-table lock; the lockless walk of GUP-fast and the hardware read it without.
/// Ordering  ptep_get_and_clear is relaxed: the TLB flush that follows is the full barrier (O6)
#pragma once

#include "mm/lock_classes.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture::inline ARCH_MACHINE {

/// The value of a page-table entry.
struct pte_t {
    static constexpr std::uint64_t present_bit = 1, write_bit = 2, dirty_bit = 4, special_bit = 8;
    static constexpr unsigned pfn_shift = 8;
    std::uint64_t bits = 0;

    static pte_t map(std::uint64_t pfn, bool writable, bool special) {
        return {(pfn << pfn_shift) | present_bit | (writable ? write_bit | dirty_bit : 0) |
                (special ? special_bit : 0)};
    }
    /// Read-only and clean: the next store faults.
    pte_t write_protected() const { return {bits & ~(write_bit | dirty_bit)}; }
    bool none() const { return bits == 0; }
    bool present() const { return (bits & present_bit) != 0; }
    bool writable() const { return (bits & write_bit) != 0; }
    bool dirty() const { return (bits & dirty_bit) != 0; }
    /// No folio behind it: the zero page.
    bool special() const { return (bits & special_bit) != 0; }
    std::uint64_t pfn() const { return bits >> pfn_shift; }
    friend bool operator==(pte_t, pte_t) = default;
};

class page_table {
  public:
    explicit page_table(unsigned pages)
        : ptl(lock_classes::ptl), pages_(pages),
          entries_(std::make_unique<arch::atomic<std::uint64_t>[]>(pages)) {}

    arch::spinlock ptl;

    pte_t get(std::uint64_t page, arch::site at = arch::site::here()) const {
        // acquire stands for the address dependency from the entry to the folio it names
        return {entries_[page].load(arch::order::acquire, at)};
    }
    void set(std::uint64_t page, pte_t value, arch::site at = arch::site::here()) {
        // release: set_pte's smp_wmb; who sees the entry sees the reference that was taken for it
        entries_[page].store(value.bits, arch::order::release, at);
    }
    pte_t get_and_clear(std::uint64_t page, arch::site at = arch::site::here()) {
        return {entries_[page].exchange(0, arch::order::relaxed, at)};
    }
    pte_t peek(std::uint64_t page) const { return {entries_[page].peek()}; }
    unsigned pages() const { return pages_; }
    const void* address(std::uint64_t page) const { return &entries_[page]; }

  private:
    unsigned pages_;
    std::unique_ptr<arch::atomic<std::uint64_t>[]> entries_;
};

} // namespace daxtorture::inline ARCH_MACHINE
