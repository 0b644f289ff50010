/// One drawn program: searched under the protocol with everything known mended, then as it stands; each failure is told from what is known.
///
/// Masking     a failure that a finding explains ends the search of its executions, so its cure is switched on and the search goes on, until
///             nothing fails or something that no finding explains
/// Explained   the rule that mends a finding which it looks like (words/findings), or a few of the rules that mend findings, make it go away:
///             it does not fail so under its own schedule, nor in a search of its own
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
    std::uint64_t clean = 0; ///< with them: the first so many executions of a search did not fail at all
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

    /// Throws stopped_by_signal.
    examined examine(const program& drawn, const effort& much, const explanations& known);

    /// A known failure that is told is looked at more closely, when it is small: it is news when it comes back in a longer search, or in one of
    /// all executions where they are few. Returns the number of executions.
    std::uint64_t explain_again(suspect& found);

  private:
    checker_answer ask(const checker_request& request);
    std::optional<suspect> search(const program& what, const effort& much, bool coverage);
    bool explains(suspect& found, const std::string& known, const std::vector<std::string>& cures);
    bool fails_by_its_schedule(const program& tried, const failure& like);
    enum class sequel { comes_back, is_gone, is_hidden };
    sequel look_for(const program& tried, const suspect& like, std::uint64_t executions);
    bool is_gone(const suspect& found, const std::vector<std::string>& cures);
    bool comes_back(const suspect& found);
    void explain(suspect& found);
    void explain_by_rules(suspect& found, std::vector<std::string> cures);

    protocols under_;
    const explanations* known_ = nullptr; ///< of other programs
    std::uint64_t seed_;
    std::unique_ptr<checker> checker_;
    std::uint64_t clean_ = 0; ///< the last search for a failure that was gone: as suspect::clean
    examined result_;
};

} // namespace daxtorture::jobs::hunt
