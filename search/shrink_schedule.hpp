/// Makes a failing schedule small while it stays the same failure (kind, invariant and cause).
///
/// Fewest preemptions first, then stale loads, then context switches of any kind. Exhaustive searches with fewer preemptions than it has, from
/// none up, and with 0, 1, 2 and 3 stale loads for each, as far as the time goes: a hit is a minimum. Then, from the schedule that is left,
/// removal of one stretch, forced switch or stale load at a time, and a look at other failing schedules that cost no more.
#pragma once

#include "explore.hpp"

#include <optional>

namespace daxtorture {

struct schedule_shrink {
    failure found;
    unsigned switches = 0; ///< of its execution, up to the last whole step
    /// All schedules with fewer preemptions and at most so many stale loads were run, and none fails so. Nothing: not shown.
    std::optional<unsigned> shown_stale;
    std::uint64_t executions = 0;
};

/// `options` say memory class and depth limit. `by_executions`: not the clock counts the seconds (budget.hpp).
schedule_shrink shrink_schedule(machine& runs, const failure& target, const exploration_options& options,
                                double seconds, bool by_executions = false);

} // namespace daxtorture
