// The drawings of the HTML report, and what is said about a run's length.
#include "tests/catch.hpp"

#include "report/confidence.hpp"
#include "report/markup.hpp"
#include "report/near_misses.hpp"

#include <algorithm>
#include <cmath>

using namespace daxtorture;

namespace {

event at(unsigned thread, const char* kind, const char* object, std::uint64_t time) {
    event e;
    e.thread = thread;
    e.kind = kind;
    e.object = object;
    e.time = time;
    return e;
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t from = text.find(part); from != std::string::npos; from = text.find(part, from + 1))
        ++n;
    return n;
}

const std::vector<std::string> two{"waiter", "waker"};

} // namespace

TEST_CASE("lanes show operations, waits and an arrow from waker to sleeper") {
    failure f;
    f.events = {at(0, "begin", "truncate A 1", 10),
                at(0, "block", "page 3 <refcount>", 20),
                at(1, "begin", "unpin", 25),
                at(1, "wake", "waiter", 30),
                at(0, "resume", "", 45),
                at(0, "end", "truncate A 1", 50)};
    f.events.back().after = "done";
    const std::string drawn = lanes(f, two);
    CHECK(times(drawn, "<path") == 1); // the wake-up
    CHECK(times(drawn, "var(--waitfill)") == 1);
    CHECK(drawn.find("truncate A 1") != std::string::npos);
    CHECK(drawn.find("page 3 &lt;refcount&gt;") != std::string::npos);
    CHECK(drawn.find("+15 ns") != std::string::npos);
    CHECK(lanes(failure{}, two).empty());
}

TEST_CASE("who waits for a lock in the end points at who holds it") {
    failure f;
    f.events = {at(0, "begin", "punch A 0..1", 10), at(0, "block", "i_rwsem A", 20)};
    f.state.tasks = {{0, "waiter", "punch A 0..1", true, "i_rwsem A", "", false, {}},
                     {1, "waker", "truncate A 0", true, "page 0 to become idle", "", false, {"i_rwsem A"}}};
    CHECK(times(lanes(f, two), "stroke-dasharray") == 1);
    f.state.tasks[1].held.clear();
    CHECK(times(lanes(f, two), "stroke-dasharray") == 0);
}

TEST_CASE("of a hang, the step that should have ended the wait is marked, and the sleeper never wakes") {
    failure f;
    f.kind = failure_kind::deadlock;
    event put = at(1, "rmw", "page 0 refcount", 30);
    put.before = "1";
    put.after = "0";
    f.events = {at(0, "begin", "truncate A 0", 10), at(0, "block", "page 0 to become idle", 20), put,
                at(1, "end", "munmap m0", 40)};
    const std::string drawn = lanes(f, two);
    CHECK(times(drawn, "class=\"guilty\"") == 1);
    CHECK(times(drawn, "never wakes") == 1);
    f.events.insert(f.events.begin() + 2, at(0, "resume", "", 25));
    CHECK(times(lanes(f, two), "guilty") == 0);
    CHECK(times(lanes(f, two), "never wakes") == 0);
}

TEST_CASE("what began before the drawn rows runs in from above") {
    failure f;
    f.events.push_back(at(0, "begin", "evict A", 1));
    for (unsigned i = 0; i < 200; ++i)
        f.events.push_back(at(1, i % 2 == 0 ? "wake" : "violation", "nobody", 2 + i));
    CHECK(lanes(f, two).find("evict A") != std::string::npos);
    f.events.insert(f.events.begin() + 1, at(0, "end", "evict A", 1));
    CHECK(lanes(f, two).find("evict A") == std::string::npos);
}

TEST_CASE("lanes are as wide as their longest text, which is whole") {
    for (std::size_t length = 1; length < 40; ++length) {
        failure f;
        event count = at(0, "rmw", "refcount", 1);
        count.object = std::string(length, 'x') + " refcount";
        count.before = count.after = "123456789";
        f.events.push_back(count);
        const std::string drawn = lanes(f, two);
        CHECK(drawn.find(count.object + " 123456789 → 123456789") != std::string::npos);
        std::size_t missing = 0; // continuation bytes that the character has still to have
        for (const char c : drawn) {
            const auto byte = static_cast<unsigned char>(c);
            const bool continues = (byte & 0xc0) == 0x80;
            REQUIRE(continues == (missing != 0));
            missing = continues ? missing - 1 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
        }
    }
}

TEST_CASE("a pair that was never seen is marked") {
    const std::string drawn =
        pair_map({"pin", "load"}, {{"pin|load", 5, {}}, {"load|pin", 1, {}}, {"pin|pin", 2, {}}});
    CHECK(times(drawn, "<rect") == 3);
    CHECK(times(drawn, "<circle") == 1);
    CHECK(drawn.find("load inside load: never seen") != std::string::npos);
}

TEST_CASE("a distribution has a bar for each bucket in use") {
    const std::string drawn = distribution_plot({"pin", 4, {0, 0, 0, 0, 0, 1, 0, 3}}, 4, 12);
    CHECK(times(drawn, "<rect") == 2);
    CHECK(drawn.find("128 ns to 256 ns: 3") != std::string::npos);
}

TEST_CASE("a clean run bounds the rate, a failing one says how long a fix must run") {
    stress_summary run;
    run.seconds = 3600;
    const confidence clean = confidence_of(run);
    CHECK(clean.clean);
    // exp(-3600 / one_in) is the probability of no failure at that rate
    CHECK(std::abs(std::exp(-run.seconds / clean.one_in) - 0.01) < 1e-9);
    CHECK(std::abs(std::exp(-(run.seconds + clean.more) / 86400) - 0.01) < 1e-9);
    CHECK(confidence_text(run).find("No failure in 60 min") != std::string::npos);
    run.failures_seen = 4;
    const confidence failing = confidence_of(run);
    CHECK(failing.one_in == 900);
    CHECK(std::abs(std::exp(-failing.more / 900) - 0.01) < 1e-9);
    run.failures_seen = 0;
    run.seconds = 10 * 86400;
    CHECK(confidence_of(run).more == 0);
    CHECK(confidence_text(run).find("more") == std::string::npos);
}

TEST_CASE("near misses that were never met are named") {
    stress_summary run;
    run.seconds = 10;
    run.seen.near_misses = {{"idle-wake", 20, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20}}};
    const std::string table = near_miss_table_text(run);
    CHECK(times(table, "\n") == 2);
    CHECK(table.find("1.02 us") != std::string::npos);
    const std::vector<std::string> missing = never_met(run);
    CHECK(std::ranges::count(missing, "idle-wake") == 0);
    CHECK(std::ranges::count(missing, "gup-recheck") == 1);
}
