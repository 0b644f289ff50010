/// Memory orders of the model: those of C++, and the one that Linux has and C++ has not.
#pragma once

namespace arch {

enum class order : unsigned char {
    relaxed,
    acquire,
    release,
    acq_rel,
    /// Read-modify-writes only: the strength of a value-returning kernel atomic (smp_mb() before and after it). A
    /// seq_cst RMW of C++ is weaker: it does not order the relaxed accesses around it.
    full,
};

constexpr const char* name(order o) {
    switch (o) {
    case order::relaxed:
        return "relaxed";
    case order::acquire:
        return "acquire";
    case order::release:
        return "release";
    case order::acq_rel:
        return "acq_rel";
    case order::full:
        return "full";
    }
    return "?";
}

} // namespace arch
