/// The kernel machine's side of the command line: what its processes are asked, and what came of a scenario (machines/kernel/main.cpp).
#pragma once

#include "jobs/child_process.hpp"
#include "jobs/kernel_tree.hpp"

#include "run/verdict.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::jobs {

struct kernel_search {
    std::string plan; ///< file of a schedule in words, to be followed instead of a search
    std::string memory = "sc";
    std::string scheduler; ///< empty: bound, then pos, pct and surw
    bool reduce = true;    ///< bound, full: leave out what differs only in the order of steps that commute
    unsigned bound = 2;
    unsigned depth = 3;
    std::uint64_t seed = 1;
    std::uint64_t iterations = 0; ///< of each random strategy; 0: the machine's default
    double seconds = 10;          ///< per scenario
    bool skip_known = false;      ///< go on after known findings
};

/// What came of one scenario on the tree.
struct kernel_verdict {
    program what;
    std::string unsupported; ///< why it cannot run there; empty: it ran
    scenario_verdict verdict;
    std::string place;                 ///< of the failure: "fs/dax.c:452"
    std::vector<std::string> warnings; ///< of the kernel, in the failing schedule
    std::uint64_t skipped = 0; ///< executions that showed known findings, after which the search went on
    bool complete = false;     ///< everything was done that was asked for: the time did not end first
    int bound_done = -1;       ///< all schedules with so many preemptions were run
    std::string left;          ///< where a plan or a schedule could not go on; empty: it was followed
    std::vector<event> events; ///< of a replay
};

/// One machine at work on one scenario.
class kernel_job {
  public:
    /// Searches the scenario, or follows the plan of the search.
    kernel_job(const program& what, const kernel_tree& tree, const kernel_search& options);
    /// Follows a recorded schedule.
    kernel_job(const program& what, const kernel_tree& tree, const std::string& memory,
               const std::vector<std::uint32_t>& schedule);

    int output() const { return child_.output(); }
    /// Reads what has come. False when the machine has ended.
    bool read_more();
    const std::string& progress() const { return progress_; }
    /// After its end. Throws usage_error when the plan is bad.
    kernel_verdict result();
    /// Ends it; it is inconclusive.
    kernel_verdict stopped();

  private:
    kernel_job(const program& what, const kernel_tree& tree, const std::string& memory,
               const std::string& request);

    std::string last_; ///< line
    std::string progress_;
    kernel_verdict verdict_;
    bool whole_on_time_ = false; ///< searching for a time was what was asked
    child_process child_;
};

/// A verdict on a scenario that nobody began.
kernel_verdict kernel_verdict_of(const program& what, const kernel_tree& tree, const std::string& memory);

} // namespace daxtorture::jobs
