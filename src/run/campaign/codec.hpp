/// Parameters and records of a campaign as JSON. What does not decode is thrown as decode_error (run/json_node.hpp).
#pragma once

#include "run/campaign/records.hpp"
#include "run/json_node.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace daxtorture {

inline constexpr int journal_version = 1;

nlohmann::json encode(const run_parameters& parameters);
run_parameters decode_parameters(const json_node& from);

/// All of them as JSON, as records and reports have them.
std::string parameters_json(const run_parameters& parameters);
/// The names of those that are not the same.
std::vector<std::string> differing_parameters(const run_parameters& a, const run_parameters& b);

void encode_into(nlohmann::json& record, const stress_totals& totals);
stress_totals decode_totals(const json_node& from);

/// With its type.
nlohmann::json encode(const journal_record& record);
journal_record decode_record(const json_node& from);

/// In one line; bytes that are no UTF-8 are replaced: host names and command lines may hold any.
std::string one_line(const nlohmann::json& value);

} // namespace daxtorture
