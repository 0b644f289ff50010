/// What a stress run counts: the sums of a slice, of a leg so far, of a run. They add up and can be taken from each other.
#pragma once

#include "run/tally.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture {

struct stress_count {
    std::string operation;
    std::uint64_t total = 0;
    std::uint64_t done = 0; ///< of these, with outcome::done
};

struct stress_totals {
    double seconds = 0;
    unsigned workers = 0; ///< the most at one time
    std::uint64_t rounds = 0;
    std::uint64_t quiescent_checks = 0;
    std::uint64_t failures_seen = 0; ///< with repetitions
    std::vector<stress_count> per_operation;
    observations seen;

    stress_totals& operator+=(const stress_totals& more);
};

/// What `now` has more than `before`, an earlier state of the same counts.
stress_totals difference(const stress_totals& now, const stress_totals& before);

} // namespace daxtorture
