/// A mounted filesystem and its device: mount, unmount, and what happens when the device goes. Mirrors the super block's part in fs/xfs/xfs_super.c,
/// xfs_notify_failure.c and fs/super.c, v6.15 (kernel facts 2.19 to 2.21).
///
/// States    mounted -> frozen (no write faults, no changes) -> shut down (no block is found any more) -> unmounted -> mounted ...
/// Unbind    the holder hears of it before anything else goes: it freezes and syncs, unmaps every page of every file, forgets the clean entries
///           and shuts down. Only xfs asks to be told: files of others stay mapped over the removal
/// Checked   the scenarios with unbind, mount and unmount; broken by the rule pre-remove=unmap-then-shutdown
#pragma once

#include "dax/device.hpp"
#include "fs/inode.hpp"

#include <arch/machine.hpp>

#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Of all files on one device, as one filesystem would have them.
struct super_block {
    super_block(dax_device& below) : device(below), s_umount(lock_classes::s_umount) {}

    dax_device& device;
    std::vector<inode*> files; ///< fixed after set-up
    arch::mutex s_umount;
    arch::plain<bool> mounted{false};
    arch::atomic<bool> frozen{false};
    arch::atomic<bool> shut_down{false};
    wait_queue_head range_waitq; ///< faults that found no free dmap range (virtiofs)
    /// What the holder_data of the device points at, and whether the filesystem asks to be its holder.
    bool wants_to_hold = false;
    arch::plain<unsigned> held_incarnation{0}; ///< of the device, since the mount; under s_umount
};

/// A filesystem that stays mounted for the length of a scope; false when it is not. Where no device goes, nobody unmounts either.
class mounted_filesystem {
  public:
    mounted_filesystem(kernel& k, super_block& sb);
    ~mounted_filesystem();
    mounted_filesystem(const mounted_filesystem&) = delete;
    mounted_filesystem& operator=(const mounted_filesystem&) = delete;
    explicit operator bool() const { return mounted_; }

  private:
    super_block* sb_; ///< null: nothing to give back
    bool mounted_ = true;
};

/// Set-up and `mount`: refused when mounted already or when the device is gone or still held.
outcome do_mount(kernel& k, super_block& sb);
/// Evicts every inode, then lets go of the device; refused while a file is mapped or open.
outcome do_umount(kernel& k, super_block& sb);

/// nvdimm driver: the memory appears; false when it is there.
outcome pmem_attach(kernel& k, super_block& sb, bool fails = false);
/// ... and goes: whatever is mounted on it, or only when nothing is.
outcome pmem_detach(kernel& k, super_block& sb, bool only_unmounted);

/// May a write fault or a change of the file go on? Not while its filesystem is frozen or when it was shut down.
bool sb_start_write(kernel& k, const super_block& sb);
/// Was it? A file without blocks answers every fault with SIGBUS.
bool sb_is_shut_down(kernel& k, const super_block& sb);

} // namespace ARCH_MACHINE
} // namespace daxtorture
