#include "mm/mm_struct.hpp"

#include "mm/address_space.hpp"
#include "mm/huge_memory.hpp"
#include "mm/private_cow.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

vm_area* mm_struct::find_vma(std::uint64_t page) {
    if (!mapped.get())
        return nullptr;
    for (vm_area& area : areas)
        if (area.present && area.covers(page))
            return &area;
    return nullptr;
}

bool mm_struct::is_mapped(std::uint64_t first, std::uint64_t end) const {
    return std::ranges::any_of(
        areas, [&](const vm_area& area) { return area.present && area.first < end && first < area.last; });
}

bool block_backs(const block_owner& block, const vm_area& area, std::uint64_t page) {
    return block.backs(area.mapping->number, area.file_page(page));
}

bool do_mmap(mm_struct& mm, bool (*may_map)(const vm_area&)) {
    arch::write_guard held(mm.mmap_lock);
    if (mm.mapped.get())
        return false;
    for (vm_area& area : mm.areas) {
        if (area.second)
            continue;
        arch::write_guard i_mmap(area.mapping->i_mmap_rwsem);
        area.present = may_map(area);
        if (area.present)
            area.mapping->add_area(area);
    }
    mm.mapped.set(true);
    return true;
}

bool do_munmap(kernel& k, mm_struct& mm) {
    arch::write_guard held(mm.mmap_lock);
    if (!mm.mapped.get())
        return false;
    mm.mapped.set(false);
    mmu_gather gather(k, mm);
    for (vm_area& area : mm.areas)
        if (area.present) {
            zap_page_range(k, gather, area, area.first, area.last, private_copies::unmap);
            gather.end_vma(area);
        }
    gather.free_vmas();
    // free_pgtables: the VMAs leave their files before the gather drops what it holds
    for (vm_area& area : mm.areas)
        if (area.present)
            unlink_file_vma(area);
    free_pgtables(mm);
    gather.finish();
    return true;
}

void unlink_file_vma(vm_area& area) {
    arch::write_guard i_mmap(area.mapping->i_mmap_rwsem);
    area.mapping->remove_area(area);
    area.present = false;
}

namespace {

/// create_huge_pud and wp_huge_pud.
vm_fault_result handle_pud_fault(kernel& k, vm_fault& fault) {
    if (!fault.mm.table.has_pud() || fault.vma.ops->pud_fault == nullptr)
        return vm_fault_result::fallback;
    const pte_t pud = fault.mm.table.pud(fault.page);
    if (pud.leaf() && (!fault.write || pud.writable()))
        return vm_fault_result::nopage; // somebody else was faster
    return fault.vma.ops->pud_fault(k, fault);
}

/// create_huge_pmd and wp_huge_pmd: a fault that a PMD entry may answer. `fallback`: the PTE level has to.
vm_fault_result handle_huge_fault(kernel& k, vm_fault& fault) {
    page_table& table = fault.mm.table;
    if (!table.has_pmd() || fault.vma.ops->huge_fault == nullptr)
        return vm_fault_result::fallback;
    const pte_t pmd = table.pmd(fault.page);
    if (pmd.none())
        return fault.vma.ops->huge_fault(k, fault);
    if (!pmd.leaf())
        return vm_fault_result::fallback;
    if (!fault.write || pmd.writable()) {
        // Somebody else was faster, or is write-protecting the leaf. huge_pmd_set_accessed:
        arch::guard(table.pmd_lock).unlock();
        return vm_fault_result::nopage;
    }
    vm_fault_result result = vm_fault_result::fallback;
    if (fault.vma.shared)
        result = fault.vma.ops->huge_fault(k, fault);
    if (result == vm_fault_result::fallback)
        split_huge_pmd(k, fault.mm, fault.page);
    return result;
}

} // namespace

vm_fault_result handle_mm_fault(kernel& k, mm_struct& mm, std::uint64_t page, bool write) {
    const arch::read_guard held(mm.mmap_lock);
    return handle_locked_fault(k, mm, page, write);
}

vm_fault_result handle_locked_fault(kernel& k, mm_struct& mm, std::uint64_t page, bool write) {
    vm_area* vma = mm.find_vma(page);
    if (vma == nullptr || (write && !vma->writable))
        return vm_fault_result::sigbus;
    vm_fault fault{mm, *vma, page, vma->file_page(page), write};
    vm_fault_result huge = handle_pud_fault(k, fault);
    if (huge == vm_fault_result::fallback)
        huge = handle_huge_fault(k, fault);
    if (huge != vm_fault_result::fallback)
        return huge;
    return write && !vma->shared ? do_private_write(k, fault) : vma->ops->fault(k, fault);
}

namespace {

/// What the hardware does: one translation and one access, both before any flush that begins later returns. True when it got through.
bool hardware_access(kernel& k, mm_struct& mm, std::uint64_t page, bool write) {
    const tlb::instruction access(k.tlbs);
    const pte_t pte = k.tlbs.translate(mm, mm.table, page, write);
    if (!pte.present() || (write && !pte.writable()))
        return false;
    const vm_area& area = *mm.area_at(page);
    if (pte.special()) {
        if (pte.pfn() >= k.mem.pages() && area.ops->has_data != nullptr && area.ops->has_data(k, area, page))
            arch::fail(invariant::I8, "a load saw the zero page where the file has data",
                       "what maps the zero page is older than the data");
        return true;
    }
    if (k.mem.removed(pte.pfn()))
        arch::fail(invariant::I23, "a page table maps a device that was unbound",
                   "a user access went through it");
    block_owner& block = k.mem.ledger(pte.pfn()).block;
    std::uint32_t seen = 0;
    if (write) {
        k.mem.store_part(pte.pfn(), writer::user);
        if (block.dirty_since.get() == 0)
            block.dirty_since.set(k.fsync_count.get());
    } else {
        seen = k.mem.load_content(pte.pfn());
    }
    if (!block_backs(block, area, page))
        arch::fail(invariant::I8, "user access through a mapping of a freed block",
                   write ? "a store hit a block that its file does not own"
                         : "a load hit a block that its file does not own");
    if (!write)
        k.mem.check_content(pte.pfn(), seen, "a load through a mapping");
    if (write && block.shared())
        arch::fail(invariant::I7, "a store hit a block that two files share",
                   "it was mapped writable before it was shared");
    if (write && area.sync && block.uncommitted.get())
        arch::fail(invariant::I20, "a MAP_SYNC store hit a block that nothing on disk leads to",
                   "the fault did not wait for the filesystem's log");
    if (write && area.sync && area.ops->stored_durably != nullptr)
        area.ops->stored_durably(k, area, page, pte.pfn());
    return true;
}

} // namespace

bool user_access(kernel& k, mm_struct& mm, std::uint64_t page, bool write) {
    while (!hardware_access(k, mm, page, write)) {
        if (handle_mm_fault(k, mm, page, write) == vm_fault_result::sigbus)
            return false;
    }
    return true;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
