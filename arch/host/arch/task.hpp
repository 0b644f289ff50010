/// Tasks: who runs, who sleeps, how sleepers are woken. Mirrors the contract of kernel/sched/core.c.
///
/// States    running -> set_current_state(S) -> S; S -> running by wake_up_process, by a signal when S is interruptible, or by
///           the task itself. schedule() returns at once when the state is running.
/// Ordering  set_current_state  relaxed store; the caller adds smp_mb()
///           wake_up_process    full; a task that leaves schedule() sees all that its waker did before
///           send_signal        full; the sleeper looks at the signal after a full barrier of its own before it parks
/// Blocking  schedule() spins about 2 us, then sleeps on a futex. A waker makes a system call only for a parked task.
/// Ending    the engine ends a round that hangs in two steps, task by task:
///           sleeps  schedule(), cpu_relax() and note() throw round_aborted, which only the engine's workers catch. Guards
///                   release what the model holds, and whoever waits for those locks gets them and ends its operation.
///                   What lies on a sleeper's stack and is linked into shared lists needs a destructor that takes it out.
///           waits   a blocked lock goes on without the lock, a grace period throws. For cycles of locks, which the first
///                   step leaves standing; one task at a time, while all others of the world are blocked or back.
///           Locks never throw, so destructors may take them. They may not sleep.
/// Checked   tests/host/task_test.cpp
#pragma once

#include <arch/atomic.hpp>
#include <arch/futex.hpp>
#include <arch/held_locks.hpp>
#include <arch/machine.hpp>
#include <arch/site.hpp>

#include <atomic>
#include <cstdint>

namespace arch {
inline namespace host {

enum class task_state : unsigned { running, interruptible, uninterruptible };

/// How much of a task's waiting the engine has ended. See "Ending" above.
enum class abort_level : std::uint8_t { none, sleeps, waits };

struct alignas(64) task {
    explicit task(unsigned number = 0) : id(number) {}

    unsigned id;
    atomic<task_state> state{task_state::running};
    atomic<bool> signal{false};
    held_locks held;
    wait_note waiting;

    // The machine's own.
    std::atomic<std::uint32_t> parked{0};                ///< 1: asleep in schedule(), or about to be
    std::atomic<abort_level> aborted{abort_level::none}; ///< the engine ends the round
    std::atomic<const std::atomic<std::uint32_t>*> sleeps_on{nullptr}; ///< the futex it sleeps on
};

/// Thrown out of blocked waits after abort_task. Not an error: it only carries a worker back to its engine.
struct round_aborted {};

namespace detail {
inline constinit thread_local task* bound_task = nullptr;
/// A task for a thread that was never bound, so that set-up code may take locks.
task& unbound_task() noexcept;
/// Throws round_aborted, except while another exception unwinds the stack.
void give_up(task& self);
/// Sleeps on the futex, unless the engine has ended such waits: then false.
bool park(task& self, const std::atomic<std::uint32_t>& word, std::uint32_t expected, abort_level ends);
void sleep_until_running(task& self, site at);

/// Describes what blocks the task while it is in scope, and restores what the model had described.
class blocked_note {
  public:
    blocked_note(task& self, wait_kind kind, const void* object, site at);
    ~blocked_note();
    blocked_note(const blocked_note&) = delete;
    blocked_note& operator=(const blocked_note&) = delete;

  private:
    task& self_;
    wait_kind kind_;
    const void* object_;
    std::uint64_t key_;
    site at_;
};
} // namespace detail

inline task& current() {
    task* self = detail::bound_task;
    if (self == nullptr) [[unlikely]]
        return detail::unbound_task();
    return *self;
}
/// Makes the calling thread act as `self`: at thread start, and around set-up and checks.
inline void bind_current(task& self) { detail::bound_task = &self; }
/// Ends that; the task may then be destroyed.
inline void unbind_current() { detail::bound_task = nullptr; }

inline void set_current_state(task_state state, site at = site::here()) {
    current().state.store(state, order::relaxed, at); // relaxed: the caller fences, or a rule leaves that out
    preemption_point();
}

inline void schedule(site at = site::here()) {
    task& self = current();
    if (self.aborted.load(std::memory_order_relaxed) != abort_level::none) [[unlikely]]
        detail::give_up(self);
    // acquire: pairs with the exchange of wake_up_process
    if (self.state.load(order::acquire) != task_state::running)
        detail::sleep_until_running(self, at);
}

/// False when the task already ran.
bool wake_up_process(task& sleeper, site at = site::here());
void send_signal(task& receiver, site at = site::here());
inline bool signal_pending(const task& self, site = site::here()) { return self.signal.load(order::acquire); }

/// In every spin loop.
inline void cpu_relax(site = site::here()) {
    pause_cpu();
    preemption_point();
    if (current().aborted.load(std::memory_order_relaxed) != abort_level::none) [[unlikely]]
        detail::give_up(current());
}

/// For engines: ends the task's waits up to that level, now and later. Repeat it until the worker is back: a task that is just
/// about to sleep may miss one call.
void abort_task(task& victim, abort_level level);
/// For engines: is the task blocked in schedule(), a lock or a grace period? A racy look.
bool is_blocked(const task& self);

} // namespace host
} // namespace arch
