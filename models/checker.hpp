/// The checking engine: searches a scenario's executions for one that breaks an invariant, and runs a found one again.
///
/// std only; the simulated machine stays behind it. Not reentrant. After a failure the objects of the failed execution
/// are lost, so a process should end soon after one (daxtorture-checker does).
#pragma once

#include "explore.hpp"
#include "scenario/program.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace daxtorture {

enum class search_kind : std::uint8_t { uniform, pct, bound, full, aim };

struct search_options {
    search_kind scheduler = search_kind::pct;
    unsigned depth = 3; ///< pct: a failure of this many ordering constraints can be hit
    unsigned bound = 2; ///< bound: preemptions, and as many stale loads; 0, 1, ... up to it in turn
    bool reduce = true; ///< full: leave out what differs only in the order of steps that commute
    tree_part part;     ///< bound, full: the share of the tree
    std::vector<aim_target> targets; ///< aim: what to meet
    std::uint64_t seed = 1;
    std::uint64_t first = 1;      ///< number of the first execution (uniform, pct)
    std::uint64_t iterations = 0; ///< 0: no limit
    double seconds = 0;           ///< 0: no limit
    memory_class memory = memory_class::weak;
    std::uint64_t depth_limit = 10'000; ///< scheduling points of one execution
    coverage* cover = nullptr;
    const weak_order* weaken = nullptr;
    bool collect_orders = false;
    /// About twice a second; `explored` as in search_result.
    std::function<void(std::uint64_t executions, double seconds, double explored)> progress;
};

/// How often each operation had each outcome, over all executions that came to their end: by thread, the last of which is the set-up, by
/// operation, by outcome.
using outcome_counts = std::array<std::uint64_t, outcome_names.size()>;
using operation_counts = std::vector<std::vector<outcome_counts>>;

struct search_result {
    failure found; ///< kind none: nothing found
    std::uint64_t executions = 0;
    std::uint64_t repetitions = 0; ///< of them: cut short because they repeated others
    std::uint64_t failed_at = 0;   ///< number of the failing execution
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

/// A scenario as something to explore: the world, its set-up, one list of operations per thread, the final checks. `counts`, if given,
/// is filled in.
std::unique_ptr<body> make_world_body(const program& what, operation_counts* counts = nullptr);

search_result search(const program& what, const search_options& options);
replay_result replay(const program& what, const schedule_log& schedule, memory_class memory,
                     bool record_events = true, std::uint64_t depth_limit = 10'000);

} // namespace daxtorture
