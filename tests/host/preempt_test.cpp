// Preemption points: the same seed delays at the same points, by the same amounts.
#include "tests/catch.hpp"

#include <arch/check.hpp>
#include <arch/preempt.hpp>
#include <arch/task.hpp>

#include <algorithm>
#include <set>
#include <vector>

namespace {

/// The numbers of the points at which a thread armed with `seed` delayed.
std::vector<unsigned> delayed_points(std::uint64_t seed, unsigned points) {
    std::vector<unsigned> at;
    arch::arm_preemption(seed);
    std::uint64_t before = arch::preemptions_made();
    for (unsigned i = 0; i < points; ++i) {
        arch::note("step", i);
        if (arch::preemptions_made() != before)
            at.push_back(i);
        before = arch::preemptions_made();
    }
    arch::disarm_preemption();
    return at;
}

} // namespace

TEST_CASE("a seed decides where a thread delays") {
    arch::task me(0);
    arch::bind_current(me);
    const std::vector<unsigned> first = delayed_points(1, 20'000);
    CHECK(first.size() > 10);
    CHECK(delayed_points(1, 20'000) == first);
    CHECK(delayed_points(2, 20'000) != first);
    arch::unbind_current();
}

TEST_CASE("plans repeat and use every kind of delay") {
    arch::preemption_plan a(7);
    arch::preemption_plan b(7);
    std::set<arch::delay_kind> kinds;
    std::uint32_t shortest = ~0U;
    std::uint32_t longest = 0;
    for (int i = 0; i < 2'000; ++i) {
        const arch::delay d = a.next();
        REQUIRE(d == b.next());
        REQUIRE(d.gap >= 1);
        kinds.insert(d.kind);
        shortest = std::min(shortest, d.gap);
        longest = std::max(longest, d.gap);
    }
    CHECK(kinds.size() == 3);
    CHECK(shortest <= 2);
    CHECK(longest > 500);
}

TEST_CASE("a thread that is not armed never delays") {
    const std::uint64_t before = arch::preemptions_made();
    for (int i = 0; i < 100'000; ++i)
        arch::preemption_point();
    CHECK(arch::preemptions_made() == before);
}
