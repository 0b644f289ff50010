#include "report/markup.hpp"

#include "report/near_misses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace daxtorture {

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text)
        switch (c) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        default:
            // XML has no way to write other control characters.
            safe += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
        }
    return safe;
}

std::string short_number(double value) {
    if (value >= 1e9)
        return fmt::format("{:.3g} G", value / 1e9);
    if (value >= 1e6)
        return fmt::format("{:.3g} M", value / 1e6);
    if (value >= 1e3)
        return fmt::format("{:.3g} k", value / 1e3);
    return fmt::format("{:.3g}", value);
}

std::string time_plot(const std::string& title, const std::string& note, const std::vector<double>& values,
                      double length, const char* unit, const std::vector<time_mark>& marks, bool wide) {
    const double width = wide ? 1060 : 320;
    const double height = wide ? 150 : 90;
    constexpr double top = 14;
    const double highest = std::max(1e-9, *std::max_element(values.begin(), values.end()));
    const double step = width / static_cast<double>(values.size());
    std::string line;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double y = top + height * (1 - values[i] / highest);
        line += fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", static_cast<double>(i) * step, y,
                            static_cast<double>(i + 1) * step, y);
    }
    std::string drawn_marks;
    for (const time_mark& one : marks) {
        const double x = length > 0 ? std::clamp(one.at / length, 0.0, 1.0) * width : 0;
        drawn_marks += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\" "
                                   "stroke=\"var(--fail)\" stroke-width=\"1.5\"><title>{3}</title></line>",
                                   x, top, top + height, escaped(one.text));
    }
    return fmt::format(
        "<figure{11}><figcaption><b>{0}</b><span>{1}</span></figcaption>"
        "<svg viewBox=\"0 0 {2:.0f} {3:.0f}\" role=\"img\" aria-label=\"{0} over time\">"
        "<polygon points=\"0,{4:.0f} {5}{2:.0f},{4:.0f}\" fill=\"var(--fill)\"/>"
        "<polyline points=\"{5}\" fill=\"none\" stroke=\"var(--plot)\" stroke-width=\"1.5\"/>{10}"
        "<line x1=\"0\" x2=\"{2:.0f}\" y1=\"{4:.0f}\" y2=\"{4:.0f}\" stroke=\"var(--line)\"/>"
        "<text x=\"0\" y=\"10\">{6} {7}</text><text x=\"0\" y=\"{8:.0f}\">0</text>"
        "<text x=\"{2:.0f}\" y=\"{8:.0f}\" text-anchor=\"end\">{9}</text></svg></figure>\n",
        escaped(title), escaped(note), width, top + height + 16, top + height, line, short_number(highest),
        unit, top + height + 13, duration_text(length), drawn_marks, wide ? " class=\"page\"" : "");
}

std::string sparkline(const std::vector<double>& values) {
    constexpr double width = 120;
    constexpr double height = 20;
    if (values.empty())
        return "";
    const double highest = std::max(1e-9, *std::ranges::max_element(values));
    const double step = width / static_cast<double>(values.size());
    std::string points;
    for (std::size_t i = 0; i < values.size(); ++i)
        points += fmt::format("{:.1f},{:.1f} ", (static_cast<double>(i) + 0.5) * step,
                              1 + (height - 2) * (1 - values[i] / highest));
    return fmt::format(
        "<svg class=\"spark\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"over time\">"
        "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--plot)\" stroke-width=\"1.5\"/></svg>",
        width, height, points);
}

std::string distribution_plot(const tally& of, std::size_t from, std::size_t to) {
    constexpr double width = 320;
    constexpr double height = 70;
    const auto bars = static_cast<double>(std::max<std::size_t>(1, to - from));
    const double step = width / bars;
    double highest = 1;
    for (const std::uint64_t n : of.buckets)
        highest = std::max(highest, std::log2(static_cast<double>(n) + 1));
    std::string drawn =
        fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"distribution of {}\">",
                    width, height + 16, escaped(of.name));
    for (std::size_t i = from; i < to && i < of.buckets.size(); ++i) {
        const double tall = std::log2(static_cast<double>(of.buckets[i]) + 1) / highest * height;
        if (tall > 0)
            drawn += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                                 "fill=\"var(--plot)\"><title>{} to {}: {}</title></rect>",
                                 static_cast<double>(i - from) * step + 0.5, height - tall, step - 1, tall,
                                 nanoseconds_text(i == 0 ? 0 : std::ldexp(1.0, static_cast<int>(i))),
                                 nanoseconds_text(std::ldexp(1.0, static_cast<int>(i) + 1)), of.buckets[i]);
    }
    drawn +=
        fmt::format("<line x1=\"0\" x2=\"{0:.0f}\" y1=\"{1:.0f}\" y2=\"{1:.0f}\" stroke=\"var(--line)\"/>",
                    width, height);
    // Every tenth power of two is about a factor of a thousand.
    for (std::size_t i = (from + 9) / 10 * 10; i <= to; i += 10)
        drawn += fmt::format(
            "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\" stroke=\"var(--line)\"/>"
            "<text x=\"{3:.1f}\" y=\"{4:.0f}\">{5}</text>",
            static_cast<double>(i - from) * step, height, height + 5,
            std::min(static_cast<double>(i - from) * step + 3, width - 30), height + 13,
            i == 0    ? "1 ns"
            : i == 10 ? "1 us"
            : i == 20 ? "1 ms"
                      : "1 s");
    return drawn + "</svg>";
}

std::string pair_map(const std::vector<std::string>& names, const tallies& pairs) {
    constexpr double cell = 24;
    constexpr double left = 78;
    constexpr double top = 72;
    double most = 1;
    for (const tally& one : pairs)
        most = std::max(most, static_cast<double>(one.count));
    const double width = left + cell * static_cast<double>(names.size()) + 30;
    const double height = top + cell * static_cast<double>(names.size()) + 2;
    std::string drawn =
        fmt::format("<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" style=\"min-width:{2:.0f}px;max-width:{0:.0f}px\" "
                    "role=\"img\" aria-label=\"operations that overlapped\">",
                    width, height, width * 0.85);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const double at = cell * static_cast<double>(i) + cell / 2;
        drawn += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>", left - 5,
                             top + at + 4, escaped(names[i]));
        drawn += fmt::format("<text transform=\"translate({:.0f},{:.0f}) rotate(-50)\">{}</text>",
                             left + at + 2, top - 5, escaped(names[i]));
        for (std::size_t j = 0; j < names.size(); ++j) {
            const auto found = std::ranges::find(pairs, names[i] + "|" + names[j], &tally::name);
            const double x = left + cell * static_cast<double>(j);
            const double y = top + cell * static_cast<double>(i);
            if (found == pairs.end()) {
                drawn += fmt::format(
                    "<circle cx=\"{:.0f}\" cy=\"{:.0f}\" r=\"2\" fill=\"var(--fail)\"><title>{} inside {}: "
                    "never seen</title></circle>",
                    x + cell / 2, y + cell / 2, escaped(names[i]), escaped(names[j]));
                continue;
            }
            drawn += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                                 "rx=\"3\" fill=\"var(--plot)\" "
                                 "fill-opacity=\"{:.2f}\"><title>{} inside {}: {}</title></rect>",
                                 x + 0.5, y + 0.5, cell - 1, cell - 1,
                                 0.12 + 0.88 * std::log2(static_cast<double>(found->count) + 1) /
                                            std::log2(most + 1),
                                 escaped(names[i]), escaped(names[j]), found->count);
        }
    }
    return drawn + "</svg>";
}

} // namespace daxtorture
