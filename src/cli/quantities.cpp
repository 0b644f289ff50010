#include "cli/quantities.hpp"

#include "stress/placement.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

namespace daxtorture::cli {
namespace {

/// Parses all of [begin, end) as a number.
template <class Number> bool parse_all(const char* begin, const char* end, Number& value) {
    const auto [stop, error] = std::from_chars(begin, end, value);
    return error == std::errc{} && stop == end;
}

} // namespace

std::uint64_t parse_count(const char* option, const std::string& text) {
    std::uint64_t value = 0;
    if (!parse_all(text.data(), text.data() + text.size(), value) || value == 0)
        throw usage_error(std::string(option) + ": '" + text + "' is no whole number from 1");
    return value;
}

double parse_duration(const std::string& text) {
    double unit = 1;
    std::size_t digits = text.size();
    if (!text.empty()) {
        switch (text.back()) {
        case 's':
            --digits;
            break;
        case 'm':
            unit = 60;
            --digits;
            break;
        case 'h':
            unit = 3600;
            --digits;
            break;
        default:
            break;
        }
    }
    double value = 0;
    if (digits == 0 || !parse_all(text.data(), text.data() + digits, value) || !std::isfinite(value) ||
        value <= 0 || value * unit > 366.0 * 24 * 3600)
        throw usage_error("'" + text +
                          "' is no duration; expected a positive number with s, m or h, such as 60s or 8h");
    return value * unit;
}

double seconds_until(const std::string& time_of_day) {
    unsigned hour = 0;
    unsigned minute = 0;
    const std::size_t colon = time_of_day.find(':');
    const char* text = time_of_day.data();
    if (colon == std::string::npos || !parse_all(text, text + colon, hour) ||
        !parse_all(text + colon + 1, text + time_of_day.size(), minute) || hour > 23 || minute > 59)
        throw usage_error("'" + time_of_day + "' is no time of day; expected HH:MM, such as 07:30");
    const std::time_t now = std::time(nullptr);
    std::tm when{};
    localtime_r(&now, &when);
    when.tm_hour = static_cast<int>(hour);
    when.tm_min = static_cast<int>(minute);
    when.tm_sec = 0;
    when.tm_isdst = -1;
    std::time_t target = std::mktime(&when);
    if (target <= now) {
        when.tm_mday += 1;
        when.tm_isdst = -1;
        target = std::mktime(&when);
    }
    return std::difftime(target, now);
}

std::vector<unsigned> parse_processors(const std::string& text) {
    std::vector<unsigned> all;
    const std::vector<unsigned> allowed = stress::allowed_processors();
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string part = text.substr(at, end - at);
        const std::size_t dash = part.find('-');
        const char* begin = part.data();
        unsigned first = 0;
        unsigned last = 0;
        const bool range = dash != std::string::npos;
        if (!parse_all(begin, begin + (range ? dash : part.size()), first) ||
            (range && !parse_all(begin + dash + 1, begin + part.size(), last)))
            throw usage_error("--pin: '" + text +
                              "' is no list of processors; expected 0,4-7, or each, or none");
        for (unsigned cpu = first; cpu <= (range ? last : first); ++cpu) {
            if (std::ranges::find(allowed, cpu) == allowed.end())
                throw usage_error("--pin: this process may not use processor " + std::to_string(cpu));
            all.push_back(cpu);
        }
        at = end + 1;
    }
    if (all.empty())
        throw usage_error("--pin: '" + text + "' names no processor");
    return all;
}

shard parse_shard(const std::string& text) {
    unsigned index = 0;
    unsigned count = 0;
    const std::size_t slash = text.find('/');
    const char* begin = text.data();
    if (slash == std::string::npos || !parse_all(begin, begin + slash, index) ||
        !parse_all(begin + slash + 1, begin + text.size(), count) || index < 1 || index > count)
        throw usage_error("'" + text + "' is no shard; expected i/n with 1 <= i <= n, such as 2/8");
    return {index - 1, count};
}

} // namespace daxtorture::cli
