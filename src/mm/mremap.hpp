/// Moving areas, and copying them for a child. Mirrors mm/mremap.c and mm/mmap.c, v6.15.
///
/// Move      mmap_lock exclusively: the new area joins the file's areas behind the old one, page-table entries move, the old area leaves
/// Entries   clear, set at the new place, flush the old one, all under the page-table lock: whoever clears the new entry afterwards flushes that
///           place only, and would drop the reference while TLBs still translate the old one                        [I24]
/// Walks     of the file's areas take no page-table lock for long, and mremap no i_mmap_rwsem: a walk that comes by the new place too early
///           must meet the old one first. Hence the order of areas
/// Leaf      what is seen of a PMD without its lock may be past: unmapping of the file's pages does not take mmap_lock (BUG-48)
/// Checked   mremap-vs-truncate, mremap-vs-pin, mremap-pmd-vs-punch; broken by the rules mremap-flush, mremap-recheck and area-order
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Moves every area that has a second place to its other place. False when there is none, or nothing is mapped.
bool do_mremap(kernel& k, mm_struct& mm);

/// A copy of an area joins those of its file (vma_interval_tree_insert_after); the copy is mapped from here on.
void link_copied_area(const kernel& k, vm_area& copy, vm_area& original);

} // namespace ARCH_MACHINE
} // namespace daxtorture
