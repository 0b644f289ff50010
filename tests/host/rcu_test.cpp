// Grace periods of the host machine.
#include "tests/catch.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>
#include <arch/task.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace {

using arch::order;

struct object : arch::rcu_head {
    arch::plain<std::uint64_t> value;
    static inline std::atomic<int> alive{0};
    explicit object(std::uint64_t v) : value(v) { ++alive; }
    ~object() {
        value.set(0);
        --alive;
    }
    static void free(arch::rcu_head& head) { delete static_cast<object*>(&head); }
};

void race_readers_and_updater(bool callbacks, arch::grace_periods how_often) {
    arch::rcu_domain domain(how_often);
    arch::atomic<object*> published{new object(1)};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> stale{0};
    std::vector<arch::task> tasks(4);
    std::latch start(4);
    std::vector<std::jthread> readers;
    for (unsigned i = 0; i < 3; ++i) {
        tasks[i].id = i;
        readers.emplace_back([&, i] {
            arch::bind_current(tasks[i]);
            start.arrive_and_wait();
            arch::arm_preemption(i + 1);
            while (!stop.load(std::memory_order_relaxed)) {
                arch::rcu_read_guard reading(domain);
                arch::rcu_read_guard nested(domain);
                const object* seen = published.load(order::acquire);
                arch::preemption_point();
                if (seen->value.get() == 0)
                    ++stale;
            }
            arch::disarm_preemption();
            arch::unbind_current();
        });
    }
    tasks[3].id = 40; // a chunk of its own
    arch::bind_current(tasks[3]);
    start.arrive_and_wait();
    for (std::uint64_t i = 2; i < 20'000; ++i) {
        object* old = published.exchange(new object(i), order::full);
        if (callbacks) {
            domain.call(*old, object::free);
        } else {
            domain.synchronize();
            delete old;
        }
    }
    domain.barrier();
    stop = true;
    readers.clear();
    CHECK(stale == 0);
    CHECK(object::alive == 1);
    delete published.load(order::acquire);
    arch::unbind_current();
}

} // namespace

TEST_CASE("nothing is freed under a reader: synchronize") {
    race_readers_and_updater(false, arch::grace_periods::frequent);
    race_readers_and_updater(false, arch::grace_periods::rare);
}
TEST_CASE("nothing is freed under a reader: callbacks") {
    race_readers_and_updater(true, arch::grace_periods::frequent);
    race_readers_and_updater(true, arch::grace_periods::rare);
}

TEST_CASE("synchronize waits for a reader that is inside, not for one that comes later") {
    arch::rcu_domain domain;
    arch::task reader(1);
    arch::task updater(2);
    std::atomic<int> step{0};
    std::atomic<bool> synchronized{false};
    std::jthread inside([&] {
        arch::bind_current(reader);
        domain.read_lock();
        step = 1;
        while (step != 2)
            std::this_thread::yield();
        CHECK_FALSE(synchronized);
        domain.read_unlock();
        domain.read_lock(); // later: must not be waited for
        step = 3;
        while (!synchronized)
            std::this_thread::yield();
        domain.read_unlock();
        arch::unbind_current();
    });
    while (step != 1)
        std::this_thread::yield();
    std::jthread waiting([&] {
        arch::bind_current(updater);
        domain.synchronize();
        synchronized = true;
        arch::unbind_current();
    });
    while (updater.waiting.kind() != arch::wait_kind::grace_period)
        std::this_thread::yield();
    // Time to end by mistake: for what shall not happen there is no event, and nothing fails for its length.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK_FALSE(synchronized);
    step = 2;
    waiting.join();
    inside.join();
    CHECK(synchronized);
    CHECK(updater.waiting.kind() == arch::wait_kind::none);
}

TEST_CASE("barrier runs callbacks under a lock, call and synchronize leave them") {
    constexpr arch::lock_class outer{"outer", 10};
    arch::rcu_domain domain;
    arch::task me(0);
    arch::bind_current(me);
    arch::mutex lock(outer);
    {
        arch::guard held(lock);
        for (int i = 0; i < 200; ++i)
            domain.call(*new object(1), object::free);
        domain.synchronize();
        CHECK(object::alive == 200);
        domain.barrier();
        CHECK(object::alive == 0);
    }
    domain.call(*new object(1), object::free);
    domain.synchronize();
    CHECK(object::alive == 0);
    arch::unbind_current();
}

TEST_CASE("two domains do not wait for each other") {
    arch::rcu_domain one;
    arch::rcu_domain other;
    arch::task me(0);
    arch::bind_current(me);
    one.read_lock();
    other.synchronize();
    one.read_unlock();
    arch::unbind_current();
}

TEST_CASE("a grace period that never ends can be given up") {
    arch::rcu_domain domain;
    arch::task reader(1);
    arch::task updater(2);
    arch::bind_current(reader);
    domain.read_lock();
    std::atomic<bool> caught{false};
    std::jthread waiting([&] {
        arch::bind_current(updater);
        try {
            domain.synchronize();
        } catch (const arch::round_aborted&) {
            caught = true;
        }
        arch::unbind_current();
    });
    arch::abort_task(updater, arch::abort_level::waits);
    waiting.join();
    CHECK(caught);
    domain.read_unlock();
    arch::unbind_current();
}
