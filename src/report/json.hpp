/// Machine-readable results; every document has "version". Keys: docs/json.md.
#pragma once

#include "run/verdict.hpp"

#include <span>
#include <string>

namespace daxtorture {

inline constexpr int json_version = 1;

/// Without a newline at the end.
std::string check_json(std::span<const scenario_verdict> all);
std::string stress_json(const stress_summary& what);

} // namespace daxtorture
