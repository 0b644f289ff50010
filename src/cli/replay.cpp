#include "cli/checker.hpp"
#include "cli/commands.hpp"
#include "cli/failure_report.hpp"
#include "cli/terminal.hpp"

#include "report/ladder.hpp"
#include "run/bundle.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>

namespace daxtorture::cli {

exit_code run_replay(const replay_options& options) {
    const bundle_result read = read_bundle(options.bundle);
    if (!read)
        throw usage_error(read.error);
    const bundle& kept = *read.value;
    if (kept.of_real_threads())
        throw usage_error(options.bundle +
                          ": has no schedule, it was found on real threads; `daxtorture reproduce " +
                          options.bundle + "` searches for one");
    checker_request request;
    request.what = checker_request::kind::replay;
    request.scenario = print(kept.what);
    request.file = options.bundle;
    request.memory = kept.memory;
    request.schedule = kept.found.schedule;
    request.no_return = true;
    checker_answer answer = ask_checker(request);
    answer.found.events = answer.events;

    if (kept.source_hash != checker_fingerprint())
        fmt::print("note: the checker has changed since this failure was found\n");
    if (answer.diverged)
        fmt::print("diverged: decision {} of {} was asked otherwise than when the failure was found\n",
                   answer.divergence + 1, kept.found.schedule.size());
    ladder_options look;
    look.colour = colours_on_stdout();
    look.all = options.trace;
    fmt::print("{}", ladder(answer.found, kept.what, look));
    if (answer.found.kind == failure_kind::none) {
        fmt::print("no failure\n");
        return answer.diverged ? exit_code::inconclusive : exit_code::pass;
    }
    fmt::print("{}", violation_text(answer.found, look));
    if (!same_failure(answer.found, kept.found)) {
        fmt::print("another failure than the one kept: I{} {}\n", kept.found.invariant, kept.found.cause);
        return exit_code::inconclusive;
    }
    fmt::print("the same failure again, after {} decisions\n", kept.found.schedule.size());
    return exit_code::violation;
}

} // namespace daxtorture::cli
