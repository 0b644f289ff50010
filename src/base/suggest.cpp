#include "base/suggest.hpp"

#include <algorithm>
#include <vector>

namespace daxtorture {
namespace {

/// Names longer than this are compared by their first characters: the text may be anything.
constexpr std::size_t length_max = 64;

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

} // namespace

std::string did_you_mean(std::string_view typed, std::span<const std::string_view> known) {
    typed = typed.substr(0, length_max);
    std::string_view best;
    std::size_t nearest = std::max<std::size_t>(1, typed.size() / 3) + 1;
    for (const std::string_view name : known) {
        const std::size_t distance = edit_distance(typed, name.substr(0, length_max));
        if (distance < nearest) {
            nearest = distance;
            best = name;
        }
    }
    return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

} // namespace daxtorture
