// Locks of the host machine: exclusion, no lost wake-up of a waiter, the lock order, what a blocked task shows.
#include "tests/catch.hpp"
#include "tests/host/events.hpp"

#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/plain.hpp>
#include <arch/task.hpp>

#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace {

using daxtorture::tests::comes_true;
using daxtorture::tests::sleeps_in_kernel;

constexpr arch::lock_class outer{"outer", 10};
constexpr arch::lock_class inner{"inner", 20};

/// Runs `body(i)` on `count` threads, each bound to a task of its own.
template <class F> void run_threads(unsigned count, F body) {
    std::vector<arch::task> tasks(count);
    std::latch start(count); // a thread starts slower than some bodies run
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < count; ++i) {
        tasks[i].id = i;
        threads.emplace_back([&tasks, &body, &start, i] {
            arch::bind_current(tasks[i]);
            start.arrive_and_wait();
            arch::arm_preemption(i + 1);
            body(i);
            arch::disarm_preemption();
            arch::unbind_current();
        });
    }
    threads.clear();
}

thread_local arch::violation last_violation;
thread_local std::string last_detail;
thread_local int violations = 0;

void keep_violation(const arch::violation& what) {
    last_violation = what;
    last_detail = what.detail;
    ++violations;
}

template <class Lock> void check_exclusion() {
    constexpr unsigned threads = 4;
    constexpr std::uint64_t turns = 20'000;
    Lock lock(outer);
    arch::plain<std::uint64_t> counter; // unordered: ThreadSanitizer sees it if the lock lets two in
    run_threads(threads, [&](unsigned) {
        for (std::uint64_t i = 0; i < turns; ++i) {
            arch::guard held(lock);
            counter.set(counter.get() + 1);
        }
    });
    CHECK(counter.get() == threads * turns);
    CHECK_FALSE(lock.is_locked());
}

} // namespace

TEST_CASE("a spinlock lets one in") { check_exclusion<arch::spinlock>(); }
TEST_CASE("a mutex lets one in") { check_exclusion<arch::mutex>(); }

TEST_CASE("try_lock fails on a taken lock and keeps no trace") {
    arch::task me(0);
    arch::bind_current(me);
    arch::spinlock lock(outer);
    CHECK(lock.try_lock());
    CHECK(lock.is_locked());
    CHECK_FALSE(lock.try_lock());
    CHECK(me.held.depth() == 1);
    lock.unlock();
    CHECK(me.held.depth() == 0);
    CHECK_FALSE(lock.is_locked());
    arch::unbind_current();
}

TEST_CASE("a guard drops and retakes") {
    arch::task me(0);
    arch::bind_current(me);
    arch::mutex lock(outer);
    {
        arch::guard held(lock);
        held.unlock();
        CHECK_FALSE(lock.is_locked());
        held.relock();
        CHECK(lock.is_locked());
        held.unlock();
    }
    CHECK_FALSE(lock.is_locked());
    CHECK(me.held.depth() == 0);
    arch::unbind_current();
}

TEST_CASE("held locks know the highest rank whatever the order of release") {
    arch::held_locks held;
    const int a = 0, b = 0, c = 0;
    held.push(outer, &a, arch::site::here());
    held.push(inner, &b, arch::site::here());
    held.push(outer, &c, arch::site::here()); // an inversion: reported, and taken all the same
    CHECK(held.would_invert(inner) == &inner);
    held.pop(&b);
    CHECK(held.depth() == 2);
    CHECK(held.would_invert(inner) == nullptr);
    CHECK(held.would_invert(outer) == &outer);
    held.push(inner, &b, arch::site::here());
    held.pop(&a);
    CHECK(held.would_invert(outer) == &inner);
    held.pop(&b);
    CHECK(held.would_invert(inner) == nullptr);
    held.pop(&c);
    CHECK(held.depth() == 0);
    CHECK(held.would_invert(outer) == nullptr);
}

TEST_CASE("more held locks than are noted leave the noted ones right") {
    arch::held_locks held;
    const arch::lock_class nesting{"nesting", 10, true};
    std::array<int, arch::held_locks::limit + 2> objects{};
    for (const int& object : objects)
        held.push(nesting, &object, arch::site::here());
    CHECK(held.depth() == arch::held_locks::limit);
    for (std::size_t i = objects.size(); i-- > 1;)
        held.pop(&objects[i]);
    CHECK(held.depth() == 1);
    CHECK(held[0].object.load() == &objects[0]);
    held.pop(&objects[0]);
    CHECK(held.would_invert(outer) == nullptr);
}

TEST_CASE("an rwsem lets readers or one writer in") {
    constexpr unsigned threads = 4;
    arch::rwsem sem(outer);
    arch::plain<std::uint64_t> a;
    arch::plain<std::uint64_t> b;
    std::atomic<std::uint64_t> torn{0};
    std::atomic<std::uint64_t> writes{0};
    run_threads(threads, [&](unsigned self) {
        for (unsigned i = 0; i < 10'000; ++i) {
            if ((i + self) % 4 == 0) {
                arch::write_guard held(sem);
                a.set(a.get() + 1);
                b.set(b.get() + 1);
                writes.fetch_add(1, std::memory_order_relaxed);
            } else {
                arch::read_guard held(sem);
                if (a.get() != b.get())
                    torn.fetch_add(1, std::memory_order_relaxed);
            }
        }
    });
    CHECK(torn == 0);
    CHECK(a.get() == writes);
}

TEST_CASE("readers of an rwsem are inside together") {
    arch::rwsem sem(outer);
    std::atomic<unsigned> inside{0};
    run_threads(2, [&](unsigned) {
        arch::read_guard held(sem);
        ++inside;
        comes_true([&] { return inside == 2; });
    });
    CHECK(inside == 2);
}

TEST_CASE("a writer gets in although readers never leave the rwsem empty") {
    arch::rwsem sem(outer);
    std::atomic<bool> wrote{false};
    std::atomic<unsigned> readers{0};
    run_threads(4, [&](unsigned self) {
        if (self == 0) {
            while (readers.load() < 3)
                std::this_thread::yield();
            arch::write_guard held(sem);
            wrote = true;
            return;
        }
        ++readers;
        while (!wrote.load()) {
            arch::read_guard held(sem);
            for (int i = 0; i < 200; ++i)
                arch::pause_cpu();
        }
    });
    CHECK(wrote);
}

TEST_CASE("try_down_write fails beside a reader") {
    arch::task me(0);
    arch::bind_current(me);
    arch::rwsem sem(outer);
    sem.down_read();
    CHECK_FALSE(sem.try_down_write());
    sem.up_read();
    CHECK(sem.try_down_write());
    CHECK_FALSE(sem.try_down_write());
    sem.up_write();
    arch::unbind_current();
}

TEST_CASE("a demoted writer lets waiting readers in, and no writer before they have left") {
    arch::rwsem sem(outer);
    arch::plain<int> data; // ThreadSanitizer sees it if the demotion does not release
    std::atomic<bool> written{false};
    std::atomic<bool> read{false};
    std::atomic<bool> demoted_sees_own{false};
    std::atomic<pid_t> waiters[2]{};
    const auto waits_on_lock = [&](unsigned waiter) {
        return comes_true([&] { return waiters[waiter] != 0 && sleeps_in_kernel(waiters[waiter]); });
    };
    run_threads(3, [&](unsigned self) {
        if (self == 0) {
            sem.down_write();
            written = true;
            waits_on_lock(0);
            data.set(1);
            sem.downgrade();
            waits_on_lock(1);
            demoted_sees_own = data.get() == 1;
            sem.up_read();
            return;
        }
        while (!written)
            std::this_thread::yield(); // not asleep: that would look like waiting for the lock
        if (self == 1) {
            waiters[0] = gettid();
            arch::read_guard held(sem);
            read = data.get() != 0;
        } else {
            comes_true([&] { return read.load(); });
            waiters[1] = gettid();
            arch::write_guard held(sem);
            data.set(2);
        }
    });
    CHECK(read);
    CHECK(demoted_sees_own);
    CHECK(data.get() == 2);
}

TEST_CASE("locks taken from inner to outer are reported as invariant 29") {
    arch::task me(7);
    arch::bind_current(me);
    const arch::violation_handler before = arch::set_violation_handler(keep_violation);
    violations = 0;
    arch::mutex first(outer);
    arch::rwsem second(inner);
    {
        arch::guard a(first);
        arch::read_guard b(second);
    }
    CHECK(violations == 0);
    {
        arch::write_guard b(second);
        arch::guard a(first);
        CHECK(first.is_locked());
    }
    CHECK(violations == 1);
    CHECK(last_violation.invariant == daxtorture::invariant::I29);
    CHECK(last_violation.task == 7);
    CHECK(last_detail.find("outer") != std::string::npos);
    CHECK(last_detail.find("inner") != std::string::npos);

    // Two locks of one class, too.
    arch::mutex again(outer);
    {
        arch::guard a(first);
        arch::guard b(again);
    }
    CHECK(violations == 2);
    arch::set_violation_handler(before);
    arch::unbind_current();
}

TEST_CASE("a task blocked on a lock says so, and gets it") {
    arch::task waiter(1);
    arch::task owner(0);
    arch::bind_current(owner);
    arch::mutex lock(outer);
    arch::rwsem sem(inner);
    lock.lock();
    sem.down_read();
    std::atomic<int> got{0};
    std::atomic<pid_t> thread_id{0};
    std::jthread thread([&] {
        arch::bind_current(waiter);
        thread_id = gettid();
        lock.lock();
        ++got;
        sem.down_write();
        ++got;
        sem.up_write();
        lock.unlock();
        arch::unbind_current();
    });
    REQUIRE(comes_true([&] { return waiter.waiting.kind() == arch::wait_kind::lock; }));
    CHECK(waiter.waiting.object() == &lock);
    CHECK(arch::is_blocked(waiter));
    REQUIRE(comes_true([&] { return sleeps_in_kernel(thread_id); }));
    CHECK(got == 0);
    lock.unlock();
    REQUIRE(comes_true([&] { return waiter.waiting.object() == &sem && sleeps_in_kernel(thread_id); }));
    CHECK(got == 1);
    sem.up_read();
    thread.join();
    CHECK(got == 2);
    CHECK(waiter.waiting.kind() == arch::wait_kind::none);
    CHECK(waiter.held.depth() == 0);
    arch::unbind_current();
}

TEST_CASE("a lock cycle can be ended") {
    arch::task tasks[2]{arch::task(0), arch::task(1)};
    arch::mutex locks[2]{arch::mutex(outer), arch::mutex(outer)};
    const arch::violation_handler before = arch::set_violation_handler([](const arch::violation&) {});
    std::atomic<unsigned> first_taken{0};
    std::atomic<unsigned> left{0};
    std::atomic<pid_t> ids[2]{};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 2; ++i) {
        threads.emplace_back([&, i] {
            arch::bind_current(tasks[i]);
            ids[i] = gettid();
            locks[i].lock();
            ++first_taken;
            while (first_taken != 2)
                std::this_thread::yield();
            locks[1 - i].lock();
            locks[1 - i].unlock();
            locks[i].unlock();
            ++left;
            arch::unbind_current();
        });
    }
    REQUIRE(comes_true([&] {
        return tasks[0].waiting.kind() == arch::wait_kind::lock &&
               tasks[1].waiting.kind() == arch::wait_kind::lock;
    }));
    arch::abort_task(tasks[0], arch::abort_level::sleeps); // a lock does not care
    CHECK(comes_true([&] { return sleeps_in_kernel(ids[0]) && sleeps_in_kernel(ids[1]); }));
    CHECK(left == 0);
    CHECK(comes_true([&] {
        arch::abort_task(tasks[0], arch::abort_level::waits);
        return left == 2;
    }));
    threads.clear();
    arch::set_violation_handler(before);
}
