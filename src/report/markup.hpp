/// Pieces of a self-contained page: text made safe, and drawings as inline SVG in the colours of the page's style.
///
/// Colours are the style's variables (--ink, --soft, --line, --plot, --fill, --fail, --wait, --wake), so that one drawing serves light and
/// dark pages. Nothing is fetched. Widths are those of the view box: a drawing fills its frame.
#pragma once

#include "run/tally.hpp"
#include "words/failure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// For text and attributes of HTML and XML.
std::string escaped(std::string_view text);

/// 1.2 k, 3.4 M
std::string short_number(double value);

/// Something that happened at a time of a run, in seconds.
struct time_mark {
    double at = 0;
    std::string text;
};
/// A curve of values over equal parts of `length` seconds, with what happened meanwhile as lines. `wide`: over the whole page.
std::string time_plot(const std::string& title, const std::string& note, const std::vector<double>& values,
                      double length, const char* unit, const std::vector<time_mark>& marks = {},
                      bool wide = false);
/// The same as small as a word.
std::string sparkline(const std::vector<double>& values);

/// Bars of a distribution over powers of two of nanoseconds, heights logarithmic; `from` and `to`: buckets shown.
std::string distribution_plot(const tally& of, std::size_t from, std::size_t to);

/// A square per ordered pair of names, the darker the more often; pairs never seen are marked.
std::string pair_map(const std::vector<std::string>& names, const tallies& pairs);

/// The end of a failure's events: a lane per worker, time runs downwards, waits and wake-ups as arrows.
std::string lanes(const failure& what, const std::vector<std::string>& workers);

} // namespace daxtorture
