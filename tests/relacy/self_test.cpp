/// Programs that must be caught, and the searches that catch them. They guard the flags Relacy needs as well.
#include "../catch.hpp"

#include "search/replay.hpp"
#include "search/shrink_schedule.hpp"
#include "search/turns.hpp"
#include "small_body.hpp"

#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <set>
#include <string>

using arch::atomic;
using arch::order;
using arch::plain;
using namespace daxtorture;
using namespace daxtorture::test;

namespace {

constexpr arch::lock_class outer{"outer", 1};
constexpr arch::lock_class inner{"inner", 2};

exploration_result search(body& what, memory_class memory, std::unique_ptr<strategy> how = nullptr,
                          std::uint64_t executions = 1'000'000) {
    if (how == nullptr)
        how = make_bound(unlimited, unlimited);
    exploration_options options = under(memory);
    options.executions = executions;
    return explore(what, *how, options);
}

/// A waiter that leaves out the fence between announcing itself and looking again.
struct waiting {
    atomic<bool> done{false};
    atomic<bool> announced{false};
};

class lost_wakeup : public small_body<waiting> {
  public:
    explicit lost_wakeup(bool fence)
        : small_body<waiting>({[fence](waiting& w) {
                                   arch::set_current_state(arch::task_state::uninterruptible);
                                   w.announced.store(true, order::relaxed);
                                   if (fence)
                                       arch::smp_mb();
                                   if (!w.done.load(order::relaxed))
                                       arch::schedule();
                                   arch::set_current_state(arch::task_state::running);
                               },
                               [this](waiting& w) {
                                   w.done.exchange(true, order::full);
                                   if (w.announced.load(order::relaxed))
                                       arch::wake_up_process(task(0));
                               }}) {}
};

struct pair {
    atomic<int> a{0}, b{0};
    plain<int> data{0};
    int read = 0;
};

} // namespace

TEST_CASE("a stale read is seen under weak and tso, not under sc") {
    const auto stale = [](memory_class memory) {
        small_body<pair> what({[](pair& p) {
                                   p.a.store(1, order::relaxed);
                                   p.read = p.b.load(order::relaxed);
                               },
                               [](pair& p) {
                                   p.b.store(1, order::relaxed);
                                   if (p.a.load(order::relaxed) == 0 && p.a.peek() == 1)
                                       arch::fail(invariant::I2, "stale", "");
                               }});
        return search(what, memory).found;
    };
    CHECK(stale(memory_class::weak).invariant == daxtorture::invariant::I2);
    CHECK(stale(memory_class::tso).invariant == daxtorture::invariant::I2);
    CHECK(stale(memory_class::sc).kind == failure_kind::none);
}

TEST_CASE("a data race on plain data is found, and none where an order forbids it") {
    const auto race = [](order store, order load) {
        small_body<pair> what({[store](pair& p) {
                                   p.data.set(1);
                                   p.a.store(1, store);
                               },
                               [load](pair& p) {
                                   if (p.a.load(load) == 1)
                                       p.read = p.data.get();
                               }});
        return search(what, memory_class::weak).found.kind;
    };
    CHECK(race(order::relaxed, order::relaxed) == failure_kind::data_race);
    CHECK(race(order::release, order::relaxed) == failure_kind::data_race);
    CHECK(race(order::release, order::acquire) == failure_kind::none);
}

TEST_CASE("a lock orders plain data") {
    struct state {
        arch::spinlock lock{outer};
        plain<int> data{0};
    };
    const auto add = [](state& s) {
        arch::guard held(s.lock);
        s.data.set(s.data.get() + 1);
    };
    std::set<int> totals;
    small_body<state> what({add, add, add}, [&](state& s) { totals.insert(s.data.peek()); });
    const auto result = search(what, memory_class::weak);
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
    CHECK(totals == std::set<int>{3});
}

TEST_CASE("a waiter without its fence loses a wake-up under weak, not under sc; with it nowhere") {
    for (auto how : {1, 2, 3}) {
        const auto make = [how] {
            return how == 1 ? make_uniform(1) : how == 2 ? make_pct(1, 3) : make_bound(2, 2);
        };
        lost_wakeup broken(false);
        const auto weak = search(broken, memory_class::weak, make(), 100'000);
        CHECK(weak.found.kind == failure_kind::deadlock);
        lost_wakeup strong(false);
        CHECK(search(strong, memory_class::sc, make(), 20'000).found.kind == failure_kind::none);
        lost_wakeup fenced(true);
        CHECK(search(fenced, memory_class::weak, make(), 20'000).found.kind == failure_kind::none);
    }
}

TEST_CASE("a lock cycle is a deadlock when the order is not declared, and I29 when it is") {
    static constexpr arch::lock_class same{"same", 3, true};
    struct state {
        arch::mutex a{same}, b{same};
        arch::mutex low{outer}, high{inner};
    };
    small_body<state> cycle({[](state& s) {
                                 arch::guard first(s.a);
                                 arch::guard second(s.b);
                             },
                             [](state& s) {
                                 arch::guard first(s.b);
                                 arch::guard second(s.a);
                             }});
    CHECK(search(cycle, memory_class::sc).found.kind == failure_kind::deadlock);

    small_body<state> inverted({[](state& s) {
        arch::guard first(s.high);
        arch::guard second(s.low);
    }});
    CHECK(search(inverted, memory_class::sc).found.invariant == daxtorture::invariant::I29);
}

TEST_CASE("rwsem: readers share, a writer excludes, nobody is forgotten") {
    struct state {
        arch::rwsem sem{outer};
        plain<int> data{0};
        atomic<int> inside{0};
        int most = 0;
    };
    int most = 0;
    const auto reader = [&most](state& s) {
        arch::read_guard held(s.sem);
        const int now = s.inside.fetch_add(1, order::relaxed) + 1;
        most = now > most ? now : most;
        (void)s.data.get();
        s.inside.fetch_sub(1, order::relaxed);
    };
    const auto writer = [](state& s) {
        arch::write_guard held(s.sem);
        if (s.inside.peek() != 0)
            arch::fail(invariant::I10, "reader beside writer", "");
        s.data.set(1);
    };
    small_body<state> what({reader, reader, writer, writer});
    const auto result = search(what, memory_class::weak, make_bound(3, 1));
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
    CHECK(most == 2);
}

TEST_CASE("rwsem: a demoted writer goes on as a reader, and no writer comes in between") {
    struct state {
        arch::rwsem sem{outer};
        plain<int> data{0};
        atomic<int> inside{0};
    };
    bool together = false;
    const auto demoted = [&together](state& s) {
        s.sem.down_write();
        s.data.set(1);
        s.sem.downgrade();
        const bool beside = s.inside.load(order::relaxed) != 0;
        together = together || beside;
        if (s.data.get() != 1)
            arch::fail(invariant::I10, "a writer came in between", "");
        s.sem.up_read();
    };
    const auto reader = [](state& s) {
        arch::read_guard held(s.sem);
        s.inside.fetch_add(1, order::relaxed);
        (void)s.data.get();
        s.inside.fetch_sub(1, order::relaxed);
    };
    const auto writer = [](state& s) {
        arch::write_guard held(s.sem);
        s.data.set(2);
    };
    small_body<state> what({demoted, reader, writer});
    const auto result = search(what, memory_class::weak, make_bound(3, 1));
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
    CHECK(together);
}

TEST_CASE("rcu: synchronize waits for readers, and nothing a reader touched is reused under it") {
    struct state {
        arch::rcu_domain rcu;
        atomic<int> reachable{1};
        plain<int> object{1};
    };
    const auto reader = [](state& s) {
        arch::rcu_read_guard inside(s.rcu);
        if (s.reachable.load(order::acquire) == 1)
            (void)s.object.get();
    };
    const auto reclaim = [](bool wait) {
        return [wait](state& s) {
            s.reachable.store(0, order::relaxed);
            if (wait)
                s.rcu.synchronize();
            s.object.set(0);
        };
    };
    small_body<state> good({reader, reader, reclaim(true)});
    const auto passed = search(good, memory_class::weak, make_bound(3, 2));
    CHECK(passed.found.cause == "");
    CHECK(passed.exhausted);
    small_body<state> bad({reader, reclaim(false)});
    CHECK(search(bad, memory_class::weak).found.kind == failure_kind::data_race);
}

TEST_CASE("rcu: callbacks run after the readers they waited for, and barrier waits for callbacks") {
    struct state {
        arch::rcu_domain rcu;
        arch::rcu_head head;
        plain<int> object{1};
        atomic<int> reachable{1};
        static state*& self() {
            static state* s;
            return s;
        }
    };
    small_body<state> what({[](state& s) {
                                arch::rcu_read_guard inside(s.rcu);
                                if (s.reachable.load(order::relaxed) == 1)
                                    (void)s.object.get();
                            },
                            [](state& s) {
                                state::self() = &s;
                                s.reachable.store(0, order::relaxed);
                                s.rcu.call(s.head, [](arch::rcu_head&) { state::self()->object.set(0); });
                                s.rcu.barrier();
                                if (s.object.get() != 0)
                                    arch::fail(invariant::I22, "barrier did not wait", "");
                            }});
    const auto result = search(what, memory_class::weak);
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
}

TEST_CASE("rcu: a callback comes after what its caller did, whoever runs it") {
    struct state {
        arch::rcu_domain rcu;
        arch::rcu_head head;
        plain<int> object{1};
        static state*& self() {
            static state* s;
            return s;
        }
    };
    small_body<state> what({[](state& s) { arch::rcu_read_guard inside(s.rcu); },
                            [](state& s) {
                                state::self() = &s;
                                s.object.set(2);
                                s.rcu.call(s.head, [](arch::rcu_head&) {
                                    state::self()->object.set(state::self()->object.get() + 1);
                                });
                            }});
    const auto result = search(what, memory_class::weak);
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
}

TEST_CASE("a signal ends an interruptible sleep and no other") {
    struct state {
        int woken = 0;
    };
    for (const auto kind : {arch::task_state::interruptible, arch::task_state::uninterruptible}) {
        small_body<state>* here = nullptr;
        small_body<state> what({[kind](state& s) {
                                    arch::set_current_state(kind);
                                    arch::smp_mb();
                                    arch::schedule();
                                    s.woken = 1;
                                },
                                [&here](state&) { arch::send_signal(here->task(0)); }});
        here = &what;
        const auto expected =
            kind == arch::task_state::interruptible ? failure_kind::none : failure_kind::deadlock;
        CHECK(search(what, memory_class::weak).found.kind == expected);
    }
}

TEST_CASE("use of a destroyed atomic is found: needs -fno-lifetime-dse") {
    struct state {
        alignas(atomic<int>) unsigned char bytes[sizeof(atomic<int>)];
        atomic<int>* object = ::new (bytes) atomic<int>(1);
        atomic<bool> gone{false};
    };
    small_body<state> what({[](state& s) {
                                s.object->~atomic<int>();
                                s.gone.store(true, order::relaxed);
                            },
                            [](state& s) {
                                if (s.gone.load(order::relaxed))
                                    s.object->load(order::relaxed);
                            }});
    CHECK(search(what, memory_class::sc).found.cause == "use after free");
}

TEST_CASE("a spin loop ends when another thread can end it, and is a livelock when none can") {
    const auto spin = [](pair& p) {
        while (p.a.load(order::relaxed) == 0)
            arch::cpu_relax();
    };
    small_body<pair> ends({spin, spin, [](pair& p) { p.a.store(1, order::relaxed); }});
    const auto finite = search(ends, memory_class::sc);
    CHECK(finite.found.cause == "");
    CHECK(finite.exhausted);
    CHECK(finite.overruns == 0);

    small_body<pair> never({spin, spin});
    exploration_options options = under(memory_class::weak);
    options.depth_limit = 500;
    auto how = make_uniform(1);
    CHECK(explore(never, *how, options).found.kind == failure_kind::livelock);
}

TEST_CASE("a found failure replays exactly, ten times of ten, and a changed schedule is noticed") {
    lost_wakeup broken(false);
    const auto found = search(broken, memory_class::weak, make_uniform(7), 100'000);
    REQUIRE(found.found.kind == failure_kind::deadlock);
    std::vector<event> first;
    for (int i = 0; i < 10; ++i) {
        lost_wakeup again(false);
        replay_strategy how(found.found.schedule);
        exploration_options options = under(memory_class::weak);
        options.record = true;
        const auto replayed = explore(again, how, options);
        CHECK(replayed.found.kind == found.found.kind);
        CHECK(replayed.found.cause == found.found.cause);
        CHECK(replayed.found.schedule == found.found.schedule);
        CHECK(how.followed_all());
        REQUIRE(!replayed.found.events.empty());
        if (i == 0)
            first = replayed.found.events;
        CHECK(replayed.found.events.size() == first.size());
        bool stale = false;
        for (const event& e : replayed.found.events)
            stale = stale || e.stale;
        CHECK(stale);
    }
    lost_wakeup fixed(true);
    replay_strategy how(found.found.schedule);
    CHECK(explore(fixed, how, under(memory_class::weak)).found.kind == failure_kind::none);

    // A question that this program does not ask.
    schedule_log changed = found.found.schedule;
    changed.back() ^= 1u << 29;
    lost_wakeup again(false);
    replay_strategy confused(changed);
    explore(again, confused, under(memory_class::weak));
    CHECK(confused.diverged());
    CHECK(confused.step() == changed.size() - 1);

    // An answer that the question does not allow.
    changed = found.found.schedule;
    changed.back() |= 0xff;
    lost_wakeup once_more(false);
    replay_strategy damaged(changed);
    explore(once_more, damaged, under(memory_class::weak));
    CHECK(damaged.diverged());
}

TEST_CASE("a strategy that throws where no step follows that would notice is a failure of the tool") {
    class throws_once : public strategy {
      public:
        bool begin(std::uint64_t iteration, unsigned) override { return iteration == 1; }
        unsigned next_thread(const turn& t) override {
            if (t.current == turn::nobody && t.allowed != 7)
                throw std::runtime_error("lost");
            return t.usual();
        }
        unsigned pick(const question&) override { return 0; }
    } how;
    const auto step = [](pair& p) { p.a.store(1, order::relaxed); };
    small_body<pair> three({step, step, step});
    const exploration_result r = explore(three, how, under(memory_class::weak));
    CHECK(r.found.kind == failure_kind::tool);
    CHECK(r.found.cause == "lost");
    CHECK_FALSE(r.exhausted);
}

TEST_CASE("searches count exactly: interleavings of n and m steps, by number of preemptions") {
    // Two threads of two accesses to different cells: C(4,2) = 6 interleavings; 2 without preemption, and each preemption
    // point adds its own.
    const auto two = [] {
        const auto steps = [](pair& p, bool first) {
            atomic<int>& cell = first ? p.a : p.b;
            cell.fetch_add(1, order::relaxed);
            cell.fetch_add(1, order::relaxed);
        };
        return small_body<pair>(
            {[steps](pair& p) { steps(p, true); }, [steps](pair& p) { steps(p, false); }});
    };
    const auto count = [&](unsigned preemptions) {
        auto what = two();
        const auto result = search(what, memory_class::weak, make_bound(preemptions, 0));
        CHECK(result.exhausted);
        return result.executions;
    };
    CHECK(count(0) == 2);
    CHECK(count(1) == 4);
    CHECK(count(2) == 6);
    CHECK(count(unlimited) == 6);

    // Three threads of one access: 3! = 6, no preemption possible.
    const auto one = [](pair& p) { p.a.fetch_add(1, order::relaxed); };
    small_body<pair> three({one, one, one});
    CHECK(search(three, memory_class::weak, make_bound(0, 0)).executions == 6);
    small_body<pair> three_again({one, one, one});
    CHECK(search(three_again, memory_class::weak).executions == 6);
}

TEST_CASE("the parts of a tree are the tree") {
    struct traced {
        atomic<int> cell;
        std::string trace;
    };
    const auto traces = [](tree_part part, std::uint64_t& executions) {
        std::set<std::string> seen;
        const auto steps = [](char name) {
            return [name](traced& t) {
                for (int i = 0; i < 8; ++i) {
                    t.cell.fetch_add(1, order::relaxed);
                    t.trace += name;
                }
            };
        };
        small_body<traced> what({steps('a'), steps('b')}, [&](traced& t) { seen.insert(t.trace); });
        const auto result = search(what, memory_class::weak, make_bound(unlimited, unlimited, part));
        CHECK(result.exhausted);
        executions += result.executions;
        return seen;
    };
    std::uint64_t whole_executions = 0, part_executions = 0;
    const std::set<std::string> whole = traces({}, whole_executions);
    CHECK(whole.size() == 12870); // 16! / 8!^2
    CHECK(whole_executions == 12870);
    std::set<std::string> together;
    for (unsigned i = 0; i < 4; ++i) {
        const std::set<std::string> part = traces({i, 4}, part_executions);
        CHECK(part.size() < whole.size() / 3);
        together.insert(part.begin(), part.end());
    }
    CHECK(together == whole);
    CHECK(part_executions > whole_executions);
    CHECK(part_executions < whole_executions + whole_executions / 10);
}

TEST_CASE("an iteration depends on its number alone") {
    for (auto make : {+[] { return make_uniform(3); }, +[] { return make_pct(3, 3); }}) {
        const auto schedule = [&](std::uint64_t first, std::uint64_t executions) {
            lost_wakeup what(true);
            exploration_options options = under(memory_class::weak);
            options.first = first;
            options.executions = executions;
            options.record = true;
            return explore(what, *make(), options).schedule;
        };
        CHECK(schedule(1, 50) == schedule(50, 1));
        std::set<schedule_log> different;
        for (std::uint64_t number = 1; number <= 20; ++number)
            different.insert(schedule(number, 1));
        CHECK(different.size() > 2);
    }
}

TEST_CASE("shrinking keeps the failure and leaves the fewest preemptions") {
    // Three increments that are not atomic: losing one takes one preemption.
    struct counter {
        atomic<int> total{0};
    };
    const auto add = [](counter& c) {
        for (int i = 0; i < 3; ++i) {
            const int now = c.total.load(order::relaxed);
            c.total.store(now + 1, order::relaxed);
        }
    };
    small_body<counter> first({add, add, add}, [](counter& c) {
        if (c.total.peek() != 9)
            arch::fail(invariant::I2, "an increment was lost", std::to_string(c.total.peek()).c_str());
    });
    const auto found = search(first, memory_class::weak, make_uniform(5));
    REQUIRE(found.found.invariant == daxtorture::invariant::I2);
    REQUIRE(count_preemptions(found.found.schedule) > 2);
    const auto runs = make_machine(first);
    const schedule_shrink small = shrink_schedule(*runs, found.found, under(memory_class::weak), 5);
    CHECK(small.found.invariant == daxtorture::invariant::I2);
    CHECK(small.found.cause == found.found.cause);
    CHECK(count_preemptions(small.found.schedule) == 0);
    CHECK(small.switches <= 2);
    CHECK(count_preemptions(small.found.schedule) + count_unusual(small.found.schedule) == 1);

    // Without time for a search the greedy part alone comes close.
    const schedule_shrink greedy = shrink_schedule(*runs, found.found, under(memory_class::sc), 0.05);
    CHECK(count_preemptions(greedy.found.schedule) <= count_preemptions(found.found.schedule));
}

TEST_CASE("an execution that differs when it is run again is a failure of the tool") {
    int runs = 0;
    small_body<pair> drifting({[&runs](pair& p) {
                                   for (int i = 0; i < runs % 7; ++i) // depends on more than the schedule
                                       p.a.store(i, order::relaxed);
                                   ++runs;
                               },
                               [](pair& p) { p.b.store(1, order::relaxed); }});
    exploration_options options = under(memory_class::weak);
    options.executions = 5000;
    const auto how = make_uniform(1);
    const auto found = explore(drifting, *how, options);
    CHECK(found.found.kind == failure_kind::tool);
    CHECK(found.found.cause.find("not the same when it was run again") != std::string::npos);
    CHECK(found.executions == 1000);

    options.recheck_every = 0;
    small_body<pair> unchecked({[&runs](pair& p) {
                                    for (int i = 0; i < runs % 7; ++i)
                                        p.a.store(i, order::relaxed);
                                    ++runs;
                                },
                                [](pair& p) { p.b.store(1, order::relaxed); }});
    const auto again = make_uniform(1);
    CHECK(explore(unchecked, *again, options).found.kind == failure_kind::none);
}

TEST_CASE("one in a thousand executions runs twice, and does not count twice") {
    for (int kind : {1, 2, 3}) {
        small_body<pair> steady({[](pair& p) {
                                     p.a.store(1, order::relaxed);
                                     p.read = p.b.load(order::relaxed);
                                     p.a.store(2, order::relaxed);
                                 },
                                 [](pair& p) {
                                     p.b.store(1, order::relaxed);
                                     p.a.fetch_add(1, order::full);
                                     p.b.store(2, order::relaxed);
                                 }});
        exploration_options options = under(memory_class::weak);
        options.executions = 3000;
        options.recheck_every = kind == 3 ? 10 : 1000;
        const auto how = kind == 1   ? make_uniform(1)
                         : kind == 2 ? make_pct(1, 3)
                                     : make_bound(unlimited, unlimited);
        const auto r = explore(steady, *how, options);
        CHECK(r.found.cause == "");
        CHECK(r.rechecked >= (r.executions - 1) / options.recheck_every);
        CHECK(r.executions <= 3000);
        if (kind == 3) {
            options.recheck_every = 0;
            const auto plain_search = make_bound(unlimited, unlimited);
            CHECK(explore(steady, *plain_search, options).executions == r.executions);
        }
    }
}

TEST_CASE("an execution that goes on changing shared state is given up, not called a livelock") {
    small_body<pair> counting({[](pair& p) {
                                   while (p.b.load(order::relaxed) == 0)
                                       p.a.fetch_add(1, order::relaxed), arch::cpu_relax();
                               },
                               [](pair& p) {
                                   while (p.b.load(order::relaxed) == 0)
                                       arch::cpu_relax();
                               }});
    exploration_options options = under(memory_class::weak);
    options.executions = 10;
    options.depth_limit = 500;
    const auto how = make_uniform(1);
    const auto r = explore(counting, *how, options);
    CHECK(r.found.kind == failure_kind::none);
    CHECK(r.gave_up);
    CHECK_FALSE(r.exhausted);

    small_body<pair> spinning({[](pair& p) {
                                   while (p.b.load(order::relaxed) == 0)
                                       arch::cpu_relax();
                               },
                               [](pair& p) {
                                   while (p.b.load(order::relaxed) == 0)
                                       p.a.exchange(1 - p.a.peek(), order::relaxed), arch::cpu_relax();
                               }});
    const auto again = make_uniform(1);
    const auto stuck = explore(spinning, *again, options);
    CHECK(stuck.found.kind == failure_kind::livelock);
    CHECK(stuck.found.detail.find("went round 2 states") != std::string::npos);
}

TEST_CASE("coverage counts outcomes and what ran inside what") {
    coverage cover;
    cover.begin();
    cover.step(0, 0);
    cover.step(1, 0); // inside thread 0's operation 0
    cover.step(1, 1); // inside too; 1/0 had one step only, so nothing ran inside it
    cover.step(0, 0);
    cover.step(1, 1);
    cover.end(7);
    CHECK(cover.steps(0, 0) == 2);
    CHECK(cover.steps(1, 0) == 1);
    CHECK(cover.steps(1, 1) == 2);
    REQUIRE(cover.ran_inside(0, 0, 1, 1));
    CHECK((*cover.ran_inside(0, 0, 1, 1))[0] ==
          1); // the first step of 1/1 after the first of 0/0, and no other
    REQUIRE(cover.ran_inside(1, 1, 0, 0));
    CHECK((*cover.ran_inside(1, 1, 0, 0))[0] == 2); // the second of 0/0
    CHECK(cover.ran_inside(0, 0, 1, 0));
    CHECK(cover.ran_inside(0, 0, 1, 1));
    CHECK(cover.ran_inside(1, 1, 0, 0));
    CHECK_FALSE(cover.ran_inside(1, 0, 0, 0));
    cover.begin();
    cover.end(7);
    CHECK(cover.outcomes().size() == 1);
    CHECK(cover.last_new() == 1);
}

TEST_CASE("a weakened fence is found, and the orders met are listed") {
    lost_wakeup fenced(true);
    exploration_options options = under(memory_class::weak);
    options.executions = 20'000;
    options.collect_orders = true;
    const auto how = make_bound(2, 2);
    const auto met = explore(fenced, *how, options);
    CHECK(met.found.kind == failure_kind::none);
    const auto fence = std::find_if(met.orders.begin(), met.orders.end(),
                                    [](const met_order& o) { return o.kind == "fence"; });
    REQUIRE(fence != met.orders.end());

    const weak_order without{fence->file, fence->line, "fence", "relaxed"};
    exploration_options weaker = under(memory_class::weak);
    weaker.executions = 20'000;
    weaker.weaken = &without;
    lost_wakeup broken(true);
    const auto again = make_bound(2, 2);
    CHECK(explore(broken, *again, weaker).found.kind == failure_kind::deadlock);
}

TEST_CASE("an execution may be stopped anywhere, and those after it are not disturbed") {
    constexpr unsigned decisions = 7; // as many as an execution has when the last thread always goes first
    class stops : public strategy {
      public:
        bool begin(std::uint64_t iteration, unsigned) override {
            left_ = iteration % 2 == 1 ? static_cast<unsigned>(iteration / 2) : ~0u;
            return iteration <= 2 * decisions;
        }
        unsigned next_thread(const turn& t) override {
            return left_-- == 0 ? turn::stop : static_cast<unsigned>(31 - std::countl_zero(t.allowed));
        }
        unsigned pick(const question&) override { return 0; }

      private:
        unsigned left_ = 0;
    } decides;
    struct state {
        arch::mutex lock{outer};
        arch::rcu_domain rcu;
        atomic<int> order{0};
        plain<int> data{0};
        std::string log = "a text that does not fit into a string itself";
    };
    const auto step = [](state& s) {
        arch::rcu_read_guard inside(s.rcu);
        arch::guard held(s.lock);
        s.data.set(s.data.get() * 3 + s.order.fetch_add(1, order::full));
    };
    std::multiset<int> ended;
    small_body<state> three({step, step,
                             [&](state& s) {
                                 step(s);
                                 s.rcu.synchronize();
                             }},
                            [&](state& s) { ended.insert(s.data.peek()); });
    const exploration_result r = explore(three, decides, under(memory_class::weak));
    CHECK(r.found.cause == "");
    CHECK(r.exhausted);
    CHECK(r.executions == 2 * decisions);
    CHECK(r.repetitions == decisions);
    CHECK(ended.size() == decisions);
    CHECK(ended.count(*ended.begin()) == ended.size());
}
