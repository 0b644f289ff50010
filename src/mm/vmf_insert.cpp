#include "mm/vmf_insert.hpp"

#include "mm/huge_memory.hpp"
#include "mm/rmap.hpp"
#include "words/near_miss.hpp"

#include <arch/near_miss.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

void vmf_insert_page_mkwrite(kernel& k, vm_fault& fault, folio& page) {
    page_table& table = fault.mm.table;
    const std::uint64_t pfn = k.mem.pfn(page);
    pte_alloc(fault.mm, fault.page);
    arch::guard held(table.ptl);
    const pte_t old = table.get(fault.page);
    if (old.none()) {
        if (k.rules.mapping == mapping_counts::yes) {
            folio& f = page_folio(k, page);
            folio_get(f);
            folio_add_file_rmap_pte(f);
        }
        table.set(fault.page, pte_t::map(pfn, fault.write, false));
    } else if (fault.write && !old.special() && old.pfn() == pfn) {
        table.set(fault.page,
                  pte_t::map(pfn, true, false)); // young, dirty, writable; the reference is there already
    } else {
        arch::near_miss(near_miss::fault_race); // against another fault: NOPAGE, the access is tried again
    }
}

void vmf_insert_zero_page(kernel& k, vm_fault& fault) {
    page_table& table = fault.mm.table;
    pte_alloc(fault.mm, fault.page);
    arch::guard held(table.ptl);
    if (table.get(fault.page).none())
        table.set(fault.page, pte_t::map(k.mem.zero_page(), false, true));
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
