#include "mm/rmap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

// Both forward the call site: a ladder names the kernel's function.
void add_mapping(folio& f, arch::site at = arch::site::here()) {
    f.mapcount.fetch_add(1, arch::order::relaxed, at); // relaxed: atomic_inc; the page-table lock orders it
}

void remove_mapping(folio& f, const char* where, arch::site at = arch::site::here()) {
    // relaxed: atomic_add_negative's order is not relied on
    if (f.mapcount.fetch_sub(1, arch::order::relaxed, at) <= 0)
        arch::fail(invariant::I1, "mapcount dropped below zero", where);
    if (f.refcount.peek() < f.mapcount.peek())
        arch::fail(invariant::I6, "refcount below mapcount", where);
}

} // namespace

void folio_add_file_rmap_pte(folio& f) { add_mapping(f); }
void folio_remove_rmap_pte(folio& f) { remove_mapping(f, "folio_remove_rmap_pte"); }

void folio_add_file_rmap_pmd(folio& f) {
    f.entire_mapcount.fetch_add(1, arch::order::relaxed); // relaxed: as the mapcount
    add_mapping(f);
}

void folio_remove_rmap_pmd(folio& f) {
    f.entire_mapcount.fetch_sub(1, arch::order::relaxed);
    remove_mapping(f, "folio_remove_rmap_pmd");
}

void folio_add_file_rmap_pud(folio& f) { folio_add_file_rmap_pmd(f); } // both count in entire_mapcount
void folio_remove_rmap_pud(folio& f) { folio_remove_rmap_pmd(f); }

namespace {

bool maps_writable(pte_t entry, std::uint64_t pfn, std::uint64_t count) {
    return entry.present() && !entry.special() && entry.pfn() - pfn < count &&
           (entry.dirty() || entry.writable());
}

/// A clean entry's old translation must not be written through any more.
void flush_cleaned(kernel& k, const mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    if (k.rules.wb_flushes == mkclean_flush::none)
        return;
    k.flush_tlb_range(mm, page, page + (k.rules.wb_flushes == mkclean_flush::range ? pages : 1));
}

void pte_mkclean(kernel& k, std::uint64_t pfn, std::uint64_t count, mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    arch::guard held(table.ptl);
    const pte_t pte = table.get(page);
    if (!maps_writable(pte, pfn, count))
        return;
    // ptep_clear_flush: no store through the old translation is under way afterwards
    table.get_and_clear(page);
    flush_cleaned(k, mm, page, 1);
    table.set(page, pte.write_protected());
}

void pmd_mkclean(kernel& k, std::uint64_t pfn, std::uint64_t count, mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    arch::guard held(table.pmd_lock);
    const pte_t pmd = table.pmd(page);
    if (!pmd.leaf() || !maps_writable(pmd, pfn, count))
        return;
    table.pmd_invalidate(page);
    flush_cleaned(k, mm, table.pmd_first(page), table.pmd_pages());
    table.set_pmd(page, pmd.write_protected());
}

} // namespace

void pfn_mkclean_range(kernel& k, std::uint64_t pfn, std::uint64_t count, vm_area& area, std::uint64_t page) {
    page_table& table = area.mm->table;
    for (const std::uint64_t last = page + count; page < last;) {
        if (table.has_pmd() && table.pmd(page).leaf()) {
            pmd_mkclean(k, pfn, count, *area.mm, page);
            page = table.pmd_first(page) + table.pmd_pages();
        } else {
            pte_mkclean(k, pfn, count, *area.mm, page);
            ++page;
        }
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
