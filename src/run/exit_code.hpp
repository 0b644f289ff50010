/// Exit codes of every command. Scripts and `git bisect run` rely on them. std only.
#pragma once

namespace daxtorture {

enum class exit_code : int {
    pass = 0,
    violation = 1,     ///< an invariant was violated or a hang found
    usage = 2,         ///< usage or bad input
    inconclusive = 3,  ///< a budget ended before what was asked was covered
    tool_failed = 4,   ///< the tool itself failed: says nothing about the protocol
    bisect_skip = 125, ///< check --bisect: this version cannot be tested
};

} // namespace daxtorture
