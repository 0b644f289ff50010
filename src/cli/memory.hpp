/// Memory models of architectures.
#pragma once

#include <string>
#include <vector>

namespace daxtorture::cli {

std::vector<std::string> known_archs();

/// "x86_64" -> "tso". Of the known ones only.
std::string memory_of_arch(const std::string& arch);

} // namespace daxtorture::cli
