#include "report/near_misses.hpp"

#include "report/confidence.hpp"
#include "report/text.hpp"
#include "words/near_miss.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture {

std::string duration_text(double seconds) {
    const auto rounded = [](double value, const char* unit) { // two digits are all that a bound is worth
        return value < 10 ? fmt::format("{:.2g} {}", value, unit) : fmt::format("{:.0f} {}", value, unit);
    };
    if (seconds < 1)
        return rounded(seconds * 1e3, "ms");
    if (seconds < 120)
        return rounded(seconds, "s");
    if (seconds < 120 * 60)
        return rounded(seconds / 60, "min");
    if (seconds < 48 * 3600)
        return rounded(seconds / 3600, "h");
    return rounded(seconds / 86400, "days");
}

std::string nanoseconds_text(double nanoseconds) {
    if (nanoseconds < 1e3)
        return fmt::format("{:.0f} ns", nanoseconds);
    if (nanoseconds < 1e6)
        return fmt::format("{:.3g} us", nanoseconds / 1e3);
    if (nanoseconds < 1e9)
        return fmt::format("{:.3g} ms", nanoseconds / 1e6);
    return fmt::format("{:.3g} s", nanoseconds / 1e9);
}

std::string confidence_text(const stress_summary& run) {
    const confidence c = confidence_of(run);
    constexpr double percent = confidence_level * 100;
    if (run.seconds <= 0)
        return "";
    if (!c.clean)
        return fmt::format(
            "A failure in {} on average. After a fix, {} without one mean with {:.0f} % confidence "
            "that it is gone, if it came at that rate.",
            duration_text(c.one_in), duration_text(c.more), percent);
    std::string text = fmt::format("No failure in {}: with {:.0f} % confidence less than one failure in {} "
                                   "(same build, load and machine, failures independent).",
                                   duration_text(run.seconds), percent, duration_text(c.one_in));
    if (c.more > 0)
        text += fmt::format(" For less than one failure a day, run {} more.", duration_text(c.more));
    return text;
}

std::vector<std::string> never_met(const stress_summary& run) {
    std::vector<std::string> names;
    for (const near_miss_info& kind : near_miss_table)
        if (std::ranges::find(run.seen.near_misses, kind.name, &tally::name) == run.seen.near_misses.end())
            names.emplace_back(kind.name);
    return names;
}

std::string near_miss_table_text(const stress_summary& run) {
    if (run.seen.near_misses.empty() || run.seconds <= 0)
        return "";
    std::string text = fmt::format("{:<20} {:>4} {:>14} {:>12} {:>9} {:>9}\n", "near miss", "of", "count",
                                   "per second", "closest", "median");
    for (const near_miss_info& kind : near_miss_table) {
        const auto met = std::ranges::find(run.seen.near_misses, kind.name, &tally::name);
        if (met == run.seen.near_misses.end())
            continue;
        text += fmt::format("{:<20} {:>4} {:>14} {:>12.4g} {:>9} {:>9}\n", kind.name, name(kind.invariant),
                            grouped(met->count), static_cast<double>(met->count) / run.seconds,
                            kind.timed ? nanoseconds_text(static_cast<double>(closest(*met))) : "",
                            kind.timed ? nanoseconds_text(quantile(*met, 0.5)) : "");
    }
    return text;
}

} // namespace daxtorture
