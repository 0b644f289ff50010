#include "jobs/hunt/keep.hpp"

#include "jobs/failure_report.hpp"
#include "jobs/hunt/canonical.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/output.hpp"
#include "jobs/terminal.hpp"

#include "base/fnv1a.hpp"
#include "base/seed.hpp"
#include "run/verdict.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace daxtorture::jobs::hunt {
namespace {

constexpr double shrink_seconds_of_known = 2; ///< they are counted as executions
constexpr double shrink_seconds_of_news = 10;

unsigned operations_of(const program& what) {
    std::size_t count = 0;
    for (const thread_program& thread : what.threads)
        count += thread.operations.size();
    return static_cast<unsigned>(count);
}

void write_scenario(program what, const suspect& found, const std::string& where) {
    what.title = found.found.cause;
    if (found.found.invariant != invariant::none)
        what.claims = {found.found.invariant};
    what.comment = {"Drawn by daxtorture hunt."};
    if (!found.known.empty())
        what.comment.push_back("It looks like " + found.known + ".");
    expectation failure{verdict_kind::fail, {}, {}};
    if (found.found.invariant != invariant::none)
        failure.broken.push_back(found.found.invariant);
    what.expectations = {failure};
    std::string text = print(what);
    text.pop_back(); // write_result ends it
    write_result(where, text);
}

} // namespace

trophy keep(suspect found, const hunt_options& options, const std::function<void(suspect&)>& explain) {
    const double seconds = found.known.empty() ? shrink_seconds_of_news : shrink_seconds_of_known;
    told_failure told = interrupted() ? failure_as_found(found.what, "weak", found.found)
                                      : shrink_failure(found.what, "weak", found.found, seconds, true);
    found.what = told.kept.what;
    found.found = told.kept.found;
    explain(found);
    // The bundle has the schedule of the shrunk program, so names stay as they are.
    program& small = told.kept.what;
    told.kept.scheduler = found.scheduler;
    told.kept.seed = options.seed;
    told.kept.execution = found.execution;
    const std::uint64_t number =
        derive(fingerprint(canonical(small)), fnv1a(found.found.cause + print_rules(small)));
    small.name =
        fmt::format("hunt-I{}-{:08x}", daxtorture::number(found.found.invariant), number & 0xffffffff);

    scenario_verdict verdict;
    verdict.name = small.name;
    verdict.protocol = small.protocol;
    verdict.rules = print_rules(small);
    verdict.memory = "weak";
    verdict.scheduler = found.scheduler;
    verdict.verdict = verdict_kind::fail;
    verdict.executions = found.execution;
    verdict.found = told.kept.found;
    verdict.finding = found.known;
    const kept_failure kept = keep_failure(told, verdict, options.out, screen_look());

    trophy made;
    made.unkept = kept.problem;
    made.bundle = kept.bundle.string();
    made.scenario = (std::filesystem::path(options.out) / (small.name + ".dax")).string();
    try {
        write_scenario(small, found, made.scenario);
    } catch (const usage_error& wrong) {
        made.scenario.clear();
        made.unkept = wrong.what();
    }
    made.invariant = found.found.invariant == invariant::none ? "" : name(found.found.invariant);
    made.kind = name(found.found.kind);
    made.cause = found.found.cause;
    made.known = found.known;
    made.protocol = small.protocol;
    made.rules = print_rules(small);
    made.threads = static_cast<unsigned>(small.threads.size());
    made.operations = operations_of(small);
    made.executions = found.execution;
    made.report = kept.report;
    return made;
}

std::string keep_program(program what, const std::string& out) {
    what.name = fmt::format("checker-failed-{:08x}", fingerprint(what) & 0xffffffff);
    const std::filesystem::path file = std::filesystem::path(out) / (what.name + ".dax");
    std::filesystem::create_directories(out);
    write_result(file.string(), print(what));
    return file.string();
}

} // namespace daxtorture::jobs::hunt
