/// What happens to a found failure: it is made small, kept as a bundle and told.
#pragma once

#include "jobs/usage_error.hpp"

#include "report/ladder.hpp"
#include "run/bundle.hpp"
#include "run/verdict.hpp"

#include <filesystem>
#include <string>

namespace daxtorture::jobs {

inline constexpr const char* default_failure_directory = "daxtorture-failures";

/// A failure ready to be kept: the scenario that shows it, shrunk if it could be.
struct told_failure {
    bundle kept;
    std::string size; ///< "2 preemptions in 5 context switches, 1 stale load", or why it was not shrunk
    unsigned preemptions = 0; ///< of its schedule, when it was shrunk
};

/// A failure of `what` on the simulated machine, not shrunk.
told_failure failure_as_found(const program& what, const std::string& memory, const failure& found);

/// Shrinks a failure of `what` on the simulated machine, for at most `seconds`. If the shrinker fails, the failure stays as it was found,
/// and its size says so: a failure that was found is never lost. `by_executions`: not the clock counts the seconds, so that the same comes
/// out every time.
told_failure shrink_failure(const program& what, const std::string& memory, const failure& found,
                            double seconds, bool by_executions = false);

/// A failure as told, and kept unless there was a problem.
struct kept_failure {
    std::string report;  ///< violation, ladder, state and the command that replays it
    std::string problem; ///< one line that says why there is no bundle; empty: it is there
    std::filesystem::path bundle;
};

/// Writes the bundle below `directory`. `look`: of the report that is returned; the one in the bundle is plain.
kept_failure keep_failure(const told_failure& told, const scenario_verdict& verdict,
                          const std::string& directory, const ladder_options& look);

/// A failure that could not be kept is told in full on standard error: it would be lost otherwise.
void tell_unkept(const kept_failure& kept);

/// "break-vs-pin-I16-3fa9c1": the same bug of the same scenario has the same name.
std::string bundle_name(const bundle& what, const std::string& scenario);

/// Fingerprint of the checker: a bundle names the one that wrote it.
std::string checker_fingerprint();

/// The command line of this process.
std::vector<std::string> own_command();

} // namespace daxtorture::jobs
