/// Layout leases: a pNFS client knows the blocks of a file and reads and writes them itself, until the lease is recalled. Mirrors
/// break_layout and generic_add_lease of fs/locks.c and xfs_fs_map_blocks of fs/xfs/xfs_pnfs.c, v6.15 (kernel facts 2.15, table: xfs).
///
/// States    none -> leased -> recalled: no new leases until the last one is given back -> none
/// Locks     a client gets the lease first and then, under i_rwsem, the blocks. Who frees blocks holds i_rwsem while it looks for leases:
///           one that it does not see yet will get its blocks afterwards
/// Waiting   for a recalled lease without any lock of the file; everything that was looked at before must be looked at again
/// Checked   lease-vs-truncate, lease-vs-reflink; broken by the rule lease-retry                                       [I7, I18]
#pragma once

#include "fs/inode.hpp"
#include "mm/wait_queue.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class layout_leases {
  public:
    layout_leases();

    /// generic_add_lease: false while one is being recalled.
    bool add();
    void remove();
    /// break_layout without blocking: true (EWOULDBLOCK) when there is a lease, which is recalled from then on.
    bool recall();
    /// break_layout that blocks: false when a signal ended it.
    bool wait_for_return();

    /// The oracle's: clients that know the blocks.
    arch::oracle<unsigned> clients{0};

  private:
    arch::spinlock flc_lock_;
    arch::plain<unsigned> leases_{0};
    arch::plain<bool> recalled_{false};
    wait_queue_head waiters_;
};

/// A client's lease on the file: `busy` while one is recalled, refused where there are none. It keeps the inode.
outcome file_lease(kernel& k, inode& file);
void file_unlease(inode& file);

/// For who frees or shares a block of the file [I7].
void check_not_leased(const inode& file, const char* when);

} // namespace ARCH_MACHINE
} // namespace daxtorture
