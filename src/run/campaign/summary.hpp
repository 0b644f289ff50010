/// What a campaign's records come to.
#pragma once

#include "run/campaign/records.hpp"
#include "run/verdict.hpp"

#include <vector>

namespace daxtorture {

/// The sum of all slices, and the verdict: of the last record, else what the records so far come to.
stress_summary summarise(const run_contents& run);
/// Distinct failures in the order they were found.
std::vector<failure_note> failures_of(const run_contents& run);
/// What the records come to, whatever the last one says; `complete`: the run came to its planned end.
end_record judge(const run_contents& run, bool complete);
/// Folds a slice into the one of its load: sums for a process that runs for days.
void add_to_sums(run_contents& sums, const slice_record& slice);
/// Seconds of racing so far.
double seconds_raced(const run_contents& run);

} // namespace daxtorture
