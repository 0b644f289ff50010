/// The hunt on the command line: programs that the tool draws itself, failures as they come, and what was searched.
#include "jobs/hunt/hunt.hpp"
#include "cli/commands.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/output.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace daxtorture::cli {
namespace {

using jobs::hunt::hunt_result;
using jobs::hunt::trophy;
using nlohmann::json;

constexpr const char* default_directory = "daxtorture-hunt";

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

json json_of(const jobs::hunt::hunt_coverage& covered) {
    json small = json::array();
    for (const auto& size : covered.small)
        small.push_back({{"operations", size.operations}, {"done", size.done}, {"total", size.total}});
    return {{"step_pairs", covered.step_pairs},
            {"operation_pairs", covered.operation_pairs},
            {"operation_pairs_possible", covered.operation_pairs_possible},
            {"never_done", covered.never_done},
            {"small", small}};
}

json json_of(const hunt_result& result) {
    json all{{"version", 1},
             {"programs", result.programs},
             {"distinct", result.distinct},
             {"unusable", result.unusable},
             {"executions", result.executions},
             {"crashes", result.crashes},
             {"seconds", result.seconds},
             {"seed", result.seed},
             {"interrupted", result.interrupted},
             {"coverage", json_of(result.covered)},
             {"failures", json::array()}};
    for (const trophy& one : result.trophies)
        all["failures"].push_back({{"scenario", one.scenario},
                                   {"invariant", text_or_null(one.invariant)},
                                   {"kind", one.kind},
                                   {"cause", one.cause},
                                   {"known", text_or_null(one.known)},
                                   {"protocol", one.protocol},
                                   {"rules", one.rules},
                                   {"threads", one.threads},
                                   {"operations", one.operations},
                                   {"executions", one.executions},
                                   {"programs", one.programs},
                                   {"bundle", one.bundle}});
    return all;
}

/// In full when nothing explains it.
void tell(const trophy& one) {
    const std::string head =
        fmt::format("{}{}: {}", one.invariant.empty() ? "" : one.invariant + " ", one.kind, one.cause);
    if (!one.known.empty())
        fmt::print("known    {}\n         {}\n         {}\n", head, one.known, one.scenario);
    else
        fmt::print("\nFOUND    {}\n         {}\n\n{}\n", head, one.scenario, one.report);
    std::fflush(stdout);
}

std::string summary(const hunt_result& result) {
    const auto known = static_cast<std::size_t>(
        std::ranges::count_if(result.trophies, [](const trophy& one) { return !one.known.empty(); }));
    std::string text =
        fmt::format("{} ({} drawn), {}, {:.0f} s: {} that no finding explains, {} that findings do\n",
                    counted(result.distinct, "distinct program"), grouped(result.programs),
                    counted(result.executions, "execution"), result.seconds,
                    counted(result.trophies.size() - known, "failure"), grouped(known));
    const auto& smallest = result.covered.small.at(0);
    text += fmt::format(
        "{} of {} programs of two threads with one operation each; {} step pairs of {} operation pairs\n",
        grouped(smallest.done), grouped(smallest.total), grouped(result.covered.step_pairs),
        grouped(result.covered.operation_pairs));
    if (!result.covered.never_done.empty())
        text += fmt::format("never did anything: {}\n", fmt::join(result.covered.never_done, ", "));
    if (result.unusable != 0)
        text += fmt::format("{} whose set-up does not end\n", counted(result.unusable, "program"));
    if (result.crashes != 0)
        text += fmt::format("the checker failed {}: {}\n", counted(result.crashes, "time"), result.crash);
    if (result.interrupted)
        text += "ended by a signal\n";
    return text;
}

jobs::hunt::hunt_options options_of(const hunt_command& command) {
    jobs::hunt::hunt_options options;
    options.under = jobs::hunt::find_protocols(command.protocol, command.rules);
    options.seconds = command.seconds;
    options.programs = command.programs;
    options.seed = command.seed;
    options.jobs = command.jobs;
    options.part = command.part;
    options.out = command.out.empty() ? default_directory : command.out;
    options.journal = !command.out.empty();
    return options;
}

} // namespace

exit_code run_hunt(const hunt_command& command) {
    const bool quiet = command.json == "-";
    jobs::end_on_signals();
    jobs::status_line status;
    const jobs::hunt::hunt_listener listener{[&](const trophy& one) {
                                                 status.clear();
                                                 if (!one.unkept.empty())
                                                     fmt::print(stderr, "{}", one.report); // lost otherwise
                                                 else if (!quiet)
                                                     tell(one);
                                             },
                                             [&](const std::string& line) { status.show(line); }};
    const hunt_result result = command.resume.empty() ? jobs::hunt::hunt(options_of(command), listener)
                                                      : jobs::hunt::resume_hunt(command.resume, listener);
    status.clear();
    if (!quiet)
        fmt::print("{}", summary(result));
    if (!command.json.empty())
        jobs::write_result(command.json, json_of(result));
    if (!result.unwritten.empty())
        fmt::print(stderr, "daxtorture: {}\n", result.unwritten);
    return jobs::hunt::exit_code_of(result);
}

} // namespace daxtorture::cli
