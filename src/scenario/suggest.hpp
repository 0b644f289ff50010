/// The known name that a mistyped one was probably meant to be (Levenshtein distance). std only.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace daxtorture {

/// "; did you mean 'truncate'?", or "" when nothing known is near.
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> known);

} // namespace daxtorture
