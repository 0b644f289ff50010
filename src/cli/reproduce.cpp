/// `reproduce`: what the search for a schedule came to, as text and as JSON.
#include "cli/commands.hpp"

#include "jobs/failure_report.hpp"
#include "jobs/output.hpp"
#include "jobs/reproduce.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace daxtorture::cli {
namespace {

using nlohmann::json;

json json_of(const reproduce_attempt& attempt) {
    return {{"how", attempt.candidate.how},     {"scenario", print(attempt.candidate.what)},
            {"executions", attempt.executions}, {"seconds", attempt.seconds},
            {"found", attempt.found},           {"other_failure", attempt.other}};
}

json json_of(const std::filesystem::path& place, const reproduction& result) {
    json tried = json::array();
    for (const reproduce_attempt& attempt : result.attempts)
        tried.push_back(json_of(attempt));
    const failure& original = result.original.found;
    json all{{"bundle", place.string()},  {"invariant", name(original.invariant)},
             {"cause", original.cause},   {"reproduced", result.found},
             {"seconds", result.seconds}, {"attempts", std::move(tried)}};
    if (result.found) {
        all["threads"] = result.told.kept.what.threads.size();
        all["preemptions"] = result.told.preemptions;
        all["searches"] = result.reliable.searches;
        all["searches_found"] = result.reliable.found;
    }
    return all;
}

void print_found(const reproduction& result, const reproduce_options& options) {
    const bundle& kept = result.told.kept;
    scenario_verdict verdict;
    verdict.name = kept.what.name;
    verdict.protocol = kept.what.protocol;
    verdict.rules = print_rules(kept.what);
    verdict.memory = "weak";
    verdict.scheduler = kept.scheduler;
    verdict.verdict = verdict_kind::fail;
    const kept_failure failure = keep_failure(result.told, verdict, options.out, screen_look());
    tell_unkept(failure);
    if (options.json == "-")
        return;
    if (failure.problem.empty())
        fmt::print("{}\n", failure.report);
    fmt::print("reproduced from: {}\n", result.attempts.back().candidate.how);
    fmt::print("reliability: {} of {} searches with other seeds found it (pct 3, up to {} executions each)\n",
               result.reliable.found, result.reliable.searches, grouped(reliability::executions));
    fmt::print("found in {:.1f} s, candidate {}\n", result.seconds, result.attempts.size());
}

void print_attempts(const reproduction& result) {
    fmt::print("not reproduced in {:.0f} s: {}\n", result.seconds, short_name(result.original.found));
    for (const reproduce_attempt& attempt : result.attempts)
        fmt::print("  {}: {} threads, {} executions in {:.1f} s{}\n", attempt.candidate.how,
                   attempt.candidate.what.threads.size(), grouped(attempt.executions), attempt.seconds,
                   attempt.other.empty() ? "" : "; it fails, but otherwise: " + attempt.other);
    if (result.attempts.size() < result.candidates)
        fmt::print("  {} larger candidates were not tried: the time ended\n",
                   result.candidates - result.attempts.size());
    if (result.candidates == 0)
        fmt::print("  the bundle has no operations to lift: was it recorded with --no-recorder?\n");
}

} // namespace

exit_code run_reproduce(const reproduce_options& options) {
    json results = json::array();
    exit_code worst = exit_code::violation;
    for (const std::filesystem::path& place : reproducible_bundles(options.from)) {
        status_line status;
        const reproduction result =
            reproduce(place, options.budget, [&](const std::string& text) { status.show(text); });
        status.clear();
        if (result.found)
            print_found(result, options);
        else if (options.json != "-")
            print_attempts(result);
        if (!result.found)
            worst = exit_code::inconclusive;
        results.push_back(json_of(place, result));
    }
    if (!options.json.empty())
        write_result(options.json, json{{"version", 1}, {"reproductions", results}});
    return worst;
}

} // namespace daxtorture::cli
