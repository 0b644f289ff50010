/// Several runs as one.
#pragma once

#include "run/campaign/records.hpp"

#include <filesystem>
#include <vector>

namespace daxtorture {

/// Folds runs into the directory `out`, and what it already holds of them: the union of their records, in an order of its own, so that
/// doing it again changes nothing. Throws journal_error for runs of another version or with other parameters (seed and shard may differ).
run_contents merge_runs(const std::vector<std::filesystem::path>& from, const std::filesystem::path& out);

} // namespace daxtorture
