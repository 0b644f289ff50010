/// Near misses and what a run's length says, as text.
#pragma once

#include "run/verdict.hpp"

#include <string>
#include <vector>

namespace daxtorture {

/// "1.5 s", "42 min", "3.1 h", "2.4 d"
std::string duration_text(double seconds);
/// "250 ns", "1.2 us"
std::string nanoseconds_text(double nanoseconds);
/// One sentence or two.
std::string confidence_text(const stress_summary& run);
/// Kinds that this run never met: it says nothing about what they protect.
std::vector<std::string> never_met(const stress_summary& run);
/// A table; empty when nothing was counted.
std::string near_miss_table_text(const stress_summary& run);

} // namespace daxtorture
