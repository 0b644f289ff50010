/// The checker on whole scenarios: it finds, replays and shrinks, and passes what is right.
#include "../catch.hpp"

#include "models/checker.hpp"
#include "models/decision_path.hpp"
#include "models/shrink.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <string>

using namespace daxtorture;

namespace {

program lost_wake_up(const char* rule) {
    const std::string text = std::string("scenario  waiter-fence\n"
                                         "claim     I16\n"
                                         "protocol  v6.15\n"
                                         "rule      ") +
                             rule +
                             "\n"
                             "geometry  tiny\n"
                             "file      A fs=xfs pages=1\n"
                             "file      B fs=ext4 pages=1\n"
                             "mm        m0 maps A 0..1 shared rw\n"
                             "mm        m1 maps B 0..1 shared rw\n"
                             "setup     store m0 0\n"
                             "thread    pinner:    pin m0 0 fast; unpin\n"
                             "thread    truncater: truncate A 0\n"
                             "thread    bystander: load m1 0; load m1 0\n"
                             "expect    pass\n";
    parse_result parsed = parse_scenario(text, "test");
    INFO(parsed.error.text());
    REQUIRE(parsed);
    return *parsed.value;
}

search_options quickly(memory_class memory, search_kind scheduler = search_kind::pct) {
    search_options o;
    o.memory = memory;
    o.scheduler = scheduler;
    o.seconds = 20;
    o.iterations = 20'000;
    return o;
}

} // namespace

TEST_CASE("a waiter without its fence hangs under tso and weak, and the hang is named") {
    const program broken = lost_wake_up("waiter-fence=none");
    CHECK(search(broken, quickly(memory_class::sc)).found.cause == "");
    for (const memory_class memory : {memory_class::tso, memory_class::weak}) {
        const search_result r = search(broken, quickly(memory));
        CHECK(r.found.kind == failure_kind::deadlock);
        CHECK(r.found.invariant == daxtorture::invariant::I16);
    }
}

TEST_CASE("the same scenario with its fence passes every scheduler") {
    const program fixed = lost_wake_up("waiter-fence=full");
    for (const search_kind kind : {search_kind::uniform, search_kind::pct, search_kind::bound}) {
        const search_result r = search(fixed, quickly(memory_class::weak, kind));
        CHECK(r.found.cause == "");
        CHECK(r.found.kind == failure_kind::none);
        CHECK(r.executions > 100);
    }
}

TEST_CASE("a search that ended between two bounds is not exhaustive") {
    const program fixed = lost_wake_up("waiter-fence=full");
    search_options options = quickly(memory_class::weak, search_kind::bound);
    options.bound = 2;
    options.seconds = 1e-9;
    CHECK_FALSE(search(fixed, options).exhausted);
    options.seconds = 0;
    options.iterations = 1;
    CHECK_FALSE(search(fixed, options).exhausted);
    options.bound = 0;
    options.iterations = 0;
    CHECK(search(fixed, options).exhausted);
}

TEST_CASE("a hang replays step for step, with events, and shrinks to what it needs") {
    const program broken = lost_wake_up("waiter-fence=none");
    const search_result found = search(broken, quickly(memory_class::weak));
    REQUIRE(found.found.kind == failure_kind::deadlock);

    for (int i = 0; i < 10; ++i) {
        const replay_result again = replay(broken, found.found.schedule, memory_class::weak);
        CHECK(same_failure(again.found, found.found));
        CHECK(!again.diverged);
        CHECK(again.found.schedule == found.found.schedule);
        REQUIRE(!again.found.events.empty());
    }

    shrink_options o;
    o.memory = memory_class::weak;
    o.seconds = 10;
    const shrink_result small = shrink(broken, found.found, o);
    CHECK(small.reproduced);
    CHECK(same_failure(small.found, found.found));
    CHECK(small.what.threads.size() == 2);
    CHECK(small.what.world.files.size() == 1); // the bystander's file and mm go with it
    CHECK(small.what.world.mms.size() == 1);
    CHECK(small.switches >= 1);
    CHECK(small.switches <= 4);
    CHECK(small.preemptions <= count_preemptions(found.found.schedule));
    CHECK(!small.found.events.empty());
    const replay_result last = replay(small.what, small.found.schedule, o.memory);
    CHECK(same_failure(last.found, found.found));
}

TEST_CASE("aiming meets a pair of operations that random turns rarely meet") {
    std::string waits;
    for (int i = 0; i < 8; ++i)
        waits += "load m1 0; ";
    const parse_result parsed =
        parse_scenario("scenario  far-apart\n"
                       "geometry  tiny\n"
                       "file      A fs=xfs pages=1\n"
                       "file      B fs=xfs pages=1\n"
                       "mm        m0 maps A 0..1 shared rw\n"
                       "mm        m1 maps B 0..1 shared rw\n"
                       "setup     store m0 0\n"
                       "thread    one:  " +
                           waits +
                           "truncate A 0\n"
                           "thread    two:  load m0 0; load m1 0; load m1 0; load m1 0\n"
                           "thread    three: load m1 0; load m1 0\n"
                           "expect    pass\n",
                       "test");
    REQUIRE(parsed);
    const auto met_by = [&](search_kind kind) {
        unsigned met = 0;
        for (std::uint64_t i = 1; i <= 50; ++i) {
            coverage cover;
            search_options o = quickly(memory_class::weak, kind);
            o.first = i;
            o.iterations = 1;
            o.cover = &cover;
            o.targets = {{0, 8, 1, 0}};
            search(*parsed.value, o);
            met += cover.ran_inside(0, 8, 1, 0) != nullptr;
        }
        return met;
    };
    const unsigned aimed = met_by(search_kind::aim);
    CHECK(aimed >= 25);
    CHECK(met_by(search_kind::uniform) < aimed / 2);
}

TEST_CASE("the explored share of an even tree is exact, and of a search that ends it grows") {
    decision_path<decision_node> path({});
    const decision coin = decision::value({choice_kind::rare, 2, 0, 0}, 0);
    for (int execution = 0; execution < 8; ++execution) {
        REQUIRE(path.advance());
        CHECK(path.explored() == execution / 8.0);
        for (int depth = 0; depth < 3; ++depth) {
            if (path.at_end())
                path.add(coin, 0, 2);
            path.visit(coin);
        }
    }
    CHECK(!path.advance());
    const program fixed = lost_wake_up("waiter-fence=full");
    double share = 0;
    for (const std::uint64_t executions : {2'000, 4'000, 8'000}) {
        search_options o = quickly(memory_class::weak, search_kind::bound);
        o.iterations = executions;
        const search_result r = search(fixed, o);
        if (r.exhausted)
            break;
        CHECK(r.explored >= share);
        CHECK(r.explored < 1);
        share = r.explored;
    }
    CHECK(share > 0);
}
