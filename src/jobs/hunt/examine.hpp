/// One drawn program: searched under the protocol with everything known mended, then as it stands; each failure is told from what is known.
///
/// Masking     a failure that a finding explains ends the search of its executions, so its cure is switched on and the search goes on, until
///             nothing fails or something that no finding explains
/// Explained   a failure looks like a finding (words/findings), or a few of the rules that mend findings make it go away
#pragma once

#include "jobs/checker.hpp"

#include "scenario/program.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace daxtorture::jobs::hunt {

/// The protocols that programs are searched under.
struct protocols {
    std::string given;              ///< a preset
    std::string mended;             ///< the preset with everything known mended; empty: there is none
    std::vector<std::string> rules; ///< "NAME=VALUE" on top of both
};
/// Throws usage_error when the preset or a rule is unknown.
protocols find_protocols(const std::string& preset, const std::vector<std::string>& rules);

/// A failure of a drawn program.
struct suspect {
    program what; ///< with the rules under which it fails
    failure found;
    std::string
        known; ///< the pages of the findings that explain it, or a rule that does; empty: nothing does
    std::vector<std::string> cures; ///< rules with which it is gone
    std::string scheduler;
    std::uint64_t execution = 0;
};

/// Which rules have explained failures, by invariant and cause.
using explanations = std::map<std::pair<invariant, std::string>, std::set<std::vector<std::string>>>;

struct examined {
    std::uint64_t executions = 0;
    bool unusable = false;    ///< its set-up does not end
    bool stopped = false;     ///< a signal came first: nothing is known
    std::string tool_failure; ///< of the checker; empty: none
    std::vector<suspect> suspects;
    checker_answer first; ///< of the first search: what it covered
    explanations learnt;  ///< new ones
};

/// How much a program is searched.
struct effort {
    std::uint64_t sampled; ///< executions of partial order sampling under each protocol
    std::uint64_t bounded; ///< executions of the bounded search; 0: none
    bool coverage = true;  ///< the first search tells what it covered
};

/// Examines one program after the other, by a checker of its own.
class examiner {
  public:
    examiner(protocols under, std::uint64_t seed);

    /// `known`: what explained failures of other programs. Throws stopped_by_signal.
    examined examine(const program& drawn, const effort& much, const explanations& known);

  private:
    struct outcome_of_search {
        failure found;
        std::string scheduler;
        std::uint64_t execution = 0;
    };

    checker_answer ask(const program& what, const char* scheduler, std::uint64_t executions, bool coverage,
                       std::uint64_t first = 1);
    std::optional<suspect> search(const program& what, const effort& much, bool coverage);
    bool is_gone(const program& what, const suspect& like, const std::vector<std::string>& cures);
    void explain(suspect& found);
    void explain_by_rules(suspect& found);

    protocols under_;
    const explanations* known_ = nullptr;
    std::uint64_t seed_;
    std::unique_ptr<checker> checker_;
    examined result_;
};

} // namespace daxtorture::jobs::hunt
