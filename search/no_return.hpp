/// The point of no return of a failing schedule: the last decision after which any way to go on (nearly) always fails.
///
/// The first decisions are kept, the rest is drawn at random, 40 times: `sure` of them must fail the same. Looked for by
/// halving, as a longer prefix fails at least as often.
#pragma once

#include "explore.hpp"

#include <optional>

namespace daxtorture {

/// Number of decisions up to and including that one; 0 when it fails (nearly) always from the start. Nothing when the time is over.
/// `by_executions`: not the clock counts the seconds (budget.hpp).
std::optional<std::size_t> point_of_no_return(machine& runs, const failure& found, memory_class memory,
                                              std::uint64_t depth_limit, double seconds,
                                              bool by_executions = false);

/// Marks the first event of one of the threads after that many decisions.
void mark_no_return(std::vector<event>& events, std::size_t decisions, std::size_t threads);

} // namespace daxtorture
