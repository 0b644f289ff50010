/// What a command came to in at most twelve lines of at most 72 columns: the body of a mail, or the end of a CI log.
#pragma once

#include "run/verdict.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

inline constexpr std::size_t digest_lines = 12;
inline constexpr std::size_t digest_width = 72;

/// What is to be said, the most important first.
struct digest {
    std::vector<std::string> head;     ///< verdict and amounts
    std::vector<std::string> problems; ///< one each; those that do not fit are counted
    std::vector<std::string> tail;     ///< what comes next
};
std::string digest_text(const digest& all);

/// Of `check`, `kernel` or `hunt`.
std::string verdicts_digest(std::string_view command, std::span<const scenario_verdict> all);

} // namespace daxtorture
