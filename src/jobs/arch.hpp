/// Architectures as the command line names them: those of arch/target, and short names of their families.
#pragma once

#include "arch/target/target.hpp"

#include <string>
#include <vector>

namespace daxtorture::jobs {

std::vector<std::string> known_archs();

/// Of the known ones only.
const target& arch_named(const std::string& name);

/// The checker's memory model for a machine: "tso" or "weak".
std::string memory_of_arch(const target& machine);

} // namespace daxtorture::jobs
