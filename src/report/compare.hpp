/// Two runs of `stress`, or two results of `check`, side by side: what is new, what is gone, what became faster or slower.
///
/// Rates and latencies of stress runs are compared slice by slice: a slice of the journal is one sample, and the interval of the change is
/// Welch's, at confidence_level. It covers how slices of one run differ; it cannot know how two mornings of one machine differ. How often a failure comes is compared by the exact test of two Poisson counts.
///
/// A regression is a failure that is new, or that comes more often with that confidence, or a throughput that is lower by
/// more than `throughput_loss` with that confidence. Of scenarios: one that fails in a way in which it did not before, or at which the tool fails.
#pragma once

#include "run/campaign/records.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace daxtorture {

inline constexpr double throughput_loss = 0.05;

/// What a comparison came to.
struct comparison {
    std::string text;
    std::vector<std::string> regressions; ///< one line each
};

comparison compare_runs(const run_contents& before, const run_contents& after, std::size_t width);

/// One scenario of a document of `check --json`.
struct checked_scenario {
    std::string name;
    std::string protocol; ///< with its rules
    std::string memory;
    std::string verdict;
    std::string failure; ///< "I16 mapped again: ..."; empty: none
    std::uint64_t executions = 0;
    double seconds = 0;
};
/// Throws std::invalid_argument with the path of the field that is wrong, or missing.
std::vector<checked_scenario> parse_check_json(const std::string& text);

comparison compare_checks(const std::vector<checked_scenario>& before,
                          const std::vector<checked_scenario>& after, std::size_t width);

/// A change with the interval that has its true value with that confidence, in parts of the value before. `known`: both had two samples.
struct change {
    double before = 0;
    double after = 0;
    double low = 0;
    double high = 0;
    bool known = false;
    bool lower() const { return known && high < 0; }
    bool higher() const { return known && low > 0; }
};
change change_of(const std::vector<double>& before, const std::vector<double>& after);

/// The probability of at least `after` of both counts in the second time, if the rate is the same in both.
double chance_of_more(std::uint64_t before, double seconds_before, std::uint64_t after, double seconds_after);

} // namespace daxtorture
