/// A preset of the user's own: a file with the preset it starts from and the rules that differ.
///
///     # what our tree does
///     base  v6.15
///     rule  wake-key=refcount scan-order=scan-first
///
/// Any number of rule lines, one or more rules each; '#' begins a comment. Its name is the file's.
#pragma once

#include "protocol/rules.hpp"
#include "scenario/parser.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

struct preset_file {
    std::string base;               ///< a row of preset_table()
    std::vector<std::string> rules; ///< "NAME=VALUE"
    protocol row;                   ///< both together
};

struct preset_result {
    std::optional<preset_file> value;
    parse_error error; ///< meaningful when there is no value

    explicit operator bool() const { return value.has_value(); }
};

/// Never throws, whatever the input.
preset_result parse_preset(std::string_view text, std::string_view file_name);
/// Reads and parses one file. An unreadable file is an error with line 0.
preset_result load_preset(const std::filesystem::path& file);

} // namespace daxtorture
