#include "mm/huge_memory.hpp"

#include "mm/rmap.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

/// pgtable_trans_huge_deposit, where the machine asks for it.
void deposit(const kernel& k, page_table& table) {
    if (k.machine.deposit)
        table.deposits.set(table.deposits.get() + 1);
}

/// zap_deposited_table: a cleared leaf gives its page table back.
void withdraw(const kernel& k, page_table& table) {
    if (!k.machine.deposit)
        return;
    const int left = table.deposits.get() - 1;
    table.deposits.set(left);
    if (left < 0)
        arch::fail(invariant::I5, "a page table was withdrawn that nobody deposited", "zap_deposited_table");
}

} // namespace

vm_fault_result vmf_insert_folio_pmd(kernel& k, vm_fault& fault, folio& f) {
    // The entry is locked, or the device as it was bound: nobody changes it now
    if (k.rules.compound == compound_folio::yes &&
        (f.order_and_head.peek() & folio::order_mask) != k.pmd_order) {
        arch::fail(invariant::I14, "a PMD is to map a folio of another size", "vmf_insert_folio_pmd");
        return vm_fault_result::sigbus;
    }
    page_table& table = fault.mm.table;
    const std::uint64_t pfn = k.mem.pfn(f);
    const bool special = k.rules.pmd_special == pmd_marking::special;
    arch::guard held(table.pmd_lock);
    const pte_t old = table.pmd(fault.page);
    if (old.none()) {
        if (k.rules.mapping == mapping_counts::yes) {
            folio_get(f); // one, not one a page
            folio_add_file_rmap_pmd(f);
        }
        deposit(k, table);
        table.set_pmd(fault.page, pte_t::map_leaf(pfn, fault.write, special));
    } else if (fault.write && old.leaf()) {
        if (old.pfn() == pfn)
            table.set_pmd(fault.page, pte_t::map_leaf(pfn, true, special)); // young, dirty, writable
        else if (!old.special())
            arch::fail(invariant::I8, "a write fault found the PMD of other pages", "insert_pmd");
    }
    return vm_fault_result::nopage; // whatever is there, the access is tried again
}

vm_fault_result vmf_insert_folio_pud(kernel& k, vm_fault& fault, folio& f) {
    page_table& table = fault.mm.table;
    const std::uint64_t pfn = k.mem.pfn(f);
    arch::guard held(table.pud_lock);
    const pte_t old = table.pud(fault.page);
    if (old.none()) {
        if (k.rules.mapping == mapping_counts::yes && k.rules.pud_mapping == pud_counts::yes) {
            folio_get(f); // one, whatever its size
            folio_add_file_rmap_pud(f);
        }
        table.set_pud(fault.page, pte_t::map_leaf(pfn, fault.write, false));
    } else if (fault.write && old.leaf() && old.pfn() == pfn) {
        table.set_pud(fault.page, pte_t::map_leaf(pfn, true, false)); // young, dirty, writable
    }
    return vm_fault_result::nopage;
}

vm_fault_result vmf_insert_huge_zero_page(kernel& k, vm_fault& fault) {
    page_table& table = fault.mm.table;
    arch::guard held(table.pmd_lock);
    if (!table.pmd(fault.page).none())
        return k.rules.huge_zero == zero_pmd::nopage ? vm_fault_result::nopage : vm_fault_result::fallback;
    if (k.rules.zero_deposit == zero_pmd_deposit::yes)
        deposit(k, table);
    table.set_pmd(fault.page, pte_t::map_leaf(k.mem.huge_zero_page(), false, true));
    return vm_fault_result::nopage;
}

namespace {

/// Removes a cleared leaf's mapcount. Null when no folio is behind it or page tables count nothing.
folio* remove_leaf(kernel& k, pte_t leaf, void (*remove_rmap)(folio&)) {
    if (leaf.special() || k.rules.mapping == mapping_counts::no)
        return nullptr;
    folio& f = page_folio(k, k.mem[leaf.pfn()]);
    remove_rmap(f);
    return &f;
}

} // namespace

bool zap_huge_pmd(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    arch::guard held(table.pmd_lock);
    if (!table.pmd(page).leaf())
        return false;
    const pte_t pmd = table.pmd_get_and_clear(page);
    const std::uint64_t first = table.pmd_first(page);
    gather.note_cleared(first, table.pmd_pages());
    withdraw(k, table);
    // Unlike a dirty PTE's, the rmap of a PMD goes before the flush.
    if (folio* f = remove_leaf(k, pmd, folio_remove_rmap_pmd))
        gather.add(*f, first, table.pmd_pages());
    return true;
}

bool zap_huge_pud(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    arch::guard held(table.pud_lock);
    if (!table.pud(page).leaf())
        return false;
    const pte_t pud = table.pud_get_and_clear(page);
    const std::uint64_t first = table.pud_first(page);
    gather.note_cleared(first, table.pud_pages());
    if (folio* f = remove_leaf(k, pud, folio_remove_rmap_pud))
        gather.add(*f, first, table.pud_pages());
    return true;
}

void split_huge_pmd(kernel& k, mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    if (!table.pmd(page).leaf())
        return;
    arch::guard held(table.pmd_lock);
    if (!table.pmd(page).leaf())
        return;
    const pte_t pmd = table.pmd_get_and_clear(page); // pmdp_huge_clear_flush
    k.flush_tlb_range(mm, table.pmd_first(page), table.pmd_first(page) + table.pmd_pages());
    withdraw(k, table);
    if (folio* f = remove_leaf(k, pmd, folio_remove_rmap_pmd))
        folio_put(k, *f);
}

namespace {

/// Takes the leaf out of its old place. None when it has gone (__pmd_trans_huge_lock).
pte_t take_leaf(kernel& k, page_table& table, std::uint64_t from, pte_t seen) {
    if (k.rules.moves_recheck == mremap_recheck::yes && !table.pmd(from).leaf())
        return {};
    const pte_t pmd = table.pmd_get_and_clear(from);
    return k.rules.moves_recheck == mremap_recheck::yes ? pmd : seen;
}

} // namespace

void flush_moved(kernel& k, arch::guard<arch::spinlock>& held, const mm_struct& mm, std::uint64_t from,
                 std::uint64_t count) {
    if (k.rules.moves_flush == mremap_flush::after_lock)
        held.unlock();
    k.flush_tlb_range(mm, from, from + count);
}

bool move_huge_pmd(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to, pte_t seen) {
    page_table& table = mm.table;
    if (!table.pmd(to).none())
        return false;
    arch::guard held(table.pmd_lock);
    const pte_t pmd = take_leaf(k, table, from, seen);
    if (pmd.none())
        return false;
    table.set_pmd(to, pmd); // its deposited page table comes along
    flush_moved(k, held, mm, from, table.pmd_pages());
    return true;
}

bool move_huge_pud(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to) {
    page_table& table = mm.table;
    if (!table.pud(to).none())
        return false;
    arch::guard held(table.pud_lock); // of both places
    table.set_pud(to, table.pud_get_and_clear(from));
    flush_moved(k, held, mm, from, table.pud_pages());
    return true;
}

void pte_alloc(mm_struct& mm, std::uint64_t page) {
    page_table& table = mm.table;
    if (!table.has_pmd() || table.pmd(page) == pte_t::table())
        return;
    arch::guard held(table.pmd_lock);
    const pte_t pmd = table.pmd(page);
    if (pmd.leaf())
        arch::fail(invariant::I9, "a PTE was to be mapped under a PMD leaf", "walk_to_pmd met a huge PMD");
    else if (pmd.none())
        table.set_pmd(page, pte_t::table());
}

void free_pgtables(mm_struct& mm) {
    page_table& table = mm.table;
    for (std::uint64_t page = 0; table.has_pmd() && page < table.pages(); page += table.pmd_pages()) {
        if (mm.is_mapped(page, page + table.pmd_pages()))
            continue;
        arch::guard held(table.pmd_lock);
        if (table.pmd(page) == pte_t::table())
            table.set_pmd(page, {});
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
