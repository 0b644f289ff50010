#include "mm/completion.hpp"

#include "mm/lock_classes.hpp"
#include "mm/unlocked.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

completion::completion() : lock_(lock_classes::wait_queue) {}

void completion::reinit() {
    const arch::guard held(lock_);
    done_.set(false);
}

void completion::complete() {
    const arch::guard held(lock_);
    done_.set(true);
    if (arch::task* waiter = waiter_.get())
        arch::wake_up_process(*waiter);
}

void completion::wait() {
    const arch::guard held(lock_);
    while (!done_.get()) {
        waiter_.set(&arch::current());
        arch::set_current_state(arch::task_state::uninterruptible);
        const unlocked dropped(lock_);
        arch::current().waiting.begin(arch::wait_kind::sleep, this, 0, arch::site::here());
        arch::schedule();
        arch::current().waiting.end();
    }
    waiter_.set(nullptr);
    arch::set_current_state(arch::task_state::running);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
