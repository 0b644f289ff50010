/// The reduced search finds what the search of all interleavings finds: the same outcomes of hundreds of small programs, and the same bugs.
#include "../catch.hpp"

#include "idle_wait.hpp"
#include "machines/relacy/region.hpp"
#include "search/random.hpp"
#include "small_body.hpp"

#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/oracle.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <vector>

using arch::atomic;
using arch::order;
using namespace daxtorture;
using namespace daxtorture::test;

namespace {

constexpr arch::lock_class some_lock{"some", 1};
constexpr arch::lock_class other_lock{"other", 2};
constexpr arch::lock_class some_rwsem{"rwsem", 3};

/// One object of every kind that a footprint knows, and what each thread saw of them.
struct everything {
    atomic<int> a{0}, b{0}, turn{0};
    arch::plain<int> guarded{0};
    arch::oracle<int> seen{0};
    arch::spinlock lock{some_lock};
    arch::mutex inner{other_lock};
    arch::rwsem rwsem{some_rwsem};
    arch::rcu_domain rcu;
    arch::rcu_head heads[3];
    int called = 0;
    std::string log[3];

    std::string outcome() const {
        return log[0] + "|" + log[1] + "|" + log[2] + "|" + std::to_string(a.peek()) +
               std::to_string(b.peek()) + std::to_string(guarded.peek()) + std::to_string(seen.get()) +
               std::to_string(called);
    }
};

enum class act : unsigned {
    store,
    load,
    add,
    add_relaxed,
    other_store,
    other_load,
    swap,
    locked_add,
    locked_pair,
    locked_load,
    try_lock,
    read_share,
    write_share,
    try_write_share,
    downgrade,
    reader,
    grace_period,
    call,
    barrier,
    oracle_add,
    oracle_check,
    look,
    spin,
    wait,
    wake,
    signal,
    count
};

/// Wakes whoever waits, then says so: the waiter must have read it, or be woken.
class random_program : public small_body<everything> {
  public:
    random_program(std::uint64_t seed, std::set<std::string>& outcomes)
        : small_body<everything>(threads_of(seed), [&](everything& e) { outcomes.insert(e.outcome()); }) {}

  private:
    std::vector<step> threads_of(std::uint64_t seed) {
        random_source random(seed, 7);
        const unsigned threads = 2 + (random.below(3) == 0 ? 1 : 0);
        const unsigned length = threads == 2 ? 3 : 2;
        std::vector<step> all;
        for (unsigned t = 0; t < threads; ++t) {
            std::vector<act> acts;
            for (unsigned i = 0; i < length; ++i)
                acts.push_back(static_cast<act>(random.below(static_cast<unsigned>(act::count))));
            all.push_back([this, t, acts, threads](everything& e) {
                for (const act one : acts)
                    run(e, t, one, threads);
            });
        }
        return all;
    }

    static void note(everything& e, unsigned t, int value) { e.log[t] += std::to_string(value); }

    void run(everything& e, unsigned t, act what, unsigned threads) {
        switch (what) {
        case act::store:
            e.a.store(static_cast<int>(t) + 1, order::relaxed);
            break;
        case act::load:
            note(e, t, e.a.load(order::relaxed));
            break;
        case act::add:
            note(e, t, e.a.fetch_add(3, order::full));
            break;
        case act::add_relaxed:
            note(e, t, e.b.fetch_add(1, order::relaxed));
            break;
        case act::other_store:
            e.b.store(static_cast<int>(t) + 5, order::release);
            break;
        case act::other_load:
            note(e, t, e.b.load(order::acquire));
            break;
        case act::swap: {
            int expected = 0;
            note(e, t, e.a.compare_exchange(expected, 7, order::acquire) ? 1 : 0);
            break;
        }
        case act::locked_add: {
            arch::guard held(e.lock);
            e.guarded.set(e.guarded.get() * 2 + static_cast<int>(t));
            break;
        }
        case act::locked_pair: {
            arch::guard held(e.lock);
            arch::guard inner(e.inner);
            e.guarded.set(e.guarded.get() + 1);
            note(e, t, e.guarded.get());
            break;
        }
        case act::locked_load: {
            arch::guard held(e.inner);
            note(e, t, e.b.load(order::relaxed));
            break;
        }
        case act::try_lock:
            if (e.inner.try_lock()) {
                note(e, t, 1);
                e.inner.unlock();
            }
            break;
        case act::read_share: {
            arch::read_guard held(e.rwsem);
            note(e, t, e.b.load(order::relaxed));
            break;
        }
        case act::write_share: {
            arch::write_guard held(e.rwsem);
            note(e, t, e.seen.add(2));
            break;
        }
        case act::try_write_share:
            if (e.rwsem.try_down_write()) {
                note(e, t, e.seen.add(1));
                e.rwsem.up_write();
            }
            break;
        case act::downgrade:
            e.rwsem.down_write();
            e.seen.add(1);
            e.rwsem.downgrade();
            note(e, t, e.a.load(order::relaxed));
            e.rwsem.up_read();
            break;
        case act::reader: {
            arch::rcu_read_guard inside(e.rcu);
            note(e, t, e.a.load(order::relaxed));
            note(e, t, e.b.load(order::relaxed));
            break;
        }
        case act::grace_period:
            e.a.store(9, order::relaxed);
            e.rcu.synchronize();
            e.b.store(9, order::relaxed);
            break;
        case act::call:
            if (e.heads[t].callback == nullptr) {
                world_of_callbacks = &e;
                e.rcu.call(e.heads[t], [](arch::rcu_head& head) {
                    everything& all = *world_of_callbacks;
                    all.called = all.called * 4 + 1 + static_cast<int>(&head - all.heads);
                    all.seen.add(4);
                });
            }
            break;
        case act::barrier:
            e.rcu.barrier();
            note(e, t, e.seen.get());
            break;
        case act::oracle_add:
            e.turn.fetch_add(1, order::relaxed);
            e.seen.set(e.seen.get() * 2 + static_cast<int>(t));
            break;
        case act::oracle_check: // a check inside a step of something else
            e.log[t] += 'x';
            note(e, t, e.turn.load(order::relaxed) * 0 + e.seen.get());
            break;
        case act::look:
            note(e, t, (e.lock.is_locked() ? 1 : 0) + 2 * (e.b.peek() == 5));
            break;
        case act::spin:
            for (int i = 0; i < 2 && e.b.load(order::relaxed) == 0; ++i)
                arch::cpu_relax();
            note(e, t, e.b.load(order::relaxed));
            break;
        case act::wait:
            arch::set_current_state(arch::task_state::interruptible);
            arch::smp_mb();
            if (e.turn.load(order::relaxed) == 0)
                arch::schedule();
            arch::set_current_state(arch::task_state::running);
            note(e, t, e.a.load(order::relaxed));
            break;
        case act::wake:
            e.turn.fetch_add(1, order::full);
            for (unsigned other = 0; other < threads; ++other)
                if (other != t)
                    note(e, t, arch::wake_up_process(task(other)) ? 1 : 0);
            break;
        case act::signal:
            arch::send_signal(task((t + 1) % threads));
            note(e, t, arch::signal_pending(task(t)) ? 1 : 0);
            break;
        case act::count:
            break;
        }
    }

    static inline everything* world_of_callbacks = nullptr;
};

struct found {
    std::set<std::string> outcomes;
    exploration_result result;
};

found explored(std::uint64_t seed, memory_class memory, std::unique_ptr<strategy> how) {
    found f;
    random_program what(seed, f.outcomes);
    exploration_options options = under(memory);
    options.executions = 60'000;
    f.result = explore(what, *how, options);
    return f;
}

/// Searches with footprints from which something was taken out.
class blind : public strategy {
  public:
    using forgets = std::function<bool(std::uint64_t object, bool written)>;
    blind(forgets object, bool flags, std::unique_ptr<strategy> sees = make_reduced())
        : forgets_(std::move(object)), forgets_flags_(flags), sees_(std::move(sees)) {}

    bool begin(std::uint64_t iteration, unsigned threads) override {
        return sees_->begin(iteration, threads);
    }
    unsigned next_thread(const turn& t) override { return sees_->next_thread(t); }
    unsigned pick(const question& q) override { return sees_->pick(q); }
    bool watches() const override { return true; }
    bool notes() const override { return sees_->notes(); }
    bool stepped(unsigned thread, const footprint& did, unsigned next) override {
        footprint less;
        for (const std::uint64_t object : did.reads())
            if (!forgets_(object, false))
                less.add(object, false);
        for (const std::uint64_t object : did.writes())
            if (!forgets_(object, true))
                less.add(object, true);
        less.everything = did.everything && !forgets_flags_;
        less.steps_of = forgets_flags_ ? 0 : did.steps_of;
        return sees_->stepped(thread, less, next);
    }

  private:
    forgets forgets_;
    bool forgets_flags_;
    std::unique_ptr<strategy> sees_;
};

constexpr std::uint64_t programs = 800;

/// How many of the random programs lose outcomes or their failure.
unsigned programs_that_lose(const std::vector<found>& all, const blind::forgets& object, bool flags = false) {
    unsigned lose = 0;
    for (std::uint64_t seed = 1; seed <= programs; ++seed) {
        const found& whole = all[seed];
        const bool fails = whole.result.found.kind != failure_kind::none;
        if (!fails && !whole.result.exhausted)
            continue;
        const found some = explored(seed, memory_class::weak, std::make_unique<blind>(object, flags));
        lose += fails ? some.result.found.kind == failure_kind::none : some.outcomes != whole.outcomes;
    }
    return lose;
}

} // namespace

TEST_CASE("reduced, a search of small random programs sees every outcome and every failure") {
    unsigned compared = 0, failures = 0, smaller = 0;
    for (const memory_class memory : {memory_class::weak, memory_class::sc}) {
        for (std::uint64_t seed = 1; seed <= programs; ++seed) {
            const found all = explored(seed, memory, make_bound(unlimited, unlimited));
            const bool fails = all.result.found.kind != failure_kind::none;
            if (!fails && !all.result.exhausted)
                continue;
            const found some = explored(seed, memory, make_reduced());
            INFO("seed " << seed << ", memory " << static_cast<int>(memory) << ", "
                         << all.result.found.cause);
            REQUIRE((some.result.found.kind != failure_kind::none) == fails);
            ++compared;
            if (fails) {
                ++failures;
                continue;
            }
            REQUIRE(some.result.exhausted);
            REQUIRE(some.outcomes == all.outcomes);
            CHECK(some.result.executions <= all.result.executions);
            smaller += some.result.executions < all.result.executions;
        }
    }
    CHECK(compared > 600);
    CHECK(failures > 20);
    CHECK(smaller > compared / 3);
}

TEST_CASE("reduced, a search within a bound sees every outcome and every failure that the whole one does") {
    unsigned compared = 0, failures = 0;
    std::uint64_t whole = 0, left = 0;
    for (const memory_class memory : {memory_class::weak, memory_class::sc})
        for (unsigned preemptions = 0; preemptions <= 3; ++preemptions)
            for (std::uint64_t seed = 1; seed <= programs / 2; ++seed) {
                const found all = explored(seed, memory, make_bound(preemptions, 1));
                const bool fails = all.result.found.kind != failure_kind::none;
                if (!fails && !all.result.exhausted)
                    continue;
                const found some = explored(seed, memory, make_bound(preemptions, 1, {}, true));
                INFO("seed " << seed << ", " << preemptions << " preemptions, memory "
                             << static_cast<int>(memory) << ", " << all.result.found.cause);
                REQUIRE((some.result.found.kind != failure_kind::none) == fails);
                ++compared;
                failures += fails;
                if (fails)
                    continue;
                REQUIRE(some.result.exhausted);
                REQUIRE(some.outcomes == all.outcomes);
                whole += all.result.executions;
                left += some.result.executions - some.result.repetitions;
            }
    CHECK(compared > 1500);
    CHECK(failures > 20);
    CHECK(left * 2 < whole);
}

TEST_CASE("within a bound, what a footprint leaves out is missed") {
    unsigned lose = 0;
    for (std::uint64_t seed = 1; seed <= programs / 4; ++seed) {
        const found all = explored(seed, memory_class::sc, make_bound(2, 0));
        if (all.result.found.kind != failure_kind::none || !all.result.exhausted)
            continue;
        const auto everything = [](std::uint64_t, bool) { return true; };
        const found some = explored(seed, memory_class::sc,
                                    std::make_unique<blind>(everything, true, make_bound(2, 0, {}, true)));
        lose += some.outcomes != all.outcomes;
    }
    CHECK(lose > programs / 16);
}

TEST_CASE("what a footprint leaves out is missed: every object, reads and writes, and the flags") {
    std::vector<found> all(1);
    for (std::uint64_t seed = 1; seed <= programs; ++seed)
        all.push_back(explored(seed, memory_class::weak, make_bound(unlimited, unlimited)));

    // A set-up takes memory for the tasks, then for the objects.
    const everything layout;
    const auto tasks = reinterpret_cast<std::uintptr_t>(execution_memory.begin());
    const std::uintptr_t objects = tasks + (sizeof(std::array<arch::task, 9>) + 15) / 16 * 16;
    const auto range = [](std::uintptr_t from, std::size_t size) {
        return [from, size](std::uint64_t what) { return what >= from && what < from + size; };
    };
    const auto member = [&](const auto& one) {
        const std::ptrdiff_t offset =
            reinterpret_cast<const char*>(&one) - reinterpret_cast<const char*>(&layout);
        return range(objects + static_cast<std::uintptr_t>(offset), sizeof one);
    };
    const auto missed = [&](auto forgets) {
        return programs_that_lose(all, [forgets](std::uint64_t what, bool) { return forgets(what); });
    };
    CHECK(programs_that_lose(all, [](std::uint64_t, bool) { return false; }) == 0);
    CHECK(missed(member(layout.a)) > 0);
    CHECK(missed(member(layout.b)) > 0);
    CHECK(missed(member(layout.turn)) > 0);
    CHECK(missed(member(layout.seen)) > 0);
    CHECK(missed(member(layout.lock)) > 0);
    CHECK(missed(member(layout.inner)) > 0);
    CHECK(missed(member(layout.rwsem)) > 0);
    CHECK(missed(member(layout.rcu)) > 0);
    CHECK(missed(range(tasks, sizeof(std::array<arch::task, 9>))) > 0); // tasks: sleeps and wake-ups
    const auto seen = member(layout.seen);
    CHECK(programs_that_lose(
              all, [seen](std::uint64_t what, bool written) { return !written && seen(what); }) > 0);
    CHECK(programs_that_lose(
              all, [](std::uint64_t, bool) { return false; }, true) > 0);
}

namespace {

/// Do three parts of the reduced tree together see what the whole tree has?
void compare_parts(const std::function<std::unique_ptr<strategy>()>& whole,
                   const std::function<std::unique_ptr<strategy>(tree_part)>& reduced) {
    unsigned compared = 0, shared = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const found all = explored(seed, memory_class::weak, whole());
        if (all.result.found.kind != failure_kind::none || !all.result.exhausted)
            continue;
        ++compared;
        std::set<std::string> together;
        for (unsigned i = 0; i < 3; ++i) {
            const found part = explored(seed, memory_class::weak, reduced({i, 3}));
            REQUIRE(part.result.exhausted);
            shared += part.outcomes != all.outcomes;
            together.insert(part.outcomes.begin(), part.outcomes.end());
        }
        INFO("seed " << seed);
        REQUIRE(together == all.outcomes);
    }
    CHECK(compared > 80);
    CHECK(shared > 0); // of those with more than a few decisions no part has it all
}

} // namespace

TEST_CASE("the parts of a reduced tree together see every outcome") {
    compare_parts([] { return make_bound(unlimited, unlimited); },
                  [](tree_part part) { return make_reduced(part); });
}

TEST_CASE("so do those of a reduced tree within a bound") {
    compare_parts([] { return make_bound(2, 1); },
                  [](tree_part part) { return make_bound(2, 1, part, true); });
}

TEST_CASE("the order of two fences counts, even when nothing else tells them apart") {
    // The message is seen before its sender's fence, so that what it announces may still be unseen behind the receiver's.
    struct message {
        atomic<int> announced{0}, flag{0}, own{0}, other{0};
        std::string log;
    };
    const auto outcomes_of = [](std::unique_ptr<strategy> how) {
        std::set<std::string> seen;
        small_body<message> what({[](message& m) {
                                      m.announced.store(1, order::relaxed);
                                      m.flag.store(1, order::relaxed);
                                      m.own.fetch_add(1, order::full);
                                  },
                                  [](message& m) {
                                      m.log = std::to_string(m.flag.load(order::relaxed));
                                      m.other.fetch_add(1, order::full);
                                      m.log += std::to_string(m.announced.load(order::relaxed));
                                  }},
                                 [&](message& m) { seen.insert(m.log); });
        CHECK(explore(what, *how, under(memory_class::weak)).exhausted);
        return seen;
    };
    const std::set<std::string> all = outcomes_of(make_bound(unlimited, unlimited));
    CHECK(all.contains("10"));
    CHECK(outcomes_of(make_reduced()) == all);
    const auto fences = reinterpret_cast<std::uintptr_t>(&arch::relacy::detail::state);
    const auto forgets = [fences](std::uint64_t what, bool) { return what == fences; };
    CHECK_FALSE(outcomes_of(std::make_unique<blind>(forgets, false)).contains("10"));
}

TEST_CASE("under sc fences change places, and every data race is found all the same") {
    struct shared {
        atomic<int> a{0}, b{0};
        arch::plain<int> data{0};
    };
    using step = small_body<shared>::step;
    const auto program_of = [](std::uint64_t seed) {
        random_source random(seed, 11);
        std::vector<step> threads;
        for (unsigned t = 0; t < 2 + random.below(2); ++t) {
            std::vector<unsigned> acts;
            for (unsigned i = 0; i < 5; ++i)
                acts.push_back(random.below(8));
            threads.push_back([acts](shared& s) {
                for (const unsigned act : acts) {
                    if (act < 3)
                        arch::smp_mb();
                    else if (act == 3)
                        s.a.store(1, order::relaxed);
                    else if (act == 4)
                        static_cast<void>(s.b.load(order::relaxed));
                    else if (act == 5)
                        static_cast<void>(s.a.fetch_add(1, order::full));
                    else if (act == 6 && s.a.load(order::relaxed) == 0)
                        s.data.set(1);
                    else if (act == 7)
                        static_cast<void>(s.data.get());
                }
            });
        }
        return threads;
    };
    unsigned races = 0, passes = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        const auto fails = [&](std::unique_ptr<strategy> decides) {
            small_body<shared> runs(program_of(seed));
            exploration_options options = under(memory_class::sc);
            options.executions = 200'000;
            const exploration_result r = explore(runs, *decides, options);
            return r.found.kind != failure_kind::none ? 1 : r.exhausted ? 0 : -1;
        };
        const int all = fails(make_bound(unlimited, unlimited));
        if (all < 0)
            continue;
        INFO("seed " << seed);
        REQUIRE(fails(make_reduced()) == all);
        (all != 0 ? races : passes) += 1;
    }
    CHECK(races > 100);
    CHECK(passes > 100);
}

TEST_CASE("reduced, the idle wait is searched to its end, and its bugs are found") {
    const auto run = [](unsigned threads, idle_bug bug, memory_class memory) {
        idle_wait what(threads, bug);
        return explore(what, *make_reduced(), under(memory));
    };
    for (const memory_class memory : {memory_class::sc, memory_class::weak}) {
        for (const unsigned threads : {2u, 3u}) {
            const exploration_result right = run(threads, idle_bug::none, memory);
            CHECK(right.found.kind == failure_kind::none);
            CHECK(right.exhausted);
            CHECK(right.executions < 2'000'000);
        }
        CHECK(run(2, idle_bug::no_second_look, memory).found.invariant == daxtorture::invariant::I14);
        CHECK(run(3, idle_bug::no_second_look, memory).found.invariant == daxtorture::invariant::I14);
        // A page is pinned that was unmapped, and written beside its new owner.
        CHECK(run(2, idle_bug::no_recheck, memory).found.kind == failure_kind::data_race);
        CHECK(run(3, idle_bug::no_recheck, memory).found.kind == failure_kind::data_race);
    }
    // The last reference is dropped without ordering what was done under it.
    CHECK(run(2, idle_bug::relaxed_put, memory_class::weak).found.kind == failure_kind::data_race);
    CHECK(run(3, idle_bug::relaxed_put, memory_class::weak).found.kind == failure_kind::data_race);
}

/// For docs/search.md: build/tests/test-reduction '[measure]'
TEST_CASE("executions of the idle wait", "[.][measure]") {
    for (const memory_class memory : {memory_class::sc, memory_class::weak}) {
        for (const unsigned threads : {2u, 3u, 4u}) {
            for (const bool reduce : {false, true}) {
                idle_wait what(threads);
                exploration_options options = under(memory);
                options.seconds = 60;
                const auto how = reduce ? make_reduced() : make_bound(unlimited, unlimited);
                const exploration_result r = explore(what, *how, options);
                std::cout << (memory == memory_class::sc ? "sc   " : "weak ") << threads
                          << (reduce ? " reduced " : " all     ") << r.executions - r.repetitions << " + "
                          << r.repetitions << (r.exhausted ? "" : " not all") << ", " << r.seconds << " s"
                          << std::endl;
            }
        }
    }
}
