/// Scenarios as the command line names them: found, parsed, with --protocol and --rule applied.
#pragma once

#include "scenario/program.hpp"

#include <string>
#include <vector>

namespace daxtorture::cli {

/// Loads what the arguments name (files, directories, bare names); all scenarios when there are none. Throws usage_error.
std::vector<program> load_scenarios(const std::vector<std::string>& arguments);

/// Applies --protocol and --rule on top of what the file says. Throws usage_error.
void override_rules(program& what, const std::string& protocol, const std::vector<std::string>& rules);

} // namespace daxtorture::cli
