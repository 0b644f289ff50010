/// Text into lines of a given width, and colours. std only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// Breaks at blanks, else after '_', '-', '/' or '=', else anywhere. Lines after the first are indented.
std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t indent = 0);

enum class style { plain, strong, good, bad, doubtful, faint };

std::string paint(std::string_view text, style how, bool colour);

} // namespace daxtorture
