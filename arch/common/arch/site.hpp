/// Where in the model an access stands: file, function and line of the caller.
///
/// Every primitive of a machine takes a defaulted `site`, so that a history names the kernel function that made the
/// access and not the wrapper. clang 14 has no std::source_location; the builtins are the same on both compilers.
#pragma once

namespace arch {

struct site {
    const char* file = "";
    const char* function = "";
    unsigned line = 0;

    static constexpr site here(const char* file = __builtin_FILE(),
                               const char* function = __builtin_FUNCTION(),
                               unsigned line = __builtin_LINE()) {
        return {file, function, line};
    }

    /// For the argument of a function that a rare branch calls: the aggregate is built there, and not before the branch.
    constexpr site here_only() const { return {file, function, line}; }
};

} // namespace arch
