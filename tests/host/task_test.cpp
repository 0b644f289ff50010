// Sleeping and waking on the host machine: no wake-up is lost, signals, the end of a hung round.
#include "tests/catch.hpp"
#include "tests/host/events.hpp"

#include <arch/atomic.hpp>
#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/plain.hpp>
#include <arch/task.hpp>

#include <atomic>
#include <thread>

namespace {

using arch::order;
using arch::task_state;
using daxtorture::tests::comes_true;

bool asleep(const arch::task& t) { return t.parked.load() == 1; }

/// Two tasks hand a token to and fro; each sleeps until it has it.
void ping_pong(unsigned hand_offs, task_state how, unsigned idle_every) {
    arch::task tasks[2]{arch::task(0), arch::task(1)};
    arch::atomic<unsigned> turn{0};
    arch::plain<unsigned> passed; // protected by the token alone
    const auto play = [&](unsigned me) {
        arch::bind_current(tasks[me]);
        arch::arm_preemption(me + 42);
        for (unsigned i = 0; i < hand_offs; ++i) {
            for (;;) {
                arch::set_current_state(how);
                arch::smp_mb();
                if (turn.load(order::acquire) == me)
                    break;
                arch::schedule();
            }
            arch::set_current_state(task_state::running);
            passed.set(passed.get() + 1);
            if (idle_every != 0 && i % idle_every == 0 && i + 1 != hand_offs) // the other is not yet done
                comes_true([&] { return asleep(tasks[1 - me]); });
            turn.store(1 - me, order::release);
            arch::smp_mb();
            arch::wake_up_process(tasks[1 - me]);
        }
        arch::disarm_preemption();
        arch::unbind_current();
    };
    std::jthread other([&] { play(1); });
    play(0);
    other.join();
    CHECK(passed.get() == 2 * hand_offs);
}

} // namespace

TEST_CASE("sleep and wake-up never lose a hand-off") {
    ping_pong(20'000, task_state::uninterruptible, 0);
    ping_pong(20'000, task_state::interruptible, 0);
}

TEST_CASE("a parked sleeper is woken as well") { ping_pong(1'000, task_state::uninterruptible, 2); }

TEST_CASE("wake_up_process tells whether the task slept") {
    arch::task t(0);
    CHECK_FALSE(arch::wake_up_process(t));
    t.state.store(task_state::uninterruptible, order::relaxed);
    CHECK(arch::wake_up_process(t));
    CHECK_FALSE(arch::wake_up_process(t));
}

TEST_CASE("schedule returns at once when running, or when a signal pends in an interruptible state") {
    arch::task me(0);
    arch::bind_current(me);
    arch::schedule();
    arch::send_signal(me);
    CHECK(arch::signal_pending(me));
    arch::set_current_state(task_state::interruptible);
    arch::schedule();
    CHECK(me.state.peek() == task_state::running);
    arch::unbind_current();
}

TEST_CASE("a signal wakes an interruptible sleeper, an uninterruptible one only by a wake-up") {
    arch::task sleeper(1);
    std::atomic<int> woken{0};
    std::jthread thread([&] {
        arch::bind_current(sleeper);
        arch::set_current_state(task_state::interruptible);
        arch::smp_mb();
        arch::schedule();
        ++woken;
        arch::set_current_state(task_state::uninterruptible);
        arch::smp_mb();
        arch::schedule();
        ++woken;
        arch::unbind_current();
    });
    REQUIRE(comes_true([&] { return asleep(sleeper); }));
    CHECK(arch::is_blocked(sleeper));
    CHECK(sleeper.waiting.kind() == arch::wait_kind::sleep);
    arch::send_signal(sleeper);
    REQUIRE(comes_true([&] { return woken == 1 && asleep(sleeper); }));
    arch::send_signal(sleeper);
    REQUIRE(comes_true([&] { return asleep(sleeper) || woken == 2; })); // it looks, and goes on sleeping
    CHECK(woken == 1);
    arch::wake_up_process(sleeper);
    CHECK(comes_true([&] { return woken == 2; }));
}

TEST_CASE("signals race with going to sleep") {
    constexpr unsigned rounds = 5'000;
    arch::task sleeper(1);
    arch::atomic<unsigned> at{0};
    std::jthread thread([&] {
        arch::bind_current(sleeper);
        for (unsigned i = 1; i <= rounds; ++i) {
            while (!arch::signal_pending(sleeper)) {
                arch::set_current_state(
                    task_state::interruptible); // no fence: schedule() looks at the signal itself
                arch::schedule();
            }
            arch::set_current_state(task_state::running);
            sleeper.signal.store(false, order::relaxed);
            at.store(i, order::release);
        }
        arch::unbind_current();
    });
    for (unsigned i = 1; i <= rounds; ++i) {
        arch::send_signal(sleeper);
        while (at.load(order::acquire) != i)
            arch::cpu_relax();
    }
    CHECK(at.peek() == rounds);
}

TEST_CASE("an aborted task leaves its sleep by an exception, and guards release") {
    constexpr arch::lock_class outer{"outer", 10};
    arch::task sleeper(1);
    arch::mutex lock(outer);
    std::atomic<bool> caught{false};
    std::jthread thread([&] {
        arch::bind_current(sleeper);
        try {
            arch::guard held(lock);
            arch::set_current_state(task_state::uninterruptible);
            arch::smp_mb();
            arch::schedule();
        } catch (const arch::round_aborted&) {
            caught = true;
        }
        arch::unbind_current();
    });
    REQUIRE(comes_true([&] { return asleep(sleeper); }));
    CHECK(comes_true([&] {
        arch::abort_task(sleeper, arch::abort_level::sleeps);
        return caught.load();
    }));
    thread.join();
    CHECK_FALSE(lock.is_locked());
    CHECK(sleeper.held.depth() == 0);
}

TEST_CASE("an aborted task leaves an endless loop of cpu_relax or note") {
    arch::task looper(1);
    std::atomic<unsigned> caught{0};
    std::jthread thread([&] {
        arch::bind_current(looper);
        try {
            for (;;)
                arch::cpu_relax();
        } catch (const arch::round_aborted&) {
            ++caught;
        }
        try {
            for (;;)
                arch::note("again", 0);
        } catch (const arch::round_aborted&) {
            ++caught;
        }
        arch::unbind_current();
    });
    arch::abort_task(looper, arch::abort_level::sleeps);
    CHECK(comes_true([&] { return caught == 2; }));
}
