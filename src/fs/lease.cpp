#include "fs/lease.hpp"

#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "mm/lock_classes.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>
#include <arch/task.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

layout_leases::layout_leases() : flc_lock_(lock_classes::flc_lock) {}

bool layout_leases::add() {
    arch::guard held(flc_lock_);
    if (recalled_.get())
        return false;
    leases_.set(leases_.get() + 1);
    return true;
}

void layout_leases::remove() {
    arch::guard held(flc_lock_);
    leases_.set(leases_.get() - 1);
    if (leases_.get() != 0)
        return;
    recalled_.set(false);
    waiters_.wake_up({this, 0}, 1);
}

bool layout_leases::recall() {
    arch::guard held(flc_lock_);
    if (leases_.get() == 0)
        return false;
    recalled_.set(true); // lm_break: the client is told, and gives the lease back in its own time
    return true;
}

bool layout_leases::wait_for_return() {
    wait_queue_entry waiter(arch::current(), {this, 0}, false);
    const queued_wait queued(waiters_, waiter);
    for (;;) {
        const bool no_signal =
            waiters_.prepare_to_wait_event(waiter, arch::task_state::interruptible, full_fence::full);
        if (!recall())
            return true;
        if (!no_signal)
            return false;
        arch::current().waiting.begin(arch::wait_kind::sleep, this, 0, arch::site::here());
        arch::schedule();
        arch::current().waiting.end();
    }
}

outcome file_lease(kernel& k, inode& file) {
    const open_file held(file);
    if (!held || file.leases == nullptr || file.fs != fs_kind::xfs)
        return outcome::refused;
    if (!file.leases->add())
        return outcome::busy;
    file.open_count.fetch_add(1, arch::order::relaxed); // relaxed: `held` keeps the inode for now
    arch::write_guard io(file.i_rwsem);                 // xfs_fs_map_blocks
    dax_writeback_mapping_range(k, file.mapping, 0, to_the_end);
    invalidate_range(k, file.mapping, 0, file.max_pages);
    file.leases->clients.add(1);
    return outcome::done;
}

void file_unlease(inode& file) {
    file.leases->clients.add(~0U);
    file.leases->remove();
    file.open_count.fetch_sub(1, arch::order::release); // release: as the end of open_file
}

void check_not_leased(const inode& file, const char* when) {
    if (file.leases != nullptr && file.leases->clients.get() != 0)
        arch::fail(invariant::I7, "a block was freed or shared while a client has a layout lease", when);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
