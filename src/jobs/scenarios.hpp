/// Scenarios as the command line names them: found, parsed, with --protocol and --rule applied.
#pragma once

#include "scenario/program.hpp"

#include <string>
#include <vector>

namespace daxtorture::jobs {

/// Loads what the arguments name (files, directories, bare names); all scenarios when there are none. Throws usage_error.
std::vector<program> load_scenarios(const std::vector<std::string>& arguments);

/// Is it a preset file and not the name of a preset? Files have a '/' or end in ".preset".
bool names_file(const std::string& protocol);

/// What --protocol names: a preset, or the preset and the rules of a preset file (scenario/preset_file.hpp).
struct named_protocol {
    std::string preset;
    std::vector<std::string> rules;
};
/// Throws usage_error when a file cannot be read.
named_protocol find_protocol(const std::string& given);

/// Applies --arch: the machine, and at real geometry its leaf size. An empty name changes nothing. Throws usage_error.
void override_arch(program& what, const std::string& arch);

/// Applies --protocol and --rule on top of what the file says. Throws usage_error.
void override_rules(program& what, const std::string& protocol, const std::vector<std::string>& rules);

} // namespace daxtorture::jobs
