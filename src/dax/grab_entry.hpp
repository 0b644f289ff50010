/// The entry that a page fault works under. Mirrors grab_mapping_entry in fs/dax.c, v6.12 and v6.15 (kernel facts 2.1 step 2, 2.2).
///
/// Conflicts a PMD fault that meets a smaller entry falls back to a PTE; a PTE fault takes a PMD entry as it is when it has a folio, and else
///           undoes it: the huge zero page leaves every page table, the entry goes, and all its waiters look again
/// Checked   pmd-vs-pte-fault, pmd-zero-then-store; broken by the rules pmd-conflict and entry-key                        [I10, I17]
#pragma once

#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Finds or makes the entry of the state's range, of `order` or larger, and locks it. Null when memory could not be had, dax_conflict when
/// there is a smaller one. Takes xa_lock.
std::uint64_t grab_mapping_entry(kernel& k, address_space& mapping, xa_state& xas, unsigned order);

} // namespace ARCH_MACHINE
} // namespace daxtorture
