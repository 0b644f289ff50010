/// Makes a failing schedule small while it stays the same failure (kind, invariant and cause).
///
/// Exhaustive searches with fewer preemptions than it has, from none up, as far as half of the time goes: a hit is a minimum.
/// Then, from the schedule that is left, removal of one stretch, forced switch or stale load at a time.
#pragma once

#include "explore.hpp"

namespace daxtorture {

struct schedule_shrink {
    failure found;
    bool minimal =
        false; ///< no schedule with fewer preemptions and at most as many stale loads as at first fails so
    std::uint64_t executions = 0;
};

/// `makes` gives a fresh body for each execution; `options` say memory class and depth limit.
schedule_shrink shrink_schedule(const std::function<std::unique_ptr<body>()>& makes, const failure& target,
                                const exploration_options& options, double seconds);

} // namespace daxtorture
