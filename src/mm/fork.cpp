#include "mm/fork.hpp"

#include "mm/huge_memory.hpp"
#include "mm/mremap.hpp"
#include "mm/rmap.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// vma_needs_copy. A private area is taken to hold private copies.
bool vma_needs_copy(const vm_area& area) { return area.mixedmap || !area.shared; }

/// One entry. Private copies are copied at once, as those that a DMA pin is on; whoever may not write does not learn to by fork.
void copy_present_pte(kernel& k, const page_table& from, page_table& to, std::uint64_t page) {
    const pte_t pte = from.get(page);
    if (pte.none())
        return;
    if (!pte.special() && k.rules.mapping == mapping_counts::yes) {
        folio& f = page_folio(k, k.mem[pte.pfn()]);
        if (f.refcount.peek() <= 0)
            arch::fail(invariant::I5, "a mapped page has no reference", "copy_present_pte");
        folio_get(f);
        folio_add_file_rmap_pte(f); // folio_dup_file_rmap_pte
    }
    to.set(page, pte);
}

/// The pages [page, last) of one table.
void copy_pte_range(kernel& k, mm_struct& parent, mm_struct& child, std::uint64_t page, std::uint64_t last) {
    pte_alloc(child, page);
    arch::guard held(child.table.ptl);
    for (; page < last; ++page) {
        if (k.rules.fork_locks == fork_lock::child) {
            copy_present_pte(k, parent.table, child.table, page);
            continue;
        }
        const arch::guard nested(parent.table.ptl);
        copy_present_pte(k, parent.table, child.table, page);
    }
}

void copy_page_range(kernel& k, mm_struct& parent, mm_struct& child, const vm_area& area) {
    const page_table& table = parent.table;
    for (std::uint64_t page = area.first; page < area.last;) {
        std::uint64_t next = area.last;
        bool has_ptes = true;
        if (table.has_pmd()) {
            next = std::min(next, table.pmd_first(page) + table.pmd_pages());
            const pte_t pmd = table.pmd(page);
            has_ptes = !pmd.none() && !pmd.leaf(); // copy_huge_pmd leaves a file's to later faults
        }
        if (has_ptes)
            copy_pte_range(k, parent, child, page, next);
        page = next;
    }
}

} // namespace

bool dup_mmap(kernel& k, mm_struct& parent, mm_struct& child) {
    const arch::write_guard held(parent.mmap_lock);
    // A child is new, so nobody else can have its lock: an mm whose lock is taken is none.
    if (!parent.mapped.get() || !child.mmap_lock.try_down_write())
        return false;
    const bool is_new = !child.mapped.get();
    if (is_new) {
        child.mapped.set(true);
        for (std::size_t i = 0; i < parent.areas.size(); ++i) {
            if (!parent.areas[i].present)
                continue;
            link_copied_area(k, child.areas[i], parent.areas[i]);
            if (vma_needs_copy(parent.areas[i]))
                copy_page_range(k, parent, child, parent.areas[i]);
        }
    }
    child.mmap_lock.up_write();
    return is_new;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
