// What each strategy promises, on a machine of fifty lines.
#include "tests/catch.hpp"
#include "toy_machine.hpp"

#include "search/checker.hpp"
#include "search/explore.hpp"
#include "search/replay.hpp"
#include "search/shrink_schedule.hpp"
#include "search/strategies.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

using namespace daxtorture;
using namespace daxtorture::test;

namespace {

using steps = std::vector<toy_step>;

steps writes(unsigned object, unsigned count) { return steps(count, toy_step{object, true}); }
steps operator+(steps first, const steps& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
}

exploration_result run(machine& runs, strategy& decides, std::uint64_t executions = 0) {
    exploration_options options;
    options.executions = executions;
    return explore(runs, decides, options);
}

/// How often each order came in so many executions.
std::map<std::string, double> shares(const toy_machine::program& threads, std::unique_ptr<strategy> decides,
                                     std::uint64_t executions) {
    std::map<std::string, double> share;
    toy_machine runs(threads, [&](const std::string& order) {
        share[order] += 1.0 / static_cast<double>(executions);
        return true;
    });
    CHECK(run(runs, *decides, executions).executions == executions);
    return share;
}

double share_where(const std::map<std::string, double>& share, bool (*holds)(const std::string&)) {
    double sum = 0;
    for (const auto& [order, part] : share)
        sum += holds(order) ? part : 0;
    return sum;
}

bool last_of_a_before_b(const std::string& order) { return order.rfind('a') < order.find('b'); }
/// Standard deviations of 3e5 draws are below 0.001.
bool near(double share, double expected) { return std::abs(share - expected) < 0.006; }

std::set<std::string> orders_of(const toy_machine::program& threads, std::unique_ptr<strategy> decides,
                                exploration_result* result = nullptr) {
    std::set<std::string> seen;
    toy_machine runs(threads, [&](const std::string& order) {
        seen.insert(order);
        return true;
    });
    const exploration_result r = run(runs, *decides);
    CHECK(r.exhausted);
    if (result != nullptr)
        *result = r;
    return seen;
}

} // namespace

TEST_CASE("every strategy has a name, and names that there are not are errors") {
    std::set<std::string_view> names;
    for (const strategy_kind& one : strategies()) {
        CHECK(names.insert(one.name).second);
        CHECK(!one.help.empty());
        CHECK(find_strategy(one.name) == &one);
        CHECK(one.make({}) != nullptr);
    }
    CHECK(find_strategy("none") == nullptr);
    CHECK_THROWS_AS(make_strategy("none", {}), std::invalid_argument);
}

TEST_CASE("every strategy that walks at random gives an execution by its number alone") {
    const toy_machine::program threads{writes(0, 4), writes(0, 3) + writes(1, 2), writes(1, 3)};
    for (const strategy_kind& one : strategies()) {
        if (one.walks != walk::random)
            continue;
        INFO(one.name);
        const auto order_of = [&](std::uint64_t first, std::uint64_t number) {
            std::vector<std::string> orders;
            toy_machine runs(threads, [&](const std::string& order) {
                orders.push_back(order);
                return true;
            });
            exploration_options options;
            options.first = first;
            options.executions = number - first + 1;
            explore(runs, *one.make({}), options);
            return orders.back();
        };
        std::set<std::string> different;
        for (std::uint64_t number = 5; number < 25; ++number) {
            CHECK(order_of(number, number) == order_of(1, number));
            different.insert(order_of(number, number));
        }
        CHECK(different.size() > 3);
    }
}

TEST_CASE("pos: of two conflicting steps either comes first, however long the way to one of them") {
    // Ten steps of a that nothing else touches, then both write x. Random turns rarely let all of a come first.
    const toy_machine::program threads{writes(1, 10) + writes(0, 1), writes(0, 1)};
    const auto by_pos = shares(threads, make_pos(1), 300'000);
    const auto by_uniform = shares(threads, make_uniform(1), 300'000);
    CHECK(near(share_where(by_uniform, last_of_a_before_b), std::pow(0.5, 11)));
    // b's priority is the lowest of twelve.
    CHECK(near(share_where(by_pos, last_of_a_before_b), 1.0 / 12));
}

TEST_CASE("pos: a step that waited for one it conflicts with is drawn again, one that did not is not") {
    // Three writes of a, one of b: in conflict each of a's writes is another draw for b, else b's one draw is against all of a.
    const auto last = [](unsigned object) {
        return share_where(shares({writes(0, 3), writes(object, 1)}, make_pos(1), 300'000),
                           last_of_a_before_b);
    };
    CHECK(near(last(0), 1.0 / 8));
    CHECK(near(last(1), 1.0 / 4));
}

TEST_CASE("surw: all orders of the accesses to the one shared object are equally likely") {
    // Other steps around them do not count.
    const toy_machine::program threads{writes(1, 6) + writes(0, 2), writes(0, 2) + writes(2, 1)};
    std::map<std::string, double> of_shared;
    for (const auto& [order, part] : shares(threads, make_surw(1), 300'000)) {
        std::string shared;
        unsigned a = 0, b = 0;
        for (const char step : order)
            if (step == 'a' ? a++ >= 6 : b++ < 2)
                shared += step;
        of_shared[shared] += part;
    }
    CHECK(of_shared.size() == 6);
    for (const auto& [order, part] : of_shared) {
        INFO(order);
        CHECK(near(part, 1.0 / 6));
    }
}

TEST_CASE("pct: a bug of one ordering is hit at least once in as many executions as there are threads") {
    const toy_machine::program threads{writes(1, 10) + writes(0, 1), writes(0, 1)};
    CHECK(share_where(shares(threads, make_pct(1, 1), 100'000), last_of_a_before_b) >= 0.49);
}

TEST_CASE("bound: all orders with so many preemptions and no other") {
    const toy_machine::program threads{writes(0, 2), writes(0, 2)};
    CHECK(orders_of(threads, make_bound(0, 0)) == std::set<std::string>{"aabb", "bbaa"});
    CHECK(orders_of(threads, make_bounds(1)).size() == 4); // abba, baab
    CHECK(orders_of(threads, make_bound(unlimited, unlimited)).size() == 6);
}

TEST_CASE("full: one order of those that only change places of steps that commute; the rest is abandoned") {
    exploration_result result;
    CHECK(orders_of({writes(0, 2), writes(1, 2)}, make_reduced()).size() == 1);
    CHECK(orders_of({writes(0, 2), writes(0, 2)}, make_reduced()).size() == 6);
    // Two writers of x and one of y: two orders of x, and y's place does not matter.
    const auto some = orders_of({writes(0, 1), writes(1, 2), writes(0, 1)}, make_reduced(), &result);
    CHECK(some.size() == 2);
    CHECK(result.executions == some.size() + result.repetitions);
    // Values are branches of their own.
    CHECK(orders_of({{toy_step{0, false, 3}}, {toy_step{1, false, 2}}}, make_reduced()).size() == 6);
}

TEST_CASE("the parts of a tree together are the tree") {
    const toy_machine::program threads{writes(0, 4), writes(0, 4), writes(0, 2)};
    const std::set<std::string> all = orders_of(threads, make_bound(2, 0));
    std::set<std::string> together;
    for (unsigned i = 0; i < 3; ++i) {
        const std::set<std::string> part = orders_of(threads, make_bound(2, 0, {i, 3}));
        CHECK(part.size() < all.size());
        together.insert(part.begin(), part.end());
    }
    CHECK(together == all);
}

TEST_CASE("a strategy may stop an execution, which then has no outcome and is not run twice") {
    class stops_at_b : public strategy {
      public:
        bool begin(std::uint64_t iteration, unsigned) override { return iteration <= 100; }
        unsigned next_thread(const turn& t) override {
            return t.current == 1 ? turn::stop : t.allowed >> 1 & 1;
        }
        unsigned pick(const question&) override { return 0; }
    } decides;
    unsigned complete = 0;
    toy_machine runs({writes(0, 3), writes(0, 3)}, [&](const std::string&) {
        ++complete;
        return true;
    });
    exploration_options options;
    options.recheck_every = 1;
    const exploration_result r = explore(runs, decides, options);
    CHECK(r.executions == 100);
    CHECK(r.repetitions == 100);
    CHECK(r.rechecked == 0);
    CHECK(complete == 0);
    CHECK(r.found.kind == failure_kind::none);
}

TEST_CASE(
    "a failing schedule shrinks to the fewest forced switches, and the machine goes on after failures") {
    // Fails when some step of b comes between two of a.
    toy_machine runs({writes(0, 6), writes(0, 6)},
                     [](const std::string& order) { return order.find("aba") == std::string::npos; });
    exploration_options options;
    const exploration_result found = explore(runs, *make_uniform(3), options);
    REQUIRE(found.found.kind == failure_kind::invariant);
    REQUIRE(count_preemptions(found.found.schedule) > 2);
    const schedule_shrink small = shrink_schedule(runs, found.found, options, 5);
    CHECK(same_failure(small.found, found.found));
    CHECK(count_preemptions(small.found.schedule) == 2);
    CHECK(small.shown_stale.has_value());
    replay_strategy again(small.found.schedule);
    CHECK(run(runs, again, 1).found.kind == failure_kind::invariant);
    CHECK(again.followed_all());
}

TEST_CASE("a search for one failure passes others by, and counts them") {
    // Of the 20 orders one fails as wanted, and all others but one fail otherwise.
    toy_machine runs({writes(0, 3), writes(0, 3)},
                     [](const std::string& order) { return order == "bbbaaa"; });
    runs.cause_of = [](const std::string& order) { return order == "ababab" ? "wanted" : "other"; };
    failure wanted;
    wanted.kind = failure_kind::invariant;
    wanted.cause = "wanted";
    search_options options;
    options.scheduler = "full";
    options.reduce = false;
    CHECK(search(runs, options).found.cause == "other");
    options.wanted = &wanted;
    const search_result hit = search(runs, options);
    CHECK(hit.found.cause == "wanted");
    CHECK(hit.passed_by == hit.executions - 1);

    wanted.cause = "never";
    const search_result none = search(runs, options);
    CHECK(none.found.kind == failure_kind::none);
    CHECK(none.exhausted);
    CHECK(none.executions == 20);
    CHECK(none.passed_by == 19);
    options.scheduler = "uniform";
    options.iterations = 1000;
    CHECK(search(runs, options).executions == 1000);
}

TEST_CASE("a machine that answers differently when it runs again is a failure of the tool") {
    unsigned runs_so_far = 0;
    toy_machine runs({writes(0, 2), writes(0, 2)}, [&](const std::string&) { return ++runs_so_far != 4; });
    exploration_options options;
    options.recheck_every = 3;
    const auto decides = make_uniform(1);
    CHECK(explore(runs, *decides, options).found.kind == failure_kind::tool);
}
