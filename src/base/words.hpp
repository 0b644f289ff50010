/// Lists of words.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daxtorture {

/// Those that are not empty, with `between` between them.
inline std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const std::string& word : words) {
        if (word.empty())
            continue;
        if (!text.empty())
            text += between;
        text += word;
    }
    return text;
}

/// Each once, where it came first.
inline std::vector<std::string> distinct(std::vector<std::string> words) {
    std::vector<std::string> once;
    for (std::string& word : words)
        if (std::find(once.begin(), once.end(), word) == once.end())
            once.push_back(std::move(word));
    return once;
}

} // namespace daxtorture
