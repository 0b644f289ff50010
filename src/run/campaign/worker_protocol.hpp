/// What a campaign's supervisor orders of a worker process, and what that one tells it, one line each.
#pragma once

#include "run/campaign/parameters.hpp"
#include "run/totals.hpp"
#include "words/failure.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace daxtorture {

/// All numbers since the leg began.
struct leg_report : stress_totals {
    std::uint64_t rss_kib = 0;
    bool last = false;
    std::string note;  ///< of the last one: why it is inconclusive
    std::string error; ///< of the last one: it could not run at all
};
using leg_message = std::variant<leg_report, failure>;

std::string encode_message(const leg_message& message);
/// Nothing for a line that is no message: the pipe of a killed worker may end anywhere.
std::optional<leg_message> decode_message(const std::string& line);

struct leg_order {
    run_parameters parameters;
    unsigned load = 0;
    double seconds = 0;
    std::uint64_t seed = 0;
    int parent = 0; ///< pid of the supervisor
};
std::string encode_order(const leg_order& order);
leg_order decode_order(const std::string& text);

} // namespace daxtorture
