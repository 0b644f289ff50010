/// RCU: a callback is due when all who read at its registration have left. It runs between two operations of a thread, or where one
/// sleeps or waits for a grace period.
#include "machine.hpp"

#include <algorithm>

namespace daxtorture::kernel_machine {

void machine::rcu_enter() {
    touch(unspoken::grace_periods, false);
    ++threads_[current_].rcu_depth;
}

void machine::defer(void* head, void (*callback)(void*)) {
    touch(unspoken::grace_periods, true);
    unsigned readers = 0;
    for (unsigned t = 0; t < machine_threads && phase_ == phase::threads; ++t)
        readers |= threads_[t].rcu_depth != 0 ? 1u << t : 0;
    callbacks_.push_back({head, callback, readers});
}

void machine::rcu_leave() {
    touch(unspoken::grace_periods, false);
    thread_state& me = threads_[current_];
    if (--me.rcu_depth != 0)
        return;
    bool due = false;
    for (deferred& one : callbacks_) {
        one.readers &= ~(1u << current_);
        due = due || one.readers == 0;
    }
    if (due)
        released(&callbacks_);
}

void machine::run_callbacks() {
    if (!callbacks_.empty())
        touch(unspoken::grace_periods, true);
    for (std::size_t i = 0; i < callbacks_.size();) {
        if (callbacks_[i].readers != 0) {
            ++i;
            continue;
        }
        const deferred due = callbacks_[i];
        callbacks_.erase(callbacks_.begin() + static_cast<std::ptrdiff_t>(i));
        glue_call(due.callback, due.head);
        i = 0;
    }
}

void machine::rcu_wait() {
    if (phase_ != phase::threads) {
        run_callbacks();
        return;
    }
    point(machine_point_yield, nullptr, nullptr);
    defer(nullptr, [](void*) {});
    while (std::ranges::any_of(callbacks_, [](const deferred& one) { return one.readers != 0; }))
        wait(&callbacks_, nullptr);
    run_callbacks();
}

} // namespace daxtorture::kernel_machine
