/// Manual pages, made of the same descriptions as --help, so that neither can say what the other does not.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
} // namespace CLI

namespace daxtorture::cli {

/// daxtorture-COMMAND(1), or daxtorture(1) without a command, in the man macros of roff. Throws usage_error for an unknown command.
std::string manual_page(const CLI::App& app, std::string_view command);

} // namespace daxtorture::cli
