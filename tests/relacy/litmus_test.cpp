/// Litmus tests: which outcomes the simulated machine shows under each memory class, and which it must never show.
///
/// Outcomes are found by an exhaustive search, so an absent one cannot happen. Names and shapes are those of the literature
/// (Alglave, Maranget, Tautschnig: Herding Cats, TOPLAS 2014).
#include "../catch.hpp"

#include "small_body.hpp"

#include <arch/plain.hpp>
#include <arch/rcu.hpp>

using arch::atomic;
using arch::order;
using daxtorture::memory_class;
using daxtorture::test::outcomes;

namespace {

struct cells {
    atomic<int> x{0}, y{0};
    int r[4] = {};
    arch::rcu_domain rcu;
};
using steps = std::vector<std::function<void(cells&)>>;

std::set<std::string> run(memory_class memory, steps threads, unsigned registers) {
    return outcomes<cells>(memory, std::move(threads), [registers](cells& c) {
        std::string text;
        for (unsigned i = 0; i < registers; ++i)
            text += std::to_string(c.r[i]);
        return text;
    });
}

std::set<std::string> final_values(memory_class memory, steps threads) {
    return outcomes<cells>(memory, std::move(threads),
                           [](cells& c) { return std::to_string(c.x.peek()) + std::to_string(c.y.peek()); });
}

using set = std::set<std::string>;

} // namespace

TEST_CASE("SB: store buffering shows under tso and weak, not under sc") {
    const steps sb{[](cells& c) {
                       c.x.store(1, order::relaxed);
                       c.r[0] = c.y.load(order::relaxed);
                   },
                   [](cells& c) {
                       c.y.store(1, order::relaxed);
                       c.r[1] = c.x.load(order::relaxed);
                   }};
    CHECK(run(memory_class::sc, sb, 2) == set{"01", "10", "11"});
    CHECK(run(memory_class::tso, sb, 2) == set{"00", "01", "10", "11"});
    CHECK(run(memory_class::weak, sb, 2) == set{"00", "01", "10", "11"});
}

TEST_CASE("SB with full fences shows nowhere") {
    const steps sb{[](cells& c) {
                       c.x.store(1, order::relaxed);
                       arch::smp_mb();
                       c.r[0] = c.y.load(order::relaxed);
                   },
                   [](cells& c) {
                       c.y.store(1, order::relaxed);
                       arch::smp_mb();
                       c.r[1] = c.x.load(order::relaxed);
                   }};
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak})
        CHECK(run(memory, sb, 2) == set{"01", "10", "11"});
}

TEST_CASE("SB with one fence and one full RMW shows nowhere; with an acq_rel RMW it does") {
    const auto sb = [](order o) {
        return steps{[](cells& c) {
                         c.x.store(1, order::relaxed);
                         arch::smp_mb();
                         c.r[0] = c.y.load(order::relaxed);
                     },
                     [o](cells& c) {
                         c.y.fetch_add(1, o);
                         c.r[1] = c.x.load(order::relaxed);
                     }};
    };
    CHECK(run(memory_class::weak, sb(order::full), 2) == set{"01", "10", "11"});
    CHECK(run(memory_class::weak, sb(order::acq_rel), 2) == set{"00", "01", "10", "11"});
    CHECK(run(memory_class::tso, sb(order::relaxed), 2) == set{"01", "10", "11"});
}

TEST_CASE("MP: message passing fails with relaxed orders under weak only") {
    const auto mp = [](order store, order load) {
        return steps{[store](cells& c) {
                         c.x.store(1, order::relaxed);
                         c.y.store(1, store);
                     },
                     [load](cells& c) {
                         c.r[0] = c.y.load(load);
                         c.r[1] = c.x.load(order::relaxed);
                     }};
    };
    CHECK(run(memory_class::sc, mp(order::relaxed, order::relaxed), 2) == set{"00", "01", "11"});
    CHECK(run(memory_class::tso, mp(order::relaxed, order::relaxed), 2) == set{"00", "01", "11"});
    CHECK(run(memory_class::weak, mp(order::relaxed, order::relaxed), 2) == set{"00", "01", "10", "11"});
    CHECK(run(memory_class::weak, mp(order::release, order::relaxed), 2) == set{"00", "01", "10", "11"});
    CHECK(run(memory_class::weak, mp(order::release, order::acquire), 2) == set{"00", "01", "11"});
}

TEST_CASE("CoRR: two reads of one location never go back") {
    const steps corr{[](cells& c) { c.x.store(1, order::relaxed); },
                     [](cells& c) {
                         c.r[0] = c.x.load(order::relaxed);
                         c.r[1] = c.x.load(order::relaxed);
                     }};
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak})
        CHECK(run(memory, corr, 2) == set{"00", "01", "11"});
}

TEST_CASE("IRIW: readers may disagree about independent writes unless fences forbid it") {
    const auto iriw = [](order load, bool fences) {
        const auto reader = [load, fences](cells& c, atomic<int>& first, atomic<int>& second, unsigned r) {
            c.r[r] = first.load(load);
            if (fences)
                arch::smp_mb();
            c.r[r + 1] = second.load(load);
        };
        return steps{
            [](cells& c) { c.x.store(1, order::release); }, [](cells& c) { c.y.store(1, order::release); },
            [reader](cells& c) { reader(c, c.x, c.y, 0); }, [reader](cells& c) { reader(c, c.y, c.x, 2); }};
    };
    CHECK(run(memory_class::sc, iriw(order::relaxed, false), 4).count("1010") == 0);
    CHECK(run(memory_class::weak, iriw(order::relaxed, false), 4).count("1010") == 1);
    CHECK(run(memory_class::weak, iriw(order::acquire, false), 4).count("1010") == 1);
    CHECK(run(memory_class::weak, iriw(order::relaxed, true), 4).count("1010") == 0);
    // TSO forbids this outcome: the tso class only strengthens orders and is a superset.
    CHECK(run(memory_class::tso, iriw(order::relaxed, false), 4).count("1010") == 1);
}

TEST_CASE("LB: load buffering never shows, a limit of the machine") {
    const steps lb{[](cells& c) {
                       c.r[0] = c.x.load(order::relaxed);
                       c.y.store(1, order::relaxed);
                   },
                   [](cells& c) {
                       c.r[1] = c.y.load(order::relaxed);
                       c.x.store(1, order::relaxed);
                   }};
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak})
        CHECK(run(memory, lb, 2) == set{"00", "01", "10"});
}

TEST_CASE("2+2W: stores reach memory in program order, a limit of the machine") {
    const steps two{[](cells& c) {
                        c.x.store(1, order::relaxed);
                        c.y.store(2, order::relaxed);
                    },
                    [](cells& c) {
                        c.y.store(1, order::relaxed);
                        c.x.store(2, order::relaxed);
                    }};
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak})
        CHECK(final_values(memory, two) == set{"12", "21", "22"});
}

TEST_CASE("a read-modify-write reads the newest value, and a failed compare_exchange orders nothing") {
    const steps adds{[](cells& c) { c.r[0] = c.x.fetch_add(1, order::relaxed); },
                     [](cells& c) { c.r[1] = c.x.fetch_add(1, order::relaxed); }};
    CHECK(run(memory_class::weak, adds, 2) == set{"01", "10"});

    const steps mp{[](cells& c) {
                       c.x.store(1, order::relaxed);
                       c.y.store(1, order::release);
                   },
                   [](cells& c) {
                       int expected = 7;
                       c.y.compare_exchange(expected, 8, order::full);
                       c.r[0] = expected;
                       c.r[1] = c.x.load(order::relaxed);
                   }};
    CHECK(run(memory_class::weak, mp, 2).count("10") == 1);
}

TEST_CASE("a grace period: a read section that missed the flag is over when the sum is taken") {
    const auto kill = [](bool grace_period) {
        return steps{[](cells& c) {
                         const arch::rcu_read_guard reading(c.rcu);
                         c.r[0] = c.x.load(order::relaxed);
                         if (c.r[0] == 0)
                             c.y.store(1, order::relaxed);
                     },
                     [grace_period](cells& c) {
                         c.x.store(1, order::relaxed);
                         if (grace_period)
                             c.rcu.synchronize();
                         else
                             arch::smp_mb();
                         c.r[1] = c.y.load(order::relaxed);
                     }};
    };
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak}) {
        CHECK(run(memory, kill(true), 2) == set{"01", "10"});
        CHECK(run(memory, kill(false), 2) == set{"00", "01", "10"});
    }
}

TEST_CASE("what came before a wake-up is visible after it") {
    daxtorture::test::small_body<cells>* here = nullptr;
    std::set<std::string> seen;
    daxtorture::test::small_body<cells> what({[](cells& c) {
                                                  arch::set_current_state(arch::task_state::uninterruptible);
                                                  arch::smp_mb();
                                                  if (c.y.load(order::relaxed) == 0)
                                                      arch::schedule();
                                                  c.r[0] = c.x.load(order::relaxed);
                                              },
                                              [&here](cells& c) {
                                                  c.x.store(1, order::relaxed);
                                                  c.y.fetch_add(1, order::full);
                                                  arch::wake_up_process(here->task(0));
                                              }},
                                             [&seen](cells& c) { seen.insert(std::to_string(c.r[0])); });
    here = &what;
    auto how = daxtorture::make_bound(daxtorture::unlimited, daxtorture::unlimited);
    const auto result = daxtorture::explore(what, *how, daxtorture::test::under(memory_class::weak));
    CHECK(result.found.cause == "");
    CHECK(result.exhausted);
    CHECK(seen.count("1") == 1);
}
