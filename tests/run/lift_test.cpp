// Lifting: from the last operations of real threads to small scenarios that parse, end by themselves and keep the failing pattern.
#include "report/trace.hpp"
#include "run/lift/lift.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

using namespace daxtorture;

namespace {

program mix_base() {
    program p;
    p.name = "mix-test";
    p.geometry = "real";
    p.world.shape = geometry::real();
    p.world.files = {{"A", fs_kind::xfs, 4}, {"B", fs_kind::ext4, 4}};
    p.world.mms = {{"m0", {{0, 0, 4, 0, true, true}, {1, 0, 4, 4, true, true}}}};
    p.threads = {{"worker0", {}}, {"worker1", {}}, {"worker2", {}}};
    return p;
}

event begins(unsigned thread, const char* operation, std::uint64_t time = 0) {
    event e;
    e.thread = thread;
    e.kind = "begin";
    e.object = operation;
    e.time = time;
    return e;
}

failure hang_of(std::vector<event> events) {
    failure f;
    f.kind = failure_kind::deadlock;
    f.invariant = invariant::I28;
    f.cause = "wrong queue";
    f.events = std::move(events);
    task_snapshot asleep;
    asleep.name = "worker1";
    asleep.blocked = true;
    asleep.predicate_true = true;
    f.state.tasks.push_back(asleep);
    return f;
}

const std::vector<event> history{begins(0, "store m0 5"), begins(0, "pin m0 2 slow"),
                                 begins(1, "load m0 1"),  begins(2, "interrupt worker0"),
                                 begins(0, "unpin"),      begins(1, "truncate A 1")};

} // namespace

TEST_CASE("the window holds the last operations of every worker and parses back") {
    const program window = window_of(mix_base(), history);
    REQUIRE(window.threads.size() == 2); // an interrupt alone is no operation to search
    CHECK(window.threads[0].operations.size() == 3);
    CHECK(window.threads[1].operations.back().kind == op::truncate);
    const parse_result again = parse_scenario(print(window), "window");
    REQUIRE(again);
    CHECK(*again.value == window);
    CHECK(window_of(mix_base(), history, 1).threads[0].operations.size() == 1);
}

TEST_CASE("candidates are small, grow, parse and drop every pin that they take") {
    const failure found = hang_of(history);
    const std::vector<lifted> all = lift(window_of(mix_base(), history), found);
    REQUIRE(!all.empty());
    for (const lifted& one : all) {
        INFO(print(one.what));
        CHECK(one.what.threads.size() >= 2);
        CHECK(one.what.threads.size() <= 4);
        CHECK(parse_scenario(print(one.what), "lifted"));
        for (const thread_program& t : one.what.threads) {
            const auto count = [&](op kind) {
                return std::ranges::count(t.operations, kind, &operation::kind);
            };
            CHECK(count(op::pin) == count(op::unpin));
        }
    }
    const auto threads = [](const lifted& one) { return one.what.threads.size(); };
    CHECK(threads(all.front()) <= threads(all.back()));
    // The sleeper comes first; the other worker's unpin got the pin that it needs.
    const auto literal =
        std::ranges::find_if(all, [](const lifted& one) { return one.how.starts_with("last 1 "); });
    REQUIRE(literal != all.end());
    CHECK(literal->what.threads[0].operations.front().kind == op::truncate);
    CHECK(literal->what.threads[1].operations.front().kind == op::pin);
}

TEST_CASE("a pin of several pages stays one where the file has as many") {
    const std::vector<event> ranges{begins(0, "pin m0 0..4 fast"), begins(1, "get m0 5..8"), begins(1, "put"),
                                    begins(2, "truncate A 0"), begins(2, "truncate B 1")};
    const program window = window_of(mix_base(), ranges);
    std::set<std::string> pins;
    for (const lifted& one : lift(window, hang_of(ranges))) {
        CAPTURE(print(one.what));
        CHECK(parse_scenario(print(one.what), "lifted"));
        for (const auto& thread : one.what.threads)
            for (const operation& what : thread.operations)
                if (what.kind == op::pin || what.kind == op::get)
                    pins.insert(print(what, one.what.world, {}));
    }
    CHECK(pins.contains("pin m0 0 fast"));
    CHECK(pins.contains("pin m0 0..2 fast"));
}

TEST_CASE("a file of huge pages stays one: its PMD, the first page and the others") {
    program base = mix_base();
    base.world.files = {{"H", fs_kind::xfs, 1024, true}};
    base.world.mms = {{"m0", {{0, 0, 1024, 0, true, true}}}, {"m1", {{0, 3, 515, 0, true, true}}}};
    const std::vector<event> events{
        begins(0, "store m0 512"), begins(0, "punch H 511..512"), begins(0, "truncate H 1023"),
        begins(1, "load m1 2"),    begins(1, "load m0 3"),        begins(1, "punch H 511..513"),
        begins(1, "munmap m1"),    begins(2, "munmap m0"),        begins(2, "truncate H 512")};
    std::set<std::string> texts;
    for (const lifted& one : lift(window_of(base, events), hang_of(events))) {
        INFO(print(one.what));
        REQUIRE(parse_scenario(print(one.what), "lifted"));
        if (one.what.world.shape.pmd_order == 0 || !one.how.starts_with("last 4"))
            continue;
        CHECK(one.what.world.shape.pmd_order == 1);
        CHECK(one.what.world.files.front().huge);
        for (const thread_program& t : one.what.threads)
            for (const operation& o : t.operations)
                texts.insert(print(o, one.what));
    }
    const std::set<std::string> expected{"store m0 0", "punch A 1", "truncate A 1",
                                         "load p0 1",  "load m0 1", "punch A 0..2",
                                         "munmap p0",  "munmap m0", "truncate A 0"};
    CHECK(texts == expected);
    // Without PMDs as well, for what they have no part in
    const std::vector<lifted> all = lift(window_of(base, events), hang_of(events));
    CHECK(all.back().what.world.shape.pmd_order == 0);
}

TEST_CASE("where blocks move, a file has two pages") {
    const std::vector<event> events{begins(0, "store m0 2"), begins(0, "load m0 0"),
                                    begins(1, "collapse A 1..3")};
    const std::vector<lifted> all = lift(window_of(mix_base(), events), hang_of(events));
    REQUIRE(!all.empty());
    CHECK(all.front().what.world.files.front().pages == 2);
    const auto has = [&](const char* text) {
        return std::ranges::any_of(
            all, [&](const lifted& one) { return print(one.what).find(text) != std::string::npos; });
    };
    CHECK(has("collapse A 0"));
    CHECK(has("store m0 1; load m0 0"));
    CHECK(all.back().what.world.files.front().pages == 1);
}

TEST_CASE("what happens to the device stays when the failure is about it") {
    program base = mix_base();
    base.world.unbinds = true;
    std::vector<event> events{begins(0, "store m0 1"), begins(0, "memory-failure pmem0 3"),
                              begins(1, "load m0 2"), begins(1, "unbind pmem0")};
    const auto unbinds = [&](invariant broken) {
        failure found = hang_of(events);
        found.invariant = broken;
        const std::vector<lifted> all = lift(window_of(base, events), found);
        return std::ranges::count_if(all, [](const lifted& one) {
            const std::string text = print(one.what);
            return text.find("unbind pmem0") != std::string::npos &&
                   text.find("memory-failure pmem0 0") != std::string::npos;
        });
    };
    CHECK(unbinds(invariant::I23) != 0);
    CHECK(unbinds(invariant::I28) != 0); // the sleeper, worker1, is in it
    base.threads[1].name = "other"; // now nobody whose operation is known sleeps, and worker0 comes first
    events.emplace_back(begins(0, "load m0 0"));
    CHECK(unbinds(invariant::I28) == 0);
}

TEST_CASE("a window about no file has no candidates") {
    const std::vector<event> nothing{begins(0, "unpin"), begins(1, "put")};
    CHECK(lift(window_of(mix_base(), nothing), hang_of(nothing)).empty());
}

TEST_CASE("the last events of each thread stay in order") {
    const auto kept = last_of_each(history, 1);
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].object == "interrupt worker0");
    CHECK(kept[2].object == "truncate A 1");
}

TEST_CASE("events with times become a trace; an operation that never ended is closed") {
    const program base = mix_base();
    CHECK(chrome_trace(hang_of(history), base).empty());
    const auto trace = nlohmann::json::parse(chrome_trace(hang_of({begins(0, "load m0 1", 1500)}), base));
    const auto& events = trace.at("traceEvents");
    const auto phase = [&](const char* p) {
        return std::ranges::count_if(events, [&](const auto& e) { return e.at("ph") == p; });
    };
    CHECK(phase("M") == 3);
    CHECK(phase("B") == 1);
    CHECK(phase("E") == 1);
}
