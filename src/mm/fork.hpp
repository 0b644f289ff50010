/// A child's page tables. Mirrors kernel/fork.c and mm/memory.c, v6.15 (kernel facts 2.9).
///
/// Areas     the child gets them all; page-table entries only of those that faults cannot fill again: VM_MIXEDMAP (fuse), and private ones
/// Entry     under both page-table locks: a reference, the mapcount, then the child's entry. The parent's entry cannot go meanwhile, and its
///           reference keeps the folio from becoming idle
/// Walks     of the file's areas meet the parent before the child: what was copied before its parent's entry went is found there
/// Checked   fork-vs-truncate, fork-vs-pin; broken by the rules fork-lock and area-order
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// `child`, of equal areas, becomes a copy of `parent`. False when nothing is mapped in the parent, or anything in the child.
bool dup_mmap(kernel& k, mm_struct& parent, mm_struct& child);

} // namespace ARCH_MACHINE
} // namespace daxtorture
