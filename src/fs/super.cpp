#include "fs/super.hpp"

#include "dax/memory_failure.hpp"
#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// Waits for every fault and every change of a file that is under way. Those that come later find the flag that was set before.
void drain(super_block& sb) {
    for (inode* file : sb.files) {
        arch::write_guard io(file->i_rwsem);
        arch::write_guard faults(file->mapping.invalidate_lock);
    }
}

/// freeze_super: no new writers, none left, everything written is durable.
void freeze_super(kernel& k, super_block& sb) {
    sb.frozen.store(true, order::relaxed); // relaxed: the locks that drain takes order it
    drain(sb);
    for (inode* file : sb.files)
        file_writeback(k, *file, false);
}

void shut_down(kernel& k, super_block& sb) {
    sb.shut_down.store(true, order::relaxed); // relaxed: faults read it under ilock at the latest
    if (k.rules.pre_remove != pre_remove_order::unmap_then_shutdown)
        drain(sb); // a fault that had found a block maps it before the unmapping below
}

void unmap_all(kernel& k, super_block& sb) {
    for (inode* file : sb.files) {
        if (k.rules.pre_remove == pre_remove_order::shutdown_then_break) {
            dax_break_layout_final(k, file->mapping);
            continue;
        }
        // Clean entries go, whoever holds their pages (docs/findings/unbind-while-mounted.md)
        mf_dax_kill_procs(k, file->mapping, 0, file->max_pages);
        invalidate_inode_pages2_range(k, file->mapping, 0, file->max_pages, invalidate_what::clean);
    }
}

void notify_pre_remove(kernel& k, super_block& sb) {
    const bool shuts_down_first = k.rules.pre_remove != pre_remove_order::unmap_then_shutdown;
    freeze_super(k, sb);
    if (shuts_down_first)
        shut_down(k, sb);
    unmap_all(k, sb);
    if (!shuts_down_first)
        shut_down(k, sb);
    sb.frozen.store(false, order::relaxed); // thawed, but whoever comes now finds it shut down
}

/// The rmap btree's answer: which pages of which files have this block. What is reserved in a CoW fork is in the tree too, and has no file: false.
bool kill_owners(kernel& k, super_block& sb, std::uint64_t block) {
    bool reserved = false;
    for (inode* file : sb.files)
        for (unsigned page = 0; page < file->max_pages; ++page) {
            bool owner = false;
            {
                arch::guard held(file->ilock);
                owner = file->extents[page].get() == block;
                reserved |= file->cow_fork[page].get() == block;
            }
            if (owner)
                mf_dax_kill_procs(k, file->mapping, page, page + 1);
        }
    return !reserved || k.rules.mf_cow == mf_cow_fork::pass_by;
}

/// xfs_dax_notify_failure.
mf_answer notify_failure(kernel& k, void* holder, std::uint64_t pfn, mf_reason why) {
    if (holder == nullptr) { // it has let go since its operations were read
        if (k.rules.no_holder == holder_null::follow)
            arch::fail(invariant::I22, "a filesystem was followed that had let go of its device",
                       "xfs_dax_notify_failure");
        return mf_answer::dealt_with;
    }
    if (k.rules.owners == mf_owners::page)
        return mf_answer::cannot_tell; // no rmap btree
    super_block& sb = *static_cast<super_block*>(holder);
    if (why == mf_reason::pre_remove) {
        notify_pre_remove(k, sb);
    } else if (!kill_owners(k, sb, pfn)) {
        sb.shut_down.store(
            true, order::relaxed); // relaxed: xfs_force_shutdown; faults read it under ilock at the latest
        return mf_answer::shut_down;
    }
    return mf_answer::dealt_with;
}

constexpr dax_holder_operations xfs_dax_holder_operations{notify_failure};

} // namespace

bool sb_is_shut_down(kernel& k, const super_block& sb) {
    return k.unbinds && sb.shut_down.load(order::relaxed); // relaxed: under a lock that drain takes
}

bool sb_start_write(kernel& k, const super_block& sb) {
    // Frozen, the kernel would sleep until the thaw; here a thaw comes only after a shutdown, which fails it.
    return !k.unbinds || (!sb.frozen.load(order::relaxed) && !sb_is_shut_down(k, sb));
}

mounted_filesystem::mounted_filesystem(kernel& k, super_block& sb) : sb_(k.unbinds ? &sb : nullptr) {
    if (sb_ == nullptr)
        return;
    sb_->s_umount.lock();
    mounted_ = sb_->mounted.get();
}

mounted_filesystem::~mounted_filesystem() {
    if (sb_ != nullptr)
        sb_->s_umount.unlock();
}

outcome do_mount(kernel& k, super_block& sb) {
    arch::guard held(sb.s_umount);
    if (sb.mounted.get() || !dax_alive(k, sb.device))
        return outcome::refused;
    // Before the device knows its holder: from then on it may go, and tell so. relaxed: nothing is open yet
    sb.shut_down.store(false, order::relaxed);
    unsigned incarnation = 0;
    if (sb.wants_to_hold && !fs_dax_get(k, sb.device, &sb, xfs_dax_holder_operations, incarnation))
        return outcome::busy;
    sb.held_incarnation.set(incarnation);
    sb.mounted.set(true);
    return outcome::done;
}

outcome do_umount(kernel& k, super_block& sb) {
    arch::guard held(sb.s_umount);
    if (!sb.mounted.get())
        return outcome::nothing;
    for (inode* file : sb.files)
        if (file_evict(k, *file) == outcome::refused && !file_is_evicted(*file))
            return outcome::busy;
    sb.mounted.set(false);
    const unsigned incarnation = sb.held_incarnation.get();
    const dax_read_guard letting_go(
        k, sb.device); // stands for the reference to this dax_device: bind makes another
    held.unlock();
    fs_put_dax(k, sb.device, &sb, incarnation);
    return outcome::done;
}

namespace {

bool is_mounted(super_block& sb) {
    arch::guard held(sb.s_umount);
    return sb.mounted.get();
}

/// del_gendisk: any filesystem hears that its device is dead, once a mount that is under way is over (fs_bdev_mark_dead).
void mark_dead(super_block& sb) {
    arch::guard held(sb.s_umount);
    sb.shut_down.store(true, order::relaxed); // relaxed: faults read it under ilock at the latest
}

} // namespace

outcome pmem_attach(kernel& k, super_block& sb, bool fails) {
    dax_device& device = sb.device;
    arch::guard held(device.device_lock);
    if (device.bound.get())
        return outcome::nothing;
    if (!memremap_pages(k, device.pgmap, fails))
        return outcome::refused;
    // Whoever is still letting go of the last incarnation does so first
    if (k.unbinds)
        device.dax_srcu.synchronize();
    device.incarnation.fetch_add(1, order::relaxed); // relaxed: `alive` publishes it
    device.alive.store(true, order::release);        // release: set_bit after everything is there
    device.bound.set(true);
    return outcome::done;
}

outcome pmem_detach(kernel& k, super_block& sb, bool only_unmounted) {
    dax_device& device = sb.device;
    arch::guard held(device.device_lock);
    if (!device.bound.get())
        return outcome::nothing;
    if (only_unmounted && is_mounted(sb))
        return outcome::busy;
    device.bound.set(false);
    blk_set_queue_dying(k, device);
    kill_dax(k, device);
    mark_dead(sb);
    memunmap_pages(k, device.pgmap);
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
