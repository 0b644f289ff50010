/// A failure as JSON and back: what the checker answers and what bundles keep. Keys: docs/json.md.
///
/// Decoding throws decode_error with the path of the wrong value ("state.tasks[2].id: expected a number").
#pragma once

#include "words/failure.hpp"

#include <nlohmann/json_fwd.hpp>

namespace daxtorture {

nlohmann::json encode(const failure& what);
nlohmann::json encode(const event& what);
std::vector<event> decode_events(const nlohmann::json& from);
failure decode_failure(const nlohmann::json& from);

} // namespace daxtorture
