/// Searching one scenario with several strategies in several processes until something is found or the plan is done.
///
/// The default plan: all executions, if they are few; else all with few preemptions and stale loads, beside them random ones by partial order
/// sampling, then fixed numbers of random ones by the other strategies. Pairs of operations that a random phase, or a sample of it, did not meet are aimed at after it. With a strategy named, that one alone; random strategies then split the executions over the processes.
#pragma once

#include "jobs/checker.hpp"

#include "scenario/program.hpp"

#include <functional>
#include <string>

namespace daxtorture::jobs {

/// How a scenario is searched.
struct search_options {
    std::string scheduler;                     ///< empty: the default plan, of all
    unsigned bound = 2;                        ///< preemptions and stale loads of the bounded search
    unsigned depth = 3;                        ///< of pct
    std::uint64_t iterations = 0;              ///< 0: as many as the time allows, or the plan
    std::uint64_t random_executions = 100'000; ///< of each random phase of the default plan
    double seconds = 0;                        ///< per scenario; 0: the default cap
    std::uint64_t seed = 1;
    std::uint64_t first = 1; ///< number of the first random execution
    unsigned jobs = 0;       ///< processes; 0: as many as processors
    shard part;
    bool reduce = true; ///< full: run no two executions that differ only in the order of steps that commute
    bool coverage = false; ///< say what the search covered
    /// Goes on until a failure is found that this accepts; empty: any.
    std::function<bool(const failure&)> wanted;
};

/// One search of the plan and what became of it.
struct search_phase {
    checker_request request;
    std::string name; ///< "bound 2", "pct 3", "pos"
    checker_answer answer;
    bool complete = false; ///< all of it was run
};

struct portfolio_result {
    failure found;              ///< kind none: nothing was found
    std::string found_by;       ///< name of the phase
    std::uint64_t found_at = 0; ///< number of the failing execution in it
    failure other;              ///< the first that was not wanted
    std::uint64_t executions = 0;
    std::uint64_t repetitions = 0; ///< of them: cut short because they repeated others
    double seconds = 0;
    double explored =
        0; ///< estimate of the share of the (bounded) tree, or of this shard's part, that was run
    bool exhaustive = false;     ///< an exhaustive phase ran to its end
    bool whole = false;          ///< the default plan began with all executions and ran to their end
    bool interrupted = false;    ///< a signal ended the search
    bool complete = false;       ///< the plan was done before the time ended
    std::uint64_t rechecked = 0; ///< executions run twice
    outcome_table counts;
    search_coverage covered; ///< of the phases that recorded it and ended
    bool sampled = false;    ///< some did
    std::vector<search_phase> phases;
};

/// `progress` is called a few times a second with a line of status.
portfolio_result search_scenario(const program& what, const std::string& memory,
                                 const search_options& options,
                                 const std::function<void(const std::string&)>& progress);

/// Pairs of operations of different threads of which the search has not seen one inside the other.
std::vector<operation_pair> never_met(const program& what, const search_coverage& covered);
/// A few pairs that were met, but, by the steps of both, in the smallest part of the ways that they could have been.
std::vector<operation_pair> least_met(const search_coverage& covered);

} // namespace daxtorture::jobs
