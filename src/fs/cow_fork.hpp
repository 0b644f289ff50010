/// The CoW fork of an xfs file: blocks that writes to shared ones have reserved and not yet put in their place. Mirrors
/// xfs_reflink_trim_around_shared, xfs_reflink_allocate_cow, xfs_reflink_end_cow and xfs_reflink_cancel_cow_blocks
/// (fs/xfs/xfs_reflink.c), v6.12 and v6.15.
///
/// States    nothing -> reserved -> the file's (the write has succeeded) or free (it has failed, or the page is truncated or evicted). What a
///           hole punch leaves reserved is taken by the next write to the hole
/// Locks     ilock, held by every caller. Nothing else: a fault and a write() may be at the same page, and share its reservation
/// Checked   memory-failure-vs-*, reflink-*; broken by the rules cow-cancel and mf-cow-fork                                      [I32]
#pragma once

#include "fs/inode.hpp"

#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Is the page's block shared, or has another write reserved one of its own for it, shared or not?
bool needs_cow(const inode& file, std::uint64_t pgoff);
/// How many of these mapped pages are shared as the first one is.
std::uint64_t trim_around_shared(const inode& file, std::uint64_t pgoff, std::uint64_t pages);
/// The first of the blocks that a write to these shared pages will have, reserved by this write or by another that is under way; none when
/// the device has none, or no run of so many.
std::uint64_t reserve_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages);
/// The write has succeeded: what it has reserved takes its place in the file. Whoever comes second finds it done.
void end_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages);
/// Frees what is reserved for the pages [first, last), whoever has reserved it.
void cancel_cow(inode& file, std::uint64_t first, std::uint64_t last);

} // namespace ARCH_MACHINE
} // namespace daxtorture
