/// Finds scenario files: by path, by directory, or by bare name in a list of directories. Reads them. Never throws.
#pragma once

#include "scenario/parser.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

struct found_scenarios {
    std::vector<std::filesystem::path> files; ///< sorted; not empty when there is no error
    std::string error;                        ///< one line, "" when found
};

class scenario_library {
  public:
    /// Directories in which bare names are looked up; the first that has a name wins. They need not exist.
    explicit scenario_library(std::vector<std::filesystem::path> search) : search_(std::move(search)) {}

    /// What an argument of the command line means: a file; all *.dax of a directory; "NAME" for NAME.dax of the library.
    found_scenarios find(std::string_view argument) const;

    /// Every scenario of the library, directory by directory, sorted by name.
    std::vector<std::filesystem::path> list() const;

  private:
    std::vector<std::filesystem::path> search_;
};

/// All *.dax directly in a directory, sorted; empty when it cannot be read.
std::vector<std::filesystem::path> scenarios_in(const std::filesystem::path& directory);

/// The whole of a text file, or up to one byte more than the parsers accept. Returns what is wrong: an error with line 0.
std::optional<parse_error> read_text(const std::filesystem::path& file, std::string& text);

/// Reads and parses one file. An unreadable file is an error with line 0.
parse_result load_scenario(const std::filesystem::path& file);

} // namespace daxtorture
