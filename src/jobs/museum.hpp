/// The museum: every known bug must be found, by the invariant that its file names, and must be gone with its fix.
#pragma once

#include "jobs/portfolio.hpp"

#include "scenario/program.hpp"
#include "words/failure.hpp"
#include "words/invariant.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::jobs {

/// A historical bug as a scenario whose protocol has it.
struct exhibit {
    program scenario;
    std::string id; ///< of its file: "bug-23-order"

    /// Text of a `note`; empty: the file has none.
    std::string note(std::string_view key) const;
    /// Why the model cannot bring the bug back; empty: it can.
    std::string inexpressible() const { return note("inexpressible"); }
};

/// Those that `wanted` names, by file or number ("bug-08", "BUG-8"); none: all. Throws usage_error.
std::vector<exhibit> exhibits(const std::vector<std::string>& wanted);

/// How long its searches take, on how many processes.
struct museum_budget {
    double seconds = 30;      ///< per bug
    double fixed_seconds = 0; ///< per fix; 0: a few, at most `seconds`
    unsigned jobs = 0;        ///< 0: as many as processors
};

struct exhibit_result {
    std::string tool_failure;                  ///< of either search: nothing was learnt
    bool caught = false;                       ///< the broken protocol fails
    bool right = false;                        ///< ... by the invariant that was expected
    bool fixed_passes = false;                 ///< the fixed protocol does not fail
    bool fixed_cut_off = false;                ///< ... but its search was not done when its time was over
    std::vector<std::string> fixed_never_done; ///< ... but operations did nothing, so that it shows nothing
    portfolio_result broken, fixed;
    expectation expected;

    bool found() const { return caught && right && fixed_passes && fixed_never_done.empty(); }
    bool ended() const { return !broken.interrupted && !fixed.interrupted; }
    bool survived() const { return tool_failure.empty() && !found(); }
};

/// Told a few times a second: the stage ("broken", "fixed", a memory model) and how far its search is.
using museum_progress = std::function<void(const std::string& stage, const std::string& progress)>;

/// Searches the bug and its fix, under the memory model that the file names. The exhibit must be expressible.
exhibit_result examine(const exhibit& bug, const museum_budget& budget, const museum_progress& progress);

/// What the broken protocol's search under one memory model came to.
struct memory_finding {
    std::string memory;
    portfolio_result result;
};

/// The broken protocol under sc, tso and weak. The exhibit must be expressible.
std::vector<memory_finding> examine_memory(const exhibit& bug, const museum_budget& budget,
                                           const museum_progress& progress);

} // namespace daxtorture::jobs
