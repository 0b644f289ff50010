/// What a search of a scenario came to: its verdict, what it covered, in words, and which operations never did what they are there for.
///
/// pass           what was asked was covered: every execution (within the bound), or all that a plan of counted executions has. What else was
///                planned and not done is said
/// inconclusive   it was not; or an operation never did its part, so that the scenario says nothing about it
/// error          the tool failed: nothing was learnt
#pragma once

#include "jobs/portfolio.hpp"
#include "jobs/usage_error.hpp"

#include "run/verdict.hpp"
#include "scenario/program.hpp"

#include <string>
#include <vector>

namespace daxtorture::jobs {

/// The operations that never did what they are in the scenario for: "pin m0 0 (pinner): nothing in 7,191 executions".
std::vector<std::string> never_done(const program& what, const outcome_table& counts);

/// All of it but what compares the failure with what is known.
scenario_verdict judge(const program& what, const std::string& memory, const portfolio_result& result,
                       const search_options& options);

} // namespace daxtorture::jobs
