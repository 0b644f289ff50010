#include "mm/pagewalk.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Calls `visit` for the folio behind each entry that has one (vm_normal_folio, vm_normal_folio_pmd), under the entry's lock.
template <class Visit> void walk_area(kernel& k, page_table& table, const vm_area& area, Visit visit) {
    const auto look = [&](pte_t entry) {
        if (entry.present() && !entry.special() && k.rules.mapping == mapping_counts::yes)
            visit(page_folio(k, k.mem[entry.pfn()]));
    };
    for (std::uint64_t page = area.first; page < area.last;) {
        std::uint64_t next = area.last;
        if (table.has_pud()) {
            arch::guard held(table.pud_lock); // pud_trans_huge_lock
            if (const pte_t pud = table.pud(page); pud.leaf()) {
                look(pud);
                page = std::min(next, table.pud_first(page) + table.pud_pages());
                continue;
            }
        }
        if (table.has_pmd()) {
            next = std::min(next, table.pmd_first(page) + table.pmd_pages());
            arch::guard held(table.pmd_lock); // pmd_trans_huge_lock
            const pte_t pmd = table.pmd(page);
            if (pmd.leaf())
                look(pmd);
            if (pmd.leaf() || pmd.none()) {
                page = next;
                continue;
            }
        }
        arch::guard held(table.ptl);
        for (; page < next; ++page)
            look(table.get(page));
    }
}

template <class Visit> bool walk_mm(kernel& k, mm_struct& mm, Visit visit) {
    const arch::read_guard held(mm.mmap_lock);
    if (!mm.mapped.get())
        return false;
    for (const vm_area& area : mm.areas)
        if (area.present)
            walk_area(k, mm.table, area, visit);
    return true;
}

/// mlock_pte_range at one folio. All of this model's memory is some device's.
void mlock_folio(const kernel& k, folio& f) {
    if (k.rules.mlocks == mlock_device::skip)
        return; // folio_is_zone_device
    // folio_set_mlocked. Its reference in the CPU's batch is dropped when mlock drains that, at its end; the flag stays
    f.order_and_head.fetch_or(folio::mlocked_bit, arch::order::relaxed);
}

/// pte_to_pagemap_entry: PM_FILE unless PageAnon, PM_MMAP_EXCLUSIVE by the mapcount.
void pagemap_entry(const folio& f) {
    // relaxed: the page-table lock keeps the folio mapped; its mapping may become a shared one's meanwhile
    const auto mapping = reinterpret_cast<std::uintptr_t>(f.mapping.load(arch::order::relaxed));
    if ((mapping & folio::mapping_anon) != 0)
        arch::fail(invariant::I13, "a page of a file looks like anonymous memory", "pagemap_entry");
    if (folio_mapcount(f) <= 0)
        arch::fail(invariant::I1, "a mapped page has no mapcount", "pagemap_entry");
}

} // namespace

bool do_mlock(kernel& k, mm_struct& mm) {
    return walk_mm(k, mm, [&](folio& f) { mlock_folio(k, f); });
}

bool pagemap_read(kernel& k, mm_struct& mm) {
    return walk_mm(k, mm, [](const folio& f) { pagemap_entry(f); });
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
