/// Makes a found failure small while it stays the same failure (kind, invariant and cause).
///
/// First the program: threads and operations that the failure does not need. Then the schedule, see shrink_schedule.hpp.
#pragma once

#include "checker.hpp"

#include <optional>

namespace daxtorture {

struct shrink_options {
    double seconds = 10;
    bool by_executions = false; ///< not the clock counts the seconds (budget.hpp)
    memory_class memory = memory_class::weak;
    std::uint64_t depth_limit = 10'000;
    bool reduce_program = true;
    std::function<void(std::uint64_t executions, double seconds)> progress;
};

struct shrink_result {
    bool reproduced = false;  ///< the schedule given led to the failure given
    program what;             ///< reduced; equal to the one given when nothing could go
    failure found;            ///< with schedule and events of the reduced execution
    unsigned preemptions = 0; ///< forced context switches that are left
    unsigned switches = 0;    ///< context switches in all, forced or not
    unsigned stale = 0;       ///< stale loads and rare outcomes that are left
    /// All schedules of this program with fewer preemptions and at most so many stale loads were run, and none fails so.
    std::optional<unsigned> shown_stale;
    unsigned undecided =
        0; ///< smaller programs of which too few executions were run to know that they do not fail so
    std::uint64_t executions = 0;
    double seconds = 0;
};

shrink_result shrink(const machine_factory& make, const program& what, const failure& target,
                     const shrink_options& options);

} // namespace daxtorture
