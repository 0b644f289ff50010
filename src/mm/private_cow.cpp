#include "mm/private_cow.hpp"

#include "mm/address_space.hpp"
#include "mm/huge_memory.hpp"
#include "mm/rmap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

constexpr const char* foreign_copy = "a private copy was made of a block that the file does not own";

} // namespace

void copy_to_cow_page(kernel& k, const vm_fault& fault, std::uint64_t pfn) {
    const std::uint32_t seen = k.mem.load_content(pfn);
    if (!block_backs(k.mem.ledger(pfn).block, fault.vma, fault.page))
        arch::fail(invariant::I8, foreign_copy, "copy_to_cow_page");
    k.mem.check_content(pfn, seen, "a private copy was made of it");
}

void map_cow_page(vm_fault& fault) {
    page_table& table = fault.mm.table;
    pte_alloc(fault.mm, fault.page);
    arch::guard held(table.ptl);
    if (table.get(fault.page).none())
        table.set(fault.page, pte_t::map_anon());
}

namespace {

/// One-based: the copy is read through the page table, before any flush that begins later returns. False when the entry has changed.
bool copy_from_user(kernel& k, const vm_fault& fault, pte_t from) {
    const tlb::instruction copying(k.tlbs);
    if (!(fault.mm.table.get(fault.page) == from))
        return false;
    if (!from.special())
        copy_to_cow_page(k, fault, from.pfn());
    return true;
}

/// Puts the copy in the place of the page that it was made of, unless the entry has changed. The mapping's reference goes to the caller.
bool replace_by_copy(kernel& k, vm_fault& fault, pte_t from) {
    page_table& table = fault.mm.table;
    arch::guard held(table.ptl);
    if (!(table.get(fault.page) == from))
        return false;
    table.get_and_clear(fault.page); // ptep_clear_flush
    k.flush_tlb_range(fault.mm, fault.page, fault.page + 1);
    table.set(fault.page, pte_t::map_anon());
    if (!from.special() && k.rules.mapping == mapping_counts::yes)
        folio_remove_rmap_pte(page_folio(k, k.mem[from.pfn()]));
    return true;
}

/// A page that is held while it is copied.
struct held_original {
    folio* head =
        nullptr; ///< null: nothing is held, of the zero page or because page tables hold no references either
    std::uint64_t generation = 0;
};

/// Copies it without any lock of its file. A write() may give the file another block meanwhile; this one then stays with whoever shared it, and
/// has the file's old data. It must not have been free.
void copy_held_page(kernel& k, std::uint64_t pfn, std::uint64_t generation) {
    const std::uint32_t seen = k.mem.load_content(pfn);
    if (was_freed(k, k.mem.ledger(pfn).block, generation))
        arch::fail(invariant::I8, foreign_copy, "wp_page_copy");
    k.mem.check_content(pfn, seen, "a private copy was made of it");
}

/// The page's folio with a reference, where page tables hold references. False when the entry has changed.
bool get_mapped_page(kernel& k, vm_fault& fault, pte_t from, held_original& page) {
    arch::guard held(fault.mm.table.ptl);
    if (!(fault.mm.table.get(fault.page) == from))
        return false;
    if (from.special() || k.rules.mapping == mapping_counts::no)
        return true;
    page.head = &page_folio(k, k.mem[from.pfn()]);
    folio_get(*page.head);
    page.generation = k.mem.ledger(from.pfn()).block.generation.get();
    return true;
}

/// A read-only page is mapped, of the file or the zero page.
vm_fault_result wp_page_copy(kernel& k, vm_fault& fault, pte_t from) {
    held_original page;
    if (!get_mapped_page(k, fault, from, page))
        return vm_fault_result::nopage;
    if (page.head != nullptr)
        copy_held_page(k, from.pfn(), page.generation);
    else if (!copy_from_user(k, fault, from))
        return vm_fault_result::nopage;
    const bool replaced = replace_by_copy(k, fault, from);
    if (page.head != nullptr) {
        if (replaced)
            folio_put(k, *page.head); // the mapping's
        folio_put(k, *page.head);
    }
    return vm_fault_result::nopage;
}

} // namespace

vm_fault_result do_private_write(kernel& k, vm_fault& fault) {
    const pte_t mapped = fault.mm.table.get(fault.page);
    if (mapped.writable())
        return vm_fault_result::nopage; // somebody else was faster
    if (mapped.present())
        return wp_page_copy(k, fault, mapped);
    fault.cow_page = true;
    fault.write = false; // of the file it only reads
    return fault.vma.ops->fault(k, fault);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
