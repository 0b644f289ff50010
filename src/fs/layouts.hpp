/// How ext4, xfs, fuse and ext2 break the layouts of their files (kernel facts 2.15, table).
///
/// ext4 and xfs break the whole file whatever the range; fuse breaks the range; ext2 has no layout break at all, by the rule
/// `ext2-layouts`. All that wait for a page keep i_rwsem and drop invalidate_lock. xfs goes on to recall layout leases, for which it waits
/// without either; then it begins again.
/// Checked   break-vs-*, punch-vs-pin, ext2-truncate-vs-pin
#pragma once

#include "fs/inode.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Does this filesystem break layouts?
bool has_layout_break(const kernel& k, const inode& file);

/// The wait callback of all of them: drops invalidate_lock, sleeps once, takes it again. i_rwsem stays held.
void wait_dax_page(kernel& k, address_space& mapping);

/// The caller holds i_rwsem and invalidate_lock exclusively, and does so when this returns; both may have been dropped meanwhile, where there
/// are leases. (xfs_break_layouts, BREAK_UNMAP)
outcome break_layouts(kernel& k, inode& file, std::uint64_t first, std::uint64_t last);
/// Its first half: i_rwsem stays held, and need not be. `nowait`: reports a busy page.
outcome break_dax_layouts(kernel& k, inode& file, std::uint64_t first, std::uint64_t last,
                          bool nowait = false);
/// Recalls the leases alone, for who holds i_rwsem exclusively and nothing else. (BREAK_WRITE)
outcome xfs_break_leased_layouts_for_write(inode& file);

/// A break's result as an operation's.
outcome outcome_of(break_result result);

} // namespace ARCH_MACHINE
} // namespace daxtorture
