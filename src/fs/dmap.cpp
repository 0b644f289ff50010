#include "fs/dmap.hpp"

#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "fs/layouts.hpp"
#include "fs/super.hpp"
#include "mm/wait_queue.hpp"

#include <arch/task.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

void wait_for_free_range(kernel&, inode& file) {
    wait_queue_head& queue = file.sb->range_waitq;
    wait_queue_entry waiter(arch::current(), {&queue, 0}, false);
    const queued_wait queued(queue, waiter);
    for (;;) {
        queue.prepare_to_wait_event(waiter, arch::task_state::uninterruptible, full_fence::full);
        if (file.blocks.any_free())
            return;
        arch::current().waiting.begin(arch::wait_kind::sleep, &queue, 0, arch::site::here());
        arch::schedule();
        arch::current().waiting.end();
    }
}

void wake_range_waiters(inode& file) { file.sb->range_waitq.wake_up({&file.sb->range_waitq, 0}, 1); }

namespace {

/// Under invalidate_lock, held exclusively, and ilock: is a range bound to the page that nobody uses?
bool is_reclaimable(const kernel& k, const inode& file, std::uint64_t page) {
    return file.extents[page].get() != block_allocator::none &&
           (k.rules.dmap_used == dmap_in_use::take || file.dmap_users[page].get() == 0);
}

/// dmap_writeback_invalidate, dmap_removemapping_one. The caller holds ilock. False when the entry stayed.
bool reclaim_one_dmap_locked(kernel& k, inode& file, std::uint64_t page) {
    dax_writeback_mapping_range(k, file.mapping, page, page + 1);
    if (!invalidate_inode_pages2_range(k, file.mapping, page, page + 1, invalidate_what::clean))
        return false;
    const std::uint64_t range = file.extents[page].get();
    file.extents[page].set(block_allocator::none);
    file.blocks.free(range, file.mapping.number, page);
    return true;
}

/// lookup_and_reclaim_dmap. The caller holds invalidate_lock exclusively. `nothing`: no range is bound to the page.
outcome lookup_and_reclaim_dmap(kernel& k, inode& file, std::uint64_t page) {
    {
        arch::guard held(file.ilock);
        if (file.extents[page].get() == block_allocator::none)
            return outcome::nothing;
    }
    if (k.rules.reclaims == dmap_reclaim::after_break)
        if (const outcome broken = break_dax_layouts(k, file, page, page + 1); broken != outcome::done)
            return broken;
    {
        arch::guard held(
            file.ilock); // the break may have dropped invalidate_lock: everything is looked at again
        if (!is_reclaimable(k, file, page) || !reclaim_one_dmap_locked(k, file, page))
            return outcome::busy;
    }
    wake_range_waiters(file);
    return outcome::done;
}

} // namespace

outcome file_reclaim(kernel& k, inode& file, unsigned first, unsigned last) {
    const open_file held(file); // igrab
    if (!held || !file.has_dmaps())
        return outcome::refused;
    outcome result = outcome::nothing;
    for (unsigned page = first; page < last; ++page) {
        arch::write_guard faults(file.mapping.invalidate_lock);
        const outcome one = lookup_and_reclaim_dmap(k, file, page);
        if (one == outcome::interrupted)
            return one;
        if (one != outcome::nothing)
            result = one;
    }
    return result;
}

outcome alloc_dax_mapping_reclaim(kernel& k, inode& file) {
    bool any = false;
    for (unsigned page = 0; page < file.max_pages; ++page) {
        arch::write_guard faults(file.mapping.invalidate_lock);
        const outcome one = lookup_and_reclaim_dmap(k, file, page);
        if (one == outcome::done || one == outcome::interrupted)
            return one;
        any |= one == outcome::busy;
    }
    if (any)
        arch::cpu_relax(); // somebody uses a range of the file, for a moment
    else
        wait_for_free_range(k, file);
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
