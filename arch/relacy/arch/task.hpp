/// Tasks that sleep and are woken.
///
/// Mirrors set_current_state, schedule, try_to_wake_up and signal delivery (kernel/sched/core.c, v6.15).
///
/// States    running -> (un)interruptible -> [schedule: asleep] -> running
/// Ordering  set_current_state   relaxed store; the caller adds smp_mb() or, as a rule under test, leaves it out
///           wake_up_process     full fence, then the newest state: try_to_wake_up reads it under pi_lock after
///                               smp_mb__after_spinlock()
///           schedule            the newest state (the same lock); what the waker did before the wake happens before its return
/// Blocking  schedule() checks the state and blocks without a scheduling point in between, so a wake before the check turns
///           the sleep into a return and a wake after it finds the sleeper: none is lost here. Running another thread between
///           check and block would show nothing new, the outcomes are these two.
#pragma once

#include <arch/atomic.hpp>
#include <arch/check.hpp>
#include <arch/held_locks.hpp>

namespace arch {
inline namespace relacy {

enum class task_state : unsigned { running, interruptible, uninterruptible };

struct task {
    unsigned id = 0;
    atomic<task_state> state{task_state::running};
    atomic<bool> signal{false};
    held_locks held;
    wait_note waiting;

    bool asleep = false;     ///< blocked inside schedule()
    unsigned thread = 0;     ///< simulated thread it is bound to
    detail::clock last_wake; ///< released by wakers, acquired on return from schedule()
};

inline task& current() { return *detail::state.bound[detail::self_index()]; }

/// Binds the calling simulated thread, or set-up, to its task.
inline void bind_current(task& t) {
    detail::state.bound[detail::self_index()] = &t;
    t.thread = detail::self_index();
}

inline void set_current_state(task_state s, site at = site::here()) {
    current().state.store(s, order::relaxed, at);
}

namespace detail {

/// Ends the sleep of a task whose state was just seen to be a sleeping one: one step with that look, as under pi_lock.
inline void make_run(task& t, site at) {
    touch(&t, true);
    t.state.exchange_in_step(task_state::running, order::full, at);
    t.last_wake.release();
    if (state.recording)
        record("wake", &t, at, {}, t.asleep ? "asleep" : "about to sleep");
    if (t.asleep) {
        t.asleep = false;
        state.host->unblock(1u << t.thread);
    }
}

} // namespace detail

inline void schedule(site at = site::here()) {
    task& me = current();
    detail::touch(&me, true);
    const task_state s = me.state.peek();
    if (s != task_state::running && !(s == task_state::interruptible && me.signal.peek())) {
        const bool named = me.waiting.kind() != wait_kind::none;
        if (!named)
            me.waiting.begin(wait_kind::sleep, &me, 0, at);
        me.asleep = true;
        detail::park(&me, at);
        detail::touch(&me, true); // a new step
        if (!named)
            me.waiting.end();
    } else if (s != task_state::running) {
        me.state.exchange_in_step(task_state::running, order::relaxed,
                                  at); // a signal: signal_pending_state()
    }
    me.last_wake.acquire();
}

inline bool wake_up_process(task& t, site at = site::here()) {
    detail::scheduling_point();
    detail::full_fence();
    detail::touch(&t, true);
    if (t.state.peek() == task_state::running)
        return false;
    detail::make_run(t, at);
    return true;
}

inline void send_signal(task& t, site at = site::here()) {
    t.signal.store(true, order::relaxed, at);
    detail::scheduling_point();
    detail::full_fence(); // as in try_to_wake_up, before it reads the state
    detail::touch(&t, true);
    t.last_wake.release();
    if (t.state.peek() == task_state::interruptible)
        detail::make_run(t, at);
}

inline bool signal_pending(const task& t, site at = site::here()) {
    return t.signal.load(order::relaxed, at);
}

/// One turn of a spin loop: another thread runs before this one, if any can.
inline void cpu_relax(site at = site::here()) {
    if (!detail::state.special) {
        rl::ctx().yield(1, detail::info(at));
        detail::state.stored = false;
    } else if (++detail::state.special_spins > 100'000) {
        detail::stop(rl::test_result_inconsistent_test_suite, "set-up or final check spins for ever", at);
    }
}

} // namespace relacy
} // namespace arch
