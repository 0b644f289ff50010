/// Where results go: standard output, or files that appear whole or not at all.
#pragma once

#include <string>

namespace daxtorture::cli {

/// Writes a result where --json says: "-" is standard output. A file is written beside its place and renamed. Throws usage_error.
void write_result(const std::string& where, const std::string& text);

} // namespace daxtorture::cli
