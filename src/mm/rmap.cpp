#include "mm/rmap.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {

void folio_add_file_rmap_pte(folio& f) {
    f.mapcount.fetch_add(1, arch::order::relaxed); // relaxed: atomic_inc; the page-table lock orders it
}

void folio_remove_rmap_pte(folio& f) {
    if (f.mapcount.fetch_sub(1, arch::order::relaxed) <=
        0) // relaxed: atomic_add_negative's order is not relied on
        arch::fail(1, "mapcount dropped below zero", "folio_remove_rmap_pte");
    if (f.refcount.peek() < f.mapcount.peek())
        arch::fail(6, "refcount below mapcount", "folio_remove_rmap_pte");
}

void pfn_mkclean_range(kernel& k, std::uint64_t pfn, vm_area& area, std::uint64_t page) {
    page_table& table = area.mm->table;
    arch::guard held(table.ptl);
    const pte_t pte = table.get(page);
    if (!pte.present() || pte.special() || pte.pfn() != pfn || !(pte.dirty() || pte.writable()))
        return;
    table.get_and_clear(
        page); // ptep_clear_flush: no store through the old translation is under way afterwards
    k.tlb.synchronize();
    table.set(page, pte.write_protected());
}

} // namespace daxtorture::inline ARCH_MACHINE
