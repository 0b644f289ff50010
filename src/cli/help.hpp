/// The command line as its help and its completion tell it: groups, names of values, examples; and all of it as a list for shells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
} // namespace CLI

namespace daxtorture::cli {

/// Gives every option of every command its group and the name of its value, and every command its examples.
void add_help(CLI::App& app);

/// What a manual page says of a command beside its options.
struct command_manual {
    std::string about;
    std::string examples;   ///< a command line per line, indented by two blanks
    std::string exit_codes; ///< "  0  MEANING" per line
};
std::optional<command_manual> manual_of(std::string_view command);

/// What `daxtorture --complete` prints: a line for each thing, its fields separated by tabs.
///   command  NAME  HELP
///   option  COMMAND  --NAME  KIND  HELP       KIND: of its value; empty when it takes none
///   argument  COMMAND  KIND
///   value  KIND  VALUE  HELP                  kinds without values are paths (file, dir) or free
std::string completion_list(const CLI::App& app);

} // namespace daxtorture::cli
