/// Quantities as users write them: durations, times of day, lists of processors, shards. Bad ones throw usage_error.
#pragma once

#include "cli/commands.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture::cli {

/// A whole number from 1.
std::uint64_t parse_count(const char* option, const std::string& text);
/// "60", "60s", "10m", "8h", "1.5h" in seconds.
double parse_duration(const std::string& text);
/// Seconds from now until the next time the clock shows "HH:MM".
double seconds_until(const std::string& time_of_day);
/// "0,4-7": processors that this process may use.
std::vector<unsigned> parse_processors(const std::string& text);
/// "i/n" with 1 <= i <= n.
shard parse_shard(const std::string& text);

} // namespace daxtorture::cli
