/// JUnit XML: one document of test cases, as CI servers read it. Every command that has cases hands them to the same function.
#pragma once

#include "run/verdict.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daxtorture {

struct junit_problem {
    std::string type;    ///< "hang"
    std::string message; ///< one line
    std::string text;    ///< all of it; may be empty
};

/// Passed, unless it has a failure, an error (of the tool) or a reason why it was skipped.
struct junit_case {
    std::string group; ///< "daxtorture.check.v7.3"
    std::string name;
    double seconds = 0;
    std::vector<junit_problem> failures;
    std::vector<junit_problem> errors;
    std::string skipped;
    std::string output; ///< what else is to be said of it
};

using junit_properties = std::vector<std::pair<std::string, std::string>>;

/// Without a newline at the end. `seconds`: of all cases together.
std::string junit_document(std::string_view suite, double seconds, std::span<const junit_case> cases,
                           const junit_properties& properties = {});

/// The scenarios of `check`, `kernel` or `hunt`. A known finding passes, as it does not change the exit code, and says so; an inconclusive
/// verdict is skipped with its note.
std::string verdicts_junit(std::string_view command, std::span<const scenario_verdict> all);

} // namespace daxtorture
