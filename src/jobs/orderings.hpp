/// Which memory orders of the model are needed: each is weakened, alone, and the scenarios that meet it are searched.
///
/// needed       a scenario that passes as written fails with the weaker order: the proof is the failure
/// not shown    no scenario fails within the bounds: the order may be redundant, or a scenario is missing
/// Steps of weakening: a fence is left out; an acquire load and a release store become relaxed; a read-modify-write becomes relaxed,
/// and when that fails, each order in between is tried.
#pragma once

#include "jobs/checker.hpp"

#include "scenario/program.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace daxtorture::jobs {

/// A memory order and the scenarios, by number, that meet it.
struct examined_order {
    order_place place;
    std::vector<std::size_t> scenarios;
};

struct weakening {
    std::string order; ///< the weaker one; "none" for a fence
    bool needed = false;
    std::string scenario; ///< that fails
    daxtorture::invariant invariant = daxtorture::invariant::none;
    std::string cause;
    std::uint64_t executions = 0;
};

struct order_result {
    examined_order examined;
    std::vector<weakening> tried; ///< empty: a signal came before
};

class order_examination {
  public:
    /// `seconds` per scenario and weakened order, on `jobs` processes (0: as many as processors).
    order_examination(std::vector<program> programs, double seconds, unsigned jobs);

    /// Searches the scenarios as written: which orders they meet, and which fail anyway.
    void collect();
    /// Weakens each order that was met; tells how many of all are done.
    void weaken(const std::function<void(std::size_t done, std::size_t all)>& progress);

    const std::vector<order_result>& results() const { return results_; }
    /// Scenarios that fail as written, so that they show nothing.
    const std::vector<std::string>& left_out() const { return left_out_; }

  private:
    void collect_all();
    void examine(order_result& result);
    weakening attempt(const examined_order& examined, const std::string& order);
    bool fails_as_written(std::size_t number, const failure& found);

    std::vector<program> programs_;
    const double seconds_;
    const unsigned jobs_;
    std::vector<order_result> results_;
    std::vector<std::string> left_out_;
    std::mutex left_out_lock_; ///< while orders are weakened
};

} // namespace daxtorture::jobs
