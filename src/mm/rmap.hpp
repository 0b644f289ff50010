/// Reverse mapping: counting the page tables that map a folio. Mirrors mm/rmap.c, v6.15.
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// One more PTE maps the folio. The caller holds the page-table lock and has taken the PTE's reference.
void folio_add_file_rmap_pte(folio& f);
/// One PTE less. The caller holds the page-table lock and still holds the PTE's reference.
void folio_remove_rmap_pte(folio& f);

/// One PMD more, or less, maps the folio: the same under the PMD lock.
void folio_add_file_rmap_pmd(folio& f);
void folio_remove_rmap_pmd(folio& f);

/// The same for a PUD, under the PUD lock.
void folio_add_file_rmap_pud(folio& f);
void folio_remove_rmap_pud(folio& f);

/// Makes every page-table entry that maps one of the `count` frames from `pfn` on read-only and clean, in the virtual pages from `page`
/// on, and flushes the TLB before it returns: the next store takes a fault. The caller holds i_mmap_rwsem of the area's file.
void pfn_mkclean_range(kernel& k, std::uint64_t pfn, std::uint64_t count, vm_area& area, std::uint64_t page);

} // namespace ARCH_MACHINE
} // namespace daxtorture
