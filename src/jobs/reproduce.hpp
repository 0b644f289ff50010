/// From a failure of real threads to an exact schedule: candidates of growing size, searched until one fails in the same way.
#pragma once

#include "jobs/failure_report.hpp"

#include "run/bundle.hpp"
#include "run/lift/lift.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace daxtorture::jobs {

struct reproduce_budget {
    double seconds = 120;   ///< for all candidates together
    unsigned searches = 10; ///< with different seeds, to say how reliable it is
    unsigned jobs = 0;      ///< processes; 0: as many as processors
};

/// One candidate and what its searches came to.
struct reproduce_attempt {
    lifted candidate;
    std::uint64_t executions = 0;
    double seconds = 0;
    bool found = false;
    std::string other; ///< a different failure that it found
};

/// Of searches with different seeds: how many found the failure. Each has up to `executions`.
struct reliability {
    static constexpr std::uint64_t executions = 20'000;
    unsigned found = 0;
    unsigned searches = 0;
};

struct reproduction {
    bundle original;
    std::size_t candidates = 0;
    std::vector<reproduce_attempt> attempts; ///< the last one found it, if one did
    bool found = false;
    told_failure told; ///< shrunk, when it was found
    reliability reliable;
    double seconds = 0;
};

/// The bundles of a directory: itself, or those anywhere below it that real threads wrote. Throws usage_error.
std::vector<std::filesystem::path> reproducible_bundles(const std::filesystem::path& place);

/// Throws usage_error when there is no such bundle, std::runtime_error when the checker fails.
reproduction reproduce(const std::filesystem::path& place, const reproduce_budget& budget,
                       const std::function<void(const std::string&)>& progress);

} // namespace daxtorture::jobs
