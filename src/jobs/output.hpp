/// Where results go: standard output, or files that appear whole or not at all.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace daxtorture::jobs {

/// Writes a result where --json says: "-" is standard output. A file is written beside its place and renamed. Throws usage_error.
void write_result(const std::string& where, const std::string& text);
void write_result(const std::string& where, const nlohmann::json& document);

/// Before a run that may take a night: can its result be written there? Throws usage_error. Nothing is left behind.
void require_writable(const std::string& where);

} // namespace daxtorture::jobs
