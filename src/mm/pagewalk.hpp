/// Walks of what a process maps that look at each page: mlock and /proc/PID/pagemap. Mirrors mm/mlock.c and fs/proc/task_mmu.c, v6.15 (kernel
/// facts 2.24).
///
/// mlock     pages of a device are passed by: they are on no LRU list, where the lock would have its meaning, and a page that went back to its
///           filesystem with PG_mlocked set would keep it for the next file                                         [I14]
/// pagemap   since page tables hold references, DAX pages are file pages like others: counted, and with a mapping that is no anonymous
///           one's, also while two files share them                                                                 [I1, I13]
/// Locks     mmap_lock shared; each entry is looked at under its page-table lock, which keeps its folio mapped
/// Checked   mlock-vs-truncate, pagemap-vs-reflink; broken by the rules mlock-device and share-mark
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// mlock() of all areas. False when nothing is mapped.
bool do_mlock(kernel& k, mm_struct& mm);
/// Reads the state of every mapped page. False when nothing is mapped.
bool pagemap_read(kernel& k, mm_struct& mm);

} // namespace ARCH_MACHINE
} // namespace daxtorture
