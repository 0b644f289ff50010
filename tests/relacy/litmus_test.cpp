/// Litmus tests: which outcomes the simulated machine shows under each memory class, and which it must never show.
///
/// Outcomes are found by an exhaustive search, so an absent one cannot happen. Names and shapes are those of the literature
/// (Alglave, Maranget, Tautschnig: Herding Cats, TOPLAS 2014).
#include "../catch.hpp"

#include "small_body.hpp"

#include "search/random.hpp"

#include <arch/lock.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

using arch::atomic;
using arch::order;
using daxtorture::memory_class;
using daxtorture::test::outcomes;

namespace {

constexpr arch::lock_class some_lock{"lock", 1};

struct cells {
    atomic<int> x{0}, y{0}, z{0};
    arch::plain<int> data{0};
    int r[4] = {};
    arch::rcu_domain rcu;
    arch::mutex lock{some_lock};
    arch::rwsem sem{some_lock};
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

TEST_CASE("S: a store does not overtake what its thread read before it, a limit of the machine") {
    for (auto memory : {memory_class::sc, memory_class::tso, memory_class::weak}) {
        const auto seen =
            outcomes<cells>(memory,
                            {[](cells& c) {
                                 c.x.store(2, order::relaxed);
                                 c.y.store(1, order::relaxed);
                             },
                             [](cells& c) {
                                 c.r[0] = c.y.load(order::relaxed);
                                 c.x.store(1, order::relaxed);
                             }},
                            [](cells& c) { return std::to_string(c.r[0]) + std::to_string(c.x.peek()); });
        CHECK(seen == set{"01", "02", "11"});
    }
}

TEST_CASE("a load is at most two stores old, a limit of the machine") {
    const steps stores{[](cells& c) {
                           for (int value = 1; value <= 4; ++value)
                               c.x.store(value, order::relaxed);
                           c.y.store(1, order::relaxed);
                       },
                       [](cells& c) {
                           c.r[0] = c.y.load(order::relaxed);
                           c.r[1] = c.x.load(order::relaxed);
                       }};
    CHECK(run(memory_class::sc, stores, 2).count("13") == 0);
    const set weak = run(memory_class::weak, stores, 2);
    for (const char* const shown : {"14", "13", "12"})
        CHECK(weak.contains(shown));
    for (const char* const never : {"11", "10"})
        CHECK_FALSE(weak.contains(never));
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

TEST_CASE(
    "a fence after an access does not take part in it: another thread may see the access and fence first") {
    const steps mp{[](cells& c) {
                       c.x.store(1, order::relaxed);
                       c.y.store(1, order::relaxed);
                       arch::smp_mb();
                   },
                   [](cells& c) {
                       c.r[0] = c.y.load(order::relaxed);
                       arch::smp_mb();
                       c.r[1] = c.x.load(order::relaxed);
                   }};
    CHECK(run(memory_class::weak, mp, 2) == set{"00", "01", "10", "11"});
    const steps race{[](cells& c) {
                         c.y.store(1, order::relaxed);
                         c.data.set(1);
                         arch::smp_mb();
                     },
                     [](cells& c) {
                         if (c.y.load(order::relaxed) != 1)
                             return;
                         arch::smp_mb();
                         c.r[0] = c.data.get();
                     }};
    CHECK(run(memory_class::weak, race, 1).contains("failure: data race on plain data"));
}

namespace {

/// A random program of stores, loads, exchanges and fences.
struct instruction {
    enum kind : unsigned { store, release, load, acquire, exchange, full_exchange, fence, kinds } what;
    bool of_x;
    int value;
};
std::vector<std::vector<instruction>> random_program(daxtorture::random_source& random) {
    std::vector<std::vector<instruction>> threads(2 + random.below(2));
    int value = 0;
    for (auto& thread : threads)
        for (unsigned i = 2 + random.below(threads.size() == 2 ? 4 : 2); i != 0; --i)
            thread.push_back({static_cast<instruction::kind>(random.below(instruction::kinds)),
                              random.below(2) == 0, ++value});
    return threads;
}

/// `apart`: every fence is a step of its own.
void perform(cells& c, const std::vector<instruction>& program, bool apart, std::string& log) {
    for (const instruction& i : program) {
        atomic<int>& cell = i.of_x ? c.x : c.y;
        switch (i.what) {
        case instruction::store:
        case instruction::release:
            cell.store(i.value, i.what == instruction::store ? order::relaxed : order::release);
            break;
        case instruction::load:
        case instruction::acquire:
            log += std::to_string(cell.load(i.what == instruction::load ? order::relaxed : order::acquire));
            break;
        case instruction::exchange:
        case instruction::full_exchange:
            log += std::to_string(
                cell.exchange(i.value, i.what == instruction::exchange ? order::relaxed : order::full));
            break;
        default:
            if (apart)
                arch::relacy::detail::scheduling_point(nullptr, false);
            arch::smp_mb();
        }
        log += ' ';
    }
}

} // namespace

TEST_CASE("a fence that is one step with the load before it loses no outcome") {
    unsigned with_fence = 0;
    for (unsigned seed = 1; seed <= 1500; ++seed) {
        daxtorture::random_source random(seed, 1);
        const auto program = random_program(random);
        std::string logs[3];
        const auto all = [&](bool apart) {
            steps threads;
            for (std::size_t t = 0; t < program.size(); ++t)
                threads.push_back([&, t, apart](cells& c) {
                    logs[t].clear();
                    perform(c, program[t], apart, logs[t]);
                });
            return outcomes<cells>(memory_class::weak, threads, [&](cells& c) {
                return logs[0] + "/" + logs[1] + "/" + logs[2] + std::to_string(c.x.peek()) + " " +
                       std::to_string(c.y.peek());
            });
        };
        INFO("seed " << seed);
        const set apart = all(true);
        REQUIRE(all(false) == apart);
        for (const auto& thread : program)
            with_fence += std::any_of(thread.begin(), thread.end(),
                                      [](const instruction& i) { return i.what == instruction::fence; });
    }
    CHECK(with_fence > 500);
}

TEST_CASE("a store after a release store does not go on with the release; a read-modify-write does") {
    const auto mp = [](bool rmw) {
        return steps{[rmw](cells& c) {
                         c.x.store(1, order::relaxed);
                         c.y.store(1, order::release);
                         if (rmw)
                             c.y.fetch_add(1, order::relaxed);
                         else
                             c.y.store(2, order::relaxed);
                     },
                     [](cells& c) {
                         c.r[0] = c.y.load(order::acquire);
                         c.r[1] = c.x.load(order::relaxed);
                     }};
    };
    CHECK(run(memory_class::weak, mp(false), 2) == set{"00", "01", "11", "20", "21"});
    CHECK(run(memory_class::weak, mp(true), 2) == set{"00", "01", "11", "21"});
    CHECK(run(memory_class::tso, mp(false), 2) == set{"00", "01", "11", "21"});
}

TEST_CASE("a sleep orders nothing by itself") {
    const auto reads = [](bool sleeps) {
        return steps{[sleeps](cells& c) {
                         c.r[0] = c.x.load(order::relaxed);
                         if (sleeps) {
                             const std::lock_guard held(c.lock);
                         }
                         c.r[1] = c.y.load(order::relaxed);
                         c.r[2] = c.x.load(order::relaxed);
                     },
                     [](cells& c) {
                         c.x.store(1, order::relaxed);
                         c.y.store(1, order::relaxed);
                     },
                     [](cells& c) {
                         const std::lock_guard held(c.lock);
                         c.z.store(1, order::relaxed); // the other may come to wait here
                     }};
    };
    CHECK(run(memory_class::weak, reads(false), 3).contains("010"));
    const steps waits = reads(true);
    bool slept = false;
    const auto after_a_sleep = outcomes<cells>(memory_class::weak,
                                               {[&](cells& c) {
                                                    c.r[0] = c.x.load(order::relaxed);
                                                    slept = c.lock.is_locked();
                                                    c.lock.lock();
                                                    c.lock.unlock();
                                                    c.r[1] = c.y.load(order::relaxed);
                                                    c.r[2] = c.x.load(order::relaxed);
                                                },
                                                waits[1], waits[2]},
                                               [&](cells& c) {
                                                   return (slept ? "slept " : "") + std::to_string(c.r[0]) +
                                                          std::to_string(c.r[1]) + std::to_string(c.r[2]);
                                               });
    CHECK(after_a_sleep.contains("slept 010"));
}

TEST_CASE("a try may find a lock that was just dropped still taken, and then no more") {
    const auto tries = [](bool makes_a_step) {
        return steps{[makes_a_step](cells& c) {
                         c.lock.lock();
                         c.x.store(1, order::relaxed);
                         c.lock.unlock();
                         if (makes_a_step)
                             c.y.store(1, order::relaxed);
                     },
                     [makes_a_step](cells& c) {
                         if ((makes_a_step ? c.y : c.x).load(order::relaxed) == 0)
                             return;
                         c.r[0] = c.lock.try_lock() ? 1 : 2;
                         if (c.r[0] == 1)
                             c.lock.unlock();
                     }};
    };
    CHECK(run(memory_class::sc, tries(false), 1) == set{"0", "1", "2"});
    CHECK(run(memory_class::sc, tries(true), 1) == set{"0", "1"});
}

TEST_CASE("a try for writing may find any reader that has just left") {
    const steps tries{[](cells& c) {
                          c.sem.down_read();
                          c.x.store(1, order::relaxed);
                          c.sem.up_read();
                      },
                      [](cells& c) {
                          if (c.x.load(order::relaxed) == 0)
                              return;
                          c.sem.down_read();
                          c.sem.up_read();
                          c.y.store(1, order::relaxed);
                      },
                      [](cells& c) {
                          if (c.y.load(order::relaxed) == 0)
                              return;
                          c.r[0] = c.sem.try_down_write() ? 1 : 2;
                          if (c.r[0] == 1)
                              c.sem.up_write();
                      }};
    CHECK(run(memory_class::sc, tries, 1) == set{"0", "1", "2"});
}

TEST_CASE("a callback may run when its caller has gone on, where its moment matters") {
    struct counted : arch::rcu_head {
        atomic<int> runs{0};
        arch::rcu_domain rcu;
        int seen = 0;
    };
    const auto seen = [](arch::callback_moment when) {
        return outcomes<counted>(memory_class::weak, {[when](counted& c) {
                                     c.rcu.call(
                                         c,
                                         [](arch::rcu_head& head) {
                                             static_cast<counted&>(head).runs.fetch_add(1, order::relaxed);
                                         },
                                         when);
                                     c.seen = c.runs.load(order::relaxed);
                                 }},
                                 [](counted& c) {
                                     c.rcu.barrier();
                                     return std::to_string(c.seen) + std::to_string(c.runs.peek());
                                 });
    };
    CHECK(seen(arch::callback_moment::first) == set{"11"});
    CHECK(seen(arch::callback_moment::any) == set{"01", "11"});
}
