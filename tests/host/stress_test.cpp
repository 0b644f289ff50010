// The stress engine over a fake world: rounds, the end of a run, violations, hangs and what is left after them.
#include "protocol/presets.hpp"
#include "scenario/choices.hpp"
#include "scenario/printer.hpp"
#include "stress/repertoire.hpp"
#include "stress/stress.hpp"
#include "tests/catch.hpp"
#include "tests/host/fake_world.hpp"

#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/task.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

using namespace daxtorture;

namespace {

constexpr arch::lock_class outer{"outer", 10};

/// Two threads, two operations each: worker 0 pins and unpins, worker 1 truncates twice.
program two_threads() {
    program p;
    p.name = "fake";
    p.world.files = {{"A", fs_kind::xfs, 2}};
    p.world.mms = {{"m0", {{0, 0, 2, 0, true, true}}}};
    p.setup = {{op::store, 0, 0, 0}};
    p.threads = {{"pinner", {{op::pin, 0, 0, 1}, {op::unpin}}},
                 {"truncater", {{op::truncate, 0, 0, 0}, {op::truncate, 0, 0, 1}}}};
    return p;
}

std::shared_ptr<fake::behaviour>
behave_as(std::function<outcome(world&, unsigned, const operation&)> perform) {
    auto how = std::make_shared<fake::behaviour>();
    how->perform = std::move(perform);
    fake::behave(how);
    return how;
}

outcome all_well(world&, unsigned, const operation&) { return outcome::done; }

void sleep_for_ever() {
    for (;;) {
        arch::set_current_state(arch::task_state::uninterruptible);
        arch::smp_mb();
        arch::schedule();
    }
}

stress_options options_for(double seconds) {
    stress_options options;
    options.scenario = two_threads();
    options.workers = 2;
    options.seconds = seconds;
    options.seed = 1;
    return options;
}

constexpr double for_ever = 1e9; ///< seconds: what ends before it was ended by something else

/// Runs it until its progress is what the test waits for. Such a run has no verdict.
stress_result run_until(stress_options options, const std::function<bool(const stress_progress&)>& enough) {
    std::atomic<bool> cancel{false};
    options.cancel = &cancel;
    options.seconds = for_ever;
    options.progress_every = 0.01;
    options.on_progress = [&](const stress_progress& now) {
        if (enough(now))
            cancel = true;
    };
    const stress_result r = run_stress(options);
    CHECK(r.cancelled == (r.verdict == verdict_kind::inconclusive));
    CHECK(r.failures.empty());
    return r;
}

std::uint64_t count(const stress_result& r, op kind) {
    return r.per_operation[static_cast<std::size_t>(kind)].total;
}

} // namespace

TEST_CASE("a scenario runs in rounds, each in a fresh world with its set-up") {
    const auto how = behave_as(all_well);
    stress_options options = options_for(for_ever);
    options.rounds_max = 200;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::pass);
    CHECK(r.rounds == 200);
    CHECK(r.quiescent_checks == 200);
    CHECK(r.workers == 2);
    CHECK(how->worlds == 200);
    CHECK(r.operations == 800);
    CHECK(count(r, op::pin) == 200);
    CHECK(count(r, op::unpin) == 200);
    CHECK(count(r, op::truncate) == 400);
    CHECK(r.failures.empty());
    CHECK_FALSE(r.abandoned_workers);
}

TEST_CASE("more workers than the scenario has threads run it in several worlds") {
    behave_as(all_well);
    stress_options options = options_for(for_ever);
    options.workers = 5;
    options.rounds_max = 50;
    const stress_result r = run_stress(options);
    CHECK(r.workers == 4);
    CHECK(r.rounds == 100);
}

TEST_CASE("operations of one round overlap") {
    std::barrier both(2);
    behave_as([&](world&, unsigned worker, const operation&) {
        if (worker != 2) // the set-up is alone
            both.arrive_and_wait();
        return outcome::done;
    });
    stress_options options = options_for(for_ever);
    options.rounds_max = 300;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::pass);
    CHECK(r.rounds == 300);
}

TEST_CASE("a run ends at its deadline, at a cancel, and reports progress") {
    behave_as(all_well);
    stress_options options = options_for(0.3);
    int calls = 0;
    options.progress_every = 0.1;
    options.on_progress = [&](const stress_progress& p) {
        ++calls;
        CHECK(p.seconds_total == 0.3);
    };
    stress_result r = run_stress(options);
    CHECK(r.seconds >= 0.3);
    CHECK(calls >= 1);
    CHECK_FALSE(r.cancelled);

    std::atomic<bool> cancel{false};
    options.cancel = &cancel;
    options.seconds = for_ever;
    options.on_progress = [&](const stress_progress& now) { cancel = now.quiescent_checks != 0; };
    r = run_stress(options);
    CHECK(r.cancelled);
    CHECK(r.quiescent_checks != 0);
    CHECK(r.verdict == verdict_kind::inconclusive);
}

TEST_CASE("a violation ends the run and names worker, operation and site") {
    std::atomic<int> truncates{0};
    behave_as([&](world&, unsigned, const operation& what) {
        if (what.kind == op::truncate && ++truncates == 11)
            arch::fail(invariant::I7, "freed while held", "block 3");
        return outcome::done;
    });
    const stress_result r = run_stress(options_for(for_ever));
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    const failure& f = r.failures[0];
    CHECK(f.kind == failure_kind::invariant);
    CHECK(f.invariant == daxtorture::invariant::I7);
    CHECK(f.cause == "freed while held");
    CHECK(f.detail.find("block 3") != std::string::npos);
    CHECK(f.detail.find("truncater in 'truncate A 0'") != std::string::npos);
    CHECK(f.detail.find("stress_test.cpp") != std::string::npos);
    REQUIRE(f.events.size() > 1);
    CHECK(f.events.back().kind == "violation");
    CHECK(f.events.back().thread == 1);
    CHECK(f.events.back().operation == 0);
    // The flight recorders: what the workers did before, in the order of time.
    CHECK(std::ranges::any_of(f.events, [](const event& e) {
        return e.kind == "begin" && e.thread == 1 && e.object == "truncate A 0";
    }));
    CHECK(std::ranges::is_sorted(f.events, {}, &event::time));
    CHECK(f.state.tasks.size() == 3);
}

TEST_CASE("a violation at a quiescent point counts") {
    const auto how = behave_as(all_well);
    how->check = [] { arch::fail(invariant::I1, "mapcount", ""); };
    const stress_result r = run_stress(options_for(for_ever));
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    CHECK(r.failures[0].invariant == daxtorture::invariant::I1);
    CHECK(r.failures[0].events.back().thread == 2);
}

TEST_CASE("the watchdog finds a sleeper whom nobody can wake") {
    const auto how = behave_as([](world&, unsigned worker, const operation& what) {
        if (worker == 1 && what.first == 1)
            sleep_for_ever();
        return outcome::done;
    });
    how->predicate_true = true;
    stress_options options = options_for(for_ever);
    options.hang_after = for_ever; // so that it is found because nobody is left who could wake it
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    const failure& f = r.failures[0];
    CHECK(f.kind == failure_kind::deadlock);
    CHECK(f.invariant == daxtorture::invariant::I16);
    CHECK(f.cause == "lost wake-up: artificial");
    CHECK(f.detail.find("truncater in 'truncate A 1'") != std::string::npos);
    CHECK_FALSE(r.abandoned_workers);
}

TEST_CASE("the watchdog finds a cycle of locks") {
    arch::mutex a(outer);
    arch::mutex b(outer);
    std::atomic<unsigned> first_taken{0};
    behave_as([&](world&, unsigned worker, const operation& what) {
        if (worker > 1 || what.kind == op::unpin || what.first == 1)
            return outcome::done;
        arch::mutex& mine = worker == 0 ? a : b;
        arch::mutex& other = worker == 0 ? b : a;
        mine.lock();
        ++first_taken;
        while (first_taken < 2)
            arch::cpu_relax();
        // try_lock first: it is not asked for the lock order, which would be the first failure
        arch::current().held.pop(&mine);
        other.lock();
        other.unlock();
        arch::current().held.push(outer, &mine, arch::site::here());
        mine.unlock();
        return outcome::done;
    });
    program p = two_threads();
    p.threads[0].operations = {{op::truncate, 0, 0, 0}};
    stress_options options = options_for(for_ever);
    options.scenario = p;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    CHECK(r.failures[0].kind == failure_kind::deadlock);
    CHECK_FALSE(r.abandoned_workers);
}

TEST_CASE("an operation that never ends is a livelock after hang_after") {
    behave_as([](world&, unsigned worker, const operation&) {
        while (worker == 0)
            arch::cpu_relax();
        return outcome::done;
    });
    stress_options options = options_for(for_ever);
    options.hang_after = 0.5;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    CHECK(r.failures[0].kind == failure_kind::livelock);
    CHECK(r.failures[0].detail.find("pinner in 'pin m0 1' runs") != std::string::npos);
    CHECK_FALSE(r.abandoned_workers);
}

TEST_CASE("the deadline holds although a worker does not end its operation") {
    behave_as([](world&, unsigned worker, const operation&) {
        while (worker == 0)
            arch::cpu_relax();
        return outcome::done;
    });
    stress_options options = options_for(0.2);
    options.hang_after = for_ever;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::inconclusive);
    CHECK_FALSE(r.note.empty());
}

TEST_CASE("a set-up that hangs is found too") {
    behave_as([](world&, unsigned worker, const operation&) {
        if (worker == 2)
            sleep_for_ever();
        return outcome::done;
    });
    const stress_result r = run_stress(options_for(for_ever));
    CHECK(r.verdict == verdict_kind::fail);
    REQUIRE(r.failures.size() == 1);
    CHECK(r.failures[0].detail.find("setup in 'store m0 0'") != std::string::npos);
}

TEST_CASE("without stop_on_failure the run goes on in fresh worlds") {
    std::atomic<unsigned> truncates{0};
    behave_as([&](world&, unsigned, const operation& what) {
        if (what.kind != op::truncate)
            return outcome::done;
        const unsigned n = ++truncates;
        if (n == 20)
            sleep_for_ever();
        if (n % 100 == 0)
            arch::fail(invariant::I7, "freed while held", "");
        return outcome::done;
    });
    stress_options options = options_for(for_ever);
    options.rounds_max = 1000; // and not so many seconds: a busy machine gets there too
    options.stop_on_failure = false;
    const stress_result r = run_stress(options);
    CHECK(r.verdict == verdict_kind::fail);
    CHECK(r.failures.size() == 2); // the same violation is kept once
    CHECK(r.failures_seen > 2);
    CHECK(r.rounds > 100);
    CHECK_FALSE(r.abandoned_workers);
}

TEST_CASE("a mix keeps its world, pauses for checks, and draws the same per seed") {
    std::mutex mutex;
    std::map<unsigned, std::vector<operation>> drawn;
    const auto record = [&](world&, unsigned worker, const operation& what) {
        {
            const std::lock_guard held(mutex);
            if (worker < 3 && drawn[worker].size() < 500)
                drawn[worker].push_back(what);
        }
        return outcome::done;
    };
    const auto how = behave_as(record);
    stress_options options;
    options.workers = 3;
    options.seed = 5;
    const auto all_drawn = [&](const stress_progress& now) {
        const std::lock_guard held(mutex);
        return now.quiescent_checks >= 2 && drawn[0].size() == 500 && drawn[1].size() == 500 &&
               drawn[2].size() == 500;
    };
    const stress_result r = run_until(options, all_drawn);
    CHECK(how->worlds == 1);
    CHECK(r.quiescent_checks >= 2);
    CHECK(r.workers == 3);
    CHECK(drawn.size() == 3);
    const auto first = drawn;
    drawn.clear();
    run_until(options, all_drawn);
    for (const auto& [worker, operations] : first) {
        REQUIRE(operations.size() == 500);
        REQUIRE(drawn[worker].size() == 500);
        CHECK((drawn[worker] == operations));
    }
    drawn.clear();
    options.seed = 6;
    run_until(options, all_drawn);
    CHECK((drawn[0] != first.at(0)));
    CHECK_THROWS_AS(([&] {
                        options.mix = "none";
                        run_stress(options);
                    }()),
                    std::invalid_argument);
}

TEST_CASE("in a mix a worker holds nothing when it breaks layouts, and lets go for a waiter at a pause") {
    // Worker 1 waits in its truncates until worker 0 holds no pin; between operations only a release can help it.
    constexpr unsigned workers = 2;
    std::atomic<int> pins[workers]{};
    std::atomic<int> own_pins{0};
    const auto how = behave_as([&](world&, unsigned worker, const operation& what) {
        if (what.kind == op::pin)
            ++pins[worker];
        if (what.kind == op::unpin) {
            if (pins[worker] == 0)
                return outcome::nothing;
            --pins[worker];
        }
        if (may_wait_for_holders(what.kind))
            own_pins += pins[worker];
        if (what.kind == op::truncate)
            while (pins[1 - worker] != 0)
                arch::cpu_relax();
        return outcome::done;
    });
    how->release = [&](unsigned worker) { pins[worker] = 0; };
    stress_options options;
    options.workers = workers;
    options.mix = "pin-heavy";
    run_until(options, [](const stress_progress& now) { return now.quiescent_checks >= 2; });
    CHECK(own_pins == 0);
}

TEST_CASE("a mix finds a hang at its next pause") {
    std::atomic<unsigned> steps{0};
    const auto how = behave_as([&](world&, unsigned, const operation&) {
        if (++steps == 5'000)
            sleep_for_ever();
        return outcome::done;
    });
    how->predicate_true = true;
    stress_options options;
    options.workers = 3;
    options.seconds = for_ever;
    options.hang_after = for_ever;
    const stress_result r = run_stress(options);
    REQUIRE(r.failures.size() == 1);
    CHECK(r.failures[0].cause == "lost wake-up: artificial");
}

TEST_CASE("mixes draw what their weights say") {
    std::set<std::string_view> names;
    for (const stress::mix& m : stress::mix_table()) {
        INFO(m.name);
        names.insert(m.name);
        // Nothing that a rule can mend is wrong with this one, and devices without a filesystem may go.
        protocol rules = find_preset("v7.3-fixed")->rules;
        const stress::repertoire all(m, stress::mix_world(m, rules, {}, 4));
        generator random(3);
        std::map<op, unsigned> counts;
        double weights = 0;
        for (const operation_info& known : operation_table)
            weights += m.weigh[known.kind];
        constexpr unsigned draws = 20'000;
        for (unsigned i = 0; i < draws; ++i)
            ++counts[all.draw(random).what.kind];
        for (const operation_info& known : operation_table) {
            INFO(known.name);
            CHECK(counts[known.kind] == Approx(draws * m.weigh[known.kind] / weights).margin(200));
            CHECK((counts[known.kind] == 0) == (m.weigh[known.kind] == 0));
        }
    }
    CHECK(names.size() == stress::mix_table().size());
    CHECK(stress::find_mix("default") != nullptr);
    CHECK(stress::find_mix("no such mix") == nullptr);
}

TEST_CASE("every operation is drawn by a mix, in every form") {
    const protocol rules = find_preset("v7.3-fixed")->rules;
    std::map<op, unsigned> flags; // of the operations that some mix draws
    for (const stress::mix& m : stress::mix_table()) {
        const stress::repertoire all(m, stress::mix_world(m, rules, {}, 4));
        for (const operation_info& known : operation_table) {
            if (m.weigh[known.kind] == 0)
                continue;
            unsigned& drawn = flags[known.kind];
            for (const stress::named_operation& one : all.of(known.kind))
                drawn |= one.what.flags;
        }
    }
    for (const operation_info& known : operation_table) {
        if (concerns_power(
                known.kind)) // what is durable is looked at between two steps, and threads have none
            continue;
        INFO(known.name);
        REQUIRE(flags.contains(known.kind));
        CHECK(flags[known.kind] == known.flags);
        // virtiofs has a device for itself: other files would take its dmap ranges for blocks
        CHECK((stress::find_mix("everything")->weigh[known.kind] != 0) == (known.kind != op::reclaim));
    }
}

namespace {

std::set<std::string> drawn_by(std::string_view name, const protocol& rules) {
    const stress::mix& load = *stress::find_mix(name);
    std::set<std::string> texts;
    const stress::repertoire all(load, stress::mix_world(load, rules, {}, 2));
    for (const operation_info& known : operation_table)
        for (const stress::named_operation& one : all.of(known.kind))
            texts.insert(one.text);
    return texts;
}

} // namespace

TEST_CASE("a mix names only what its world has, and leaves out what a protocol is known to do wrong") {
    const std::set<std::string> fixed = drawn_by("everything", find_preset("v7.3-fixed")->rules);
    for (const char* text :
         {"load m0 0", "pin m0 511 slow", "reflink X Y", "alloc P", "grab V 1", "unbind pmem0",
          "unbind pmem0 unmounted", "unbind K", "bind pmem0 fails", "umount pmem0", "collapse H 511..513",
          "memory-failure pmem0 0", "invalidate C 0..6", "get m1 0", "get m2 0", "write X 0"})
        CHECK(fixed.contains(text));
    // No such thing: a read-only mapping, a device without pages to hand out, a file that is a device, files of two filesystems
    for (const char* text : {"store m3 0", "alloc D", "mount P", "truncate D 0", "reflink X B"})
        CHECK_FALSE(fixed.contains(text));
    const std::set<std::string> merged = drawn_by("everything", find_preset("v7.3")->rules);
    for (const char* text : {"munmap m0", "reflink X Y", "unbind pmem0", "unbind D", "write B 0",
                             "invalidate C 0", "memory-failure pmem0 0"})
        CHECK_FALSE(merged.contains(text));
    CHECK(merged.contains("unbind P"));
    CHECK(merged.contains("mmap m0"));
}
