/// Searches the schedules of a scenario on the real objects: all within a bound of preemptions, then at random.
///
/// The bounded search stops threads at locks, sleeps, operations, and words that two threads share (footprints). The set of such words grows
/// while it searches; what was searched with fewer is searched again, until nothing new comes up.
#pragma once

#include "machine.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace daxtorture::kernel_machine {

struct search_options {
    std::string scheduler; ///< empty: bound, then pos, pct and surw
    unsigned bound = 2;
    unsigned depth = 3;
    std::uint64_t seed = 1;
    std::uint64_t iterations = 2'000;       ///< of each random strategy
    double seconds = 10;                    ///< 0: no limit
    std::uint64_t world_check_every = 1000; ///< executions
    bool tso = false;
    bool reduce = true; ///< bound, under sc: leave out what differs only in the order of steps that commute
    std::vector<known_failure> skip; ///< go on after these
    std::function<void(std::uint64_t executions, double seconds)> progress;
};

struct search_result {
    failure found;
    std::string found_by;
    stretch_log schedule;
    std::uint64_t failed_at = 0;
    std::uint64_t executions = 0;
    std::uint64_t skipped = 0; ///< failures that were known
    double seconds = 0;
    bool complete = false;  ///< everything was done that was asked for
    bool exhausted = false; ///< all schedules within `bound_done` preemptions were run
    int bound_done = -1;
    std::uint64_t points = 0;   ///< scheduling points of an execution without preemptions
    std::uint64_t accesses = 0; ///< of all executions
    std::uint64_t switches = 0;
    std::size_t shared_words = 0;
};

search_result search(body& what, const search_options& options);

} // namespace daxtorture::kernel_machine
