/// A stress campaign: a supervisor process that owns time and results, worker processes that race the threads.
///
/// The supervisor (the process the user started) journals what the worker process reports through a pipe. A leg is one worker process
/// with one load; loads take turns. A worker that crashes, hangs or is killed costs what it did since its last report; a
/// supervisor that is killed takes its worker along (PR_SET_PDEATHSIG) and leaves a journal that --resume goes on with.
/// Nothing that is journaled comes from anywhere else, so totals are those of the journal. Checked by tests/campaign.
#pragma once

#include "run/campaign/records.hpp"
#include "run/exit_code.hpp"

#include <atomic>
#include <filesystem>
#include <string>

namespace daxtorture::jobs {

struct campaign_options {
    std::filesystem::path directory;
    std::string json;
    std::string prometheus;
    const std::atomic<bool>* cancel = nullptr; ///< set by a signal
};

exit_code begin_campaign(const run_parameters& parameters, const campaign_options& options);
exit_code resume_campaign(const campaign_options& options);

/// What a worker process of a campaign does: its order comes on standard input, its reports go to standard output.
exit_code run_stress_worker();

/// 0 for a pass, 1 for a failure, 3 inconclusive, 4 when the tool failed.
exit_code exit_code_of_run(const run_contents& run);

} // namespace daxtorture::jobs
