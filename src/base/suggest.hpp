/// The known name that a mistyped one was probably meant to be (Levenshtein distance). std only.
#pragma once

#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// The names of things that have one, in their order.
template <class Range> std::vector<std::string_view> names_of(const Range& all) {
    std::vector<std::string_view> names;
    names.reserve(std::size(all));
    for (const auto& one : all)
        names.push_back(one.name);
    return names;
}

/// "; did you mean 'truncate'?", or "" when nothing known is near.
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> known);

} // namespace daxtorture
