/// The programs that a failing one may shrink to: one thread, operation, mm or file less. std only.
#pragma once

#include "scenario/program.hpp"

#include <vector>

namespace daxtorture {

/// Most promising first. `keep_drops`: an unpin or put never goes alone, as without it a reference leaks, which is no news when the failure
/// is a leak.
std::vector<program> smaller_programs(const program& what, bool keep_drops);

} // namespace daxtorture
