/// PMD and PUD entries that map a whole large folio, or the huge zero page. Mirrors mm/huge_memory.c, v6.15, and the devmap PMDs of v6.12.
///
/// States    none -> leaf -> none. A leaf never becomes a table of PTEs: splitting one of a file only unmaps it, and later faults map
///           what they need. A table stays until munmap frees it
/// Counts    where page tables hold references, a leaf holds one, and one mapcount, whatever the folio's size          [I1, I2]
/// Locks     pmd_lock; the lockless walks look without
/// Checked   pmd-fault-vs-truncate, pmd-and-pte-maps, pmd-pin-vs-break, pmd-split-vs-gup
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class mmu_gather;

/// Maps `f` over the PMD range of the faulting page. Under pmd_lock: an empty entry gets it, with a reference and a mapcount where page
/// tables hold them; a read-only leaf of the same folio is made writable by a write fault; else nothing.
void vmf_insert_folio_pmd(kernel& k, vm_fault& fault, folio& f);

/// The same for the PUD range, under pud_lock. Only devices with pages of that size have one.
void vmf_insert_folio_pud(kernel& k, vm_fault& fault, folio& f);

/// Maps the huge zero page read-only. False when the entry is not empty.
bool vmf_insert_huge_zero_page(kernel& k, vm_fault& fault);

/// Clears a leaf; its reference goes to the gather. False when there is none any more.
bool zap_huge_pmd(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page);

/// Clears a PUD leaf; its reference goes to the gather. False when there is none any more.
bool zap_huge_pud(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page);

/// Unmaps the leaf of this page, if there is one: cleared, flushed, reference dropped, all under pmd_lock.
void split_huge_pmd(kernel& k, mm_struct& mm, std::uint64_t page);

/// Puts a table of PTEs under an empty PMD entry. A leaf there is a fault of the caller, whose entry lock should keep PMD faults away.
void pte_alloc(mm_struct& mm, std::uint64_t page);
/// Frees the tables of PTEs where no area is left. mmap_lock is held exclusively.
void free_pgtables(mm_struct& mm);

/// mremap moves a leaf that was `seen` at `from` to `to`, under pmd_lock, and flushes the old place before it drops that. False: the leaf has
/// gone, or a table of PTEs is in its way.
bool move_huge_pmd(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to, pte_t seen);
/// The same for a PUD leaf, under pud_lock; who has unmapped it meanwhile leaves nothing to move.
bool move_huge_pud(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to);
/// Flushes the place that `count` pages have left, while the caller still holds the lock of their entries.
void flush_moved(kernel& k, arch::guard<arch::spinlock>& held, const mm_struct& mm, std::uint64_t from,
                 std::uint64_t count);

} // namespace ARCH_MACHINE
} // namespace daxtorture
