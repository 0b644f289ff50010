/// The dmap ranges of virtiofs: parts of the device that are bound to pages of files on demand. Mirrors fs/fuse/dax.c, v6.15 (kernel facts 2.15).
///
/// States    free -> bound to a page (a fault, a write) -> reclaimed: its layouts broken, its entry written back and invalidated -> free
/// Locks     reclaim holds invalidate_lock exclusively, so no fault has looked the range up and not mapped it yet; a write has, and
///           counts itself as a user of the range
/// Waiting   a fault that finds no free range cannot reclaim one: it holds invalidate_lock shared. It drops it, waits and begins again
/// Checked   dmap-reclaim-vs-*; broken by the rules dmap-reclaim [I7, I8], dmap-wait [I29] and dmap-in-use [I7]
#pragma once

#include "fs/inode.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Sleeps until a range is free. Nobody but reclaim, truncation and eviction makes one so.
void wait_for_free_range(kernel& k, inode& file);
/// Ranges of this file have become free.
void wake_range_waiters(inode& file);

/// The worker: takes back the ranges of pages [first, last), each under the file's invalidate_lock. `busy`: one is in use.
outcome file_reclaim(kernel& k, inode& file, unsigned first, unsigned last);
/// Makes a range free for a write, which holds i_rwsem: one of the file's own, or else whoever's is reclaimed first.
outcome alloc_dax_mapping_reclaim(kernel& k, inode& file);

} // namespace ARCH_MACHINE
} // namespace daxtorture
