/// Runs a program under a strategy, again and again, on a machine. An exploration ends at its first failure. std only.
#pragma once

#include "coverage.hpp"
#include "machine.hpp"
#include "strategy.hpp"

#include <cstdint>
#include <functional>

namespace daxtorture {

struct exploration_options : machine_options {
    std::uint64_t first = 1;            ///< number of the first execution
    std::uint64_t executions = 0;       ///< 0: no limit
    double seconds = 0;                 ///< 0: no limit
    std::uint64_t depth_limit = 10'000; ///< scheduling points
    std::uint64_t recheck_every =
        1000;                  ///< executions between two that run twice and must be the same; 0: never
    coverage* cover = nullptr; ///< filled in when given; slows the search down
    /// About twice a second.
    std::function<void(std::uint64_t executions, double seconds, double explored)> progress;
};

struct exploration_result {
    failure found;                ///< kind none: no failure
    std::uint64_t executions = 0; ///< run in this call, the failing one included
    std::uint64_t repetitions =
        0; ///< those of them that the strategy abandoned: from some point on they repeated others
    std::uint64_t failed_at = 0; ///< number of the failing execution
    double seconds = 0;
    bool exhausted = false;      ///< the strategy had nothing left
    std::uint64_t overruns = 0;  ///< executions that hit the depth limit and ended under a fair schedule
    std::uint64_t rechecked = 0; ///< executions that were run twice
    bool gave_up = false; ///< ended at an execution without end that no argument shows to be a livelock
    std::optional<blocked_setup> blocked; ///< nothing was run
    std::vector<met_order> orders;        ///< when collected
    std::uint64_t steps = 0;              ///< scheduling points of all executions
    std::vector<event> events;            ///< of the last execution, with or without failure, when recorded
    schedule_log schedule;                ///< of the last execution, when recorded or failed
};

exploration_result explore(machine& runs, strategy& decides, const exploration_options& options);

} // namespace daxtorture
