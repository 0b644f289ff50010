/// Page tables of one, two or three levels. Mirrors the present/special/write/dirty bits of pte_t and pmd_t and the split page-table locks, v6.15.
///
/// An entry is one atomic word. With a PMD order of 0 there are PTEs only. Else a PMD entry stands above each 2^order PTEs: empty, a
/// table of PTEs, or a leaf that maps all those pages at once.
/// With a PUD order, a PUD entry stands above each 2^order pages: empty, or a leaf of a device with such pages. What lies under a leaf is
/// empty; that there is a table of PMDs under an entry without a leaf is not kept.
/// States    PMD: none -> table, once a PTE is needed, until the areas are unmapped; none -> leaf -> none. A leaf that is being
///           write-protected is for a moment not present, and never none: who unmaps must not pass it by
/// Locks     writers of PTEs hold ptl, writers of PMDs pmd_lock; the lockless walk of GUP-fast and the hardware read without
/// Ordering  ptep_get_and_clear is relaxed: the TLB flush that follows is the full barrier (O6)
#pragma once

#include "mm/lock_classes.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// The value of a page-table entry.
struct pte_t {
    static constexpr std::uint64_t present_bit = 1, write_bit = 2, dirty_bit = 4, special_bit = 8;
    static constexpr std::uint64_t leaf_bit = 16, table_bit = 32; ///< of PMD entries
    static constexpr std::uint64_t anon_bit = 64;
    static constexpr unsigned pfn_shift = 8;
    std::uint64_t bits = 0;

    static pte_t map(std::uint64_t pfn, bool writable, bool special) {
        return {(pfn << pfn_shift) | present_bit | (writable ? write_bit | dirty_bit : 0) |
                (special ? special_bit : 0)};
    }
    /// A PMD entry that maps all pages from `pfn` on.
    static pte_t map_leaf(std::uint64_t pfn, bool writable, bool special) {
        return {map(pfn, writable, special).bits | leaf_bit};
    }
    static pte_t table() { return {table_bit}; }
    /// What a PTE in the place of this leaf would be, for the page at `offset` inside it.
    pte_t page_at(std::uint64_t offset) const {
        return {(bits & ~leaf_bit) + (special() ? 0 : offset << pfn_shift)};
    }
    /// A private copy: anonymous memory, of which the model knows only that it is there.
    static pte_t map_anon() { return {present_bit | write_bit | dirty_bit | special_bit | anon_bit}; }
    /// Read-only and clean: the next store faults.
    pte_t write_protected() const { return {bits & ~(write_bit | dirty_bit)}; }
    bool none() const { return bits == 0; }
    bool present() const { return (bits & present_bit) != 0; }
    bool writable() const { return (bits & write_bit) != 0; }
    bool dirty() const { return (bits & dirty_bit) != 0; }
    bool leaf() const { return (bits & leaf_bit) != 0; } ///< pmd_trans_huge
    /// No folio behind it: the zero page.
    /// No folio of the device behind it: the zero page or a private copy.
    bool special() const { return (bits & special_bit) != 0; }
    bool anon() const { return (bits & anon_bit) != 0; }
    std::uint64_t pfn() const { return bits >> pfn_shift; }
    friend bool operator==(pte_t, pte_t) = default;
};

class page_table {
  public:
    page_table(unsigned pages, unsigned pmd_order, unsigned pud_order = 0)
        : ptl(lock_classes::ptl), pmd_lock(lock_classes::pmd_lock), pud_lock(lock_classes::pud_lock),
          pages_(pages), pmd_order_(pmd_order), pud_order_(pud_order),
          entries_(std::make_unique<arch::atomic<std::uint64_t>[]>(pages)),
          pmds_(pmd_order == 0 ? nullptr : std::make_unique<arch::atomic<std::uint64_t>[]>(pmd_count())),
          puds_(pud_order == 0 ? nullptr : std::make_unique<arch::atomic<std::uint64_t>[]>(pud_count())) {}

    arch::spinlock ptl;
    arch::spinlock pmd_lock;
    arch::spinlock pud_lock;
    /// Page tables in store, one for each leaf (pgtable_trans_huge_deposit), under pmd_lock, where the machine needs them.
    arch::plain<int> deposits{0};

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

    /// Is there a level of PMDs? Without, no function below may be called.
    bool has_pmd() const { return pmd_order_ != 0; }
    std::uint64_t pmd_pages() const { return std::uint64_t{1} << pmd_order_; }
    /// The first page under the PMD entry of this page, and the offset of the page from there.
    std::uint64_t pmd_first(std::uint64_t page) const { return page >> pmd_order_ << pmd_order_; }
    std::uint64_t pmd_offset(std::uint64_t page) const { return page - pmd_first(page); }
    unsigned pmd_count() const { return static_cast<unsigned>((pages_ + pmd_pages() - 1) >> pmd_order_); }

    pte_t pmd(std::uint64_t page, arch::site at = arch::site::here()) const {
        return {pmds_[page >> pmd_order_].load(arch::order::acquire, at)}; // acquire: as get()
    }
    void set_pmd(std::uint64_t page, pte_t value, arch::site at = arch::site::here()) {
        pmds_[page >> pmd_order_].store(value.bits, arch::order::release, at); // release: as set()
    }
    pte_t pmd_get_and_clear(std::uint64_t page, arch::site at = arch::site::here()) {
        return {pmds_[page >> pmd_order_].exchange(0, arch::order::relaxed, at)};
    }
    /// pmdp_invalidate: nothing translates through the leaf any more, but it stays where it is.
    void pmd_invalidate(std::uint64_t page, arch::site at = arch::site::here()) {
        pmds_[page >> pmd_order_].fetch_and(~pte_t::present_bit, arch::order::relaxed, at);
    }
    pte_t peek_pmd(std::uint64_t page) const { return {pmds_[page >> pmd_order_].peek()}; }
    /// Is there a level of PUDs, above one of PMDs? Without, none of these may be called.
    bool has_pud() const { return pud_order_ != 0; }
    unsigned pud_order() const { return pud_order_; }
    std::uint64_t pud_pages() const { return std::uint64_t{1} << pud_order_; }
    std::uint64_t pud_first(std::uint64_t page) const { return page >> pud_order_ << pud_order_; }
    std::uint64_t pud_offset(std::uint64_t page) const { return page - pud_first(page); }
    unsigned pud_count() const { return static_cast<unsigned>((pages_ + pud_pages() - 1) >> pud_order_); }

    pte_t pud(std::uint64_t page, arch::site at = arch::site::here()) const {
        return {puds_[page >> pud_order_].load(arch::order::acquire, at)}; // acquire: as get()
    }
    void set_pud(std::uint64_t page, pte_t value, arch::site at = arch::site::here()) {
        puds_[page >> pud_order_].store(value.bits, arch::order::release, at); // release: as set()
    }
    pte_t pud_get_and_clear(std::uint64_t page, arch::site at = arch::site::here()) {
        return {puds_[page >> pud_order_].exchange(0, arch::order::relaxed, at)};
    }
    pte_t peek_pud(std::uint64_t page) const { return {puds_[page >> pud_order_].peek()}; }
    const void* pud_address(std::uint64_t page) const { return &puds_[page >> pud_order_]; }

    /// What translates this page: its PTE, or what its PMD or PUD leaf makes of it. None when nothing is mapped.
    pte_t walk(std::uint64_t page) const {
        if (has_pmd()) {
            if (has_pud())
                if (const pte_t top = pud(page); top.leaf())
                    return top.page_at(pud_offset(page));
            const pte_t above = pmd(page);
            if (above.none())
                return above;
            if (above.leaf())
                return above.page_at(pmd_offset(page));
        }
        return get(page);
    }
    /// The same for the oracle.
    pte_t peek_walk(std::uint64_t page) const {
        if (has_pud())
            if (const pte_t top = peek_pud(page); top.leaf())
                return top.page_at(pud_offset(page));
        const pte_t above = has_pmd() ? peek_pmd(page) : pte_t::table();
        return above.none() ? above : above.leaf() ? above.page_at(pmd_offset(page)) : peek(page);
    }
    const void* pmd_address(std::uint64_t page) const { return &pmds_[page >> pmd_order_]; }

  private:
    unsigned pages_;
    unsigned pmd_order_;
    unsigned pud_order_;
    std::unique_ptr<arch::atomic<std::uint64_t>[]> entries_;
    std::unique_ptr<arch::atomic<std::uint64_t>[]> pmds_;
    std::unique_ptr<arch::atomic<std::uint64_t>[]> puds_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
