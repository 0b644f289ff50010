/// What the filesystem has promised to be there after a power cut, and whether it would be.
///
/// fsync that has returned promises what the file's blocks have on the media; a store through a MAP_SYNC mapping, which its program flushes itself,
/// promises itself. A promise lasts until the page is thrown away. Nobody knows what of the log is on disk: any fsync, of any file, and time
/// force it. So at every step the block that leads from the file must have what was promised, whether or not its own file asked for that.
/// (The block that led from it before has it, too: it is given to nobody before the log has let go of it, xfs_extent_busy.)
///
/// Checked   the scenarios with power-cut; broken by the rule cow-copy and by ci/mutations/forget-log-force and log-after-store       [I20]
#pragma once

#include "fs/inode.hpp"

#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// An fsync of the file, the `fsync`th to begin, has returned.
void promise_file(const kernel& k, inode& file, std::uint64_t fsync);
/// A store to that page of the file's MAP_SYNC mapping, and its flush, have returned. vm_operations::stored_durably.
void promise_page(kernel& k, const vm_area& area, std::uint64_t page, std::uint64_t pfn);
/// The page's data is thrown away, or another page's from now on.
void forget_promise(inode& file, std::uint64_t page);
/// The power fails at this step.
void check_power_cut(const kernel& k, const inode& file);

} // namespace ARCH_MACHINE
} // namespace daxtorture
