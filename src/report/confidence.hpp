/// What the length of a run says about the rate of failures.
///
/// Assumed: failures come independently and at a constant rate, as long as build, load and machine stay the same. Then no failure in a
/// time T has probability exp(-rate * T), which is below 1 % for every rate above ln(100) / T (with 95 %: the "rule of three").
#pragma once

#include "run/verdict.hpp"

namespace daxtorture {

inline constexpr double confidence_level = 0.99;

/// Seconds without an event that mean, at that level, that it comes less often than once in `every` seconds; also the seconds in
/// which one that does come that often is met.
double seconds_to_be_sure(double every);

struct confidence {
    bool clean = true;
    /// Clean: failures are rarer than one in so many seconds. Else: the observed distance of failures.
    double one_in = 0;
    /// Clean: seconds without a failure still missing until they are rarer than one a day. Else: seconds without one
    /// after which a fix can be believed.
    double more = 0;
};
confidence confidence_of(const stress_summary& run);

} // namespace daxtorture
