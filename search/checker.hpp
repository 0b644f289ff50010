/// Searches a program's executions for one that breaks an invariant, and runs a found one again.
#pragma once

#include "explore.hpp"
#include "scenario/program.hpp"
#include "strategies.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace daxtorture {

/// Makes what runs a scenario. At most one machine of a process is there at a time.
using machine_factory = std::function<std::unique_ptr<machine>(const program&)>;

struct search_options : strategy_options {
    std::string scheduler = "pct"; ///< a name of strategies()
    std::uint64_t first = 1;       ///< number of the first execution (uniform, pct)
    std::uint64_t iterations = 0;  ///< 0: no limit
    double seconds = 0;            ///< 0: no limit
    memory_class memory = memory_class::weak;
    std::uint64_t depth_limit = 10'000; ///< scheduling points of one execution
    coverage* cover = nullptr;
    const weak_order* weaken = nullptr;
    bool collect_orders = false;
    const failure* wanted = nullptr; ///< others are passed by; null: the first one ends the search
    /// About twice a second; `explored` as in search_result.
    std::function<void(std::uint64_t executions, double seconds, double explored)> progress;
};

struct search_result {
    failure found; ///< kind none: nothing found
    std::uint64_t executions = 0;
    std::uint64_t repetitions = 0; ///< of them: cut short because they repeated others
    std::uint64_t failed_at = 0;   ///< number of the failing execution
    std::uint64_t passed_by = 0;   ///< executions that failed in other ways than was wanted
    double seconds = 0;
    bool exhausted = false;             ///< every execution that the search could reach was run
    double explored = 0;                ///< bound, full: estimate of the share of the executions that was run
    std::uint64_t depth_limit_hits = 0; ///< executions that ended only under a fair schedule
    std::uint64_t rechecked = 0;        ///< executions that were run twice, to see that they are the same
    bool gave_up = false; ///< ended early, at an execution without end that is not shown to be a livelock
    std::optional<blocked_setup> blocked; ///< nothing was run
    operation_counts counts;
    std::vector<met_order> orders;
    std::uint64_t steps = 0; ///< scheduling points of all executions
};

struct replay_result {
    failure found;
    bool diverged = false;
    std::size_t divergence =
        0; ///< index of the first decision that was not asked for, or of the first not reached
    std::vector<event> events; ///< of the whole execution, whether it failed or not
    schedule_log schedule;     ///< what was decided
};

search_result search(machine& runs, const search_options& options);
replay_result replay(machine& runs, const schedule_log& schedule, memory_class memory,
                     bool record_events = true, std::uint64_t depth_limit = 10'000);

} // namespace daxtorture
