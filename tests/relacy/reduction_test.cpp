/// The reduced search finds what the search of all interleavings finds: the same outcomes of hundreds of small programs, and the same bugs.
#include "../catch.hpp"

#include "idle_wait.hpp"
#include "models/random.hpp"
#include "small_body.hpp"

#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/oracle.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <algorithm>
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

} // namespace

TEST_CASE("reduced, a search of small random programs sees every outcome and every failure") {
    unsigned compared = 0, failures = 0, smaller = 0;
    for (const memory_class memory : {memory_class::weak, memory_class::sc}) {
        for (std::uint64_t seed = 1; seed <= 400; ++seed) {
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
    WARN(compared << " compared, " << failures << " fail, " << smaller << " smaller");
}
