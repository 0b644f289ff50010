/// Is a failure of a scenario one of the findings that are known? (words/findings.hpp)
#pragma once

#include "scenario/program.hpp"
#include "words/findings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// The pages that a failure of this scenario, under the protocol that it has, looks like; empty when it is news.
std::string findings_like(const program& what, invariant broken, std::string_view cause);

/// All findings that the scenario may meet under its protocol.
std::vector<finding> findings_possible(const program& what);

} // namespace daxtorture
