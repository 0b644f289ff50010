#include "cli/arch.hpp"
#include "cli/commands.hpp"
#include "cli/failure_report.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/portfolio.hpp"
#include "cli/scenarios.hpp"
#include "cli/terminal.hpp"

#include "report/json.hpp"
#include "report/text.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace daxtorture::cli {
namespace {

constexpr double shrink_seconds = 10;
constexpr const char* not_begun_note = "not begun: a signal came before";

std::string memory_of(const program& what, const check_options& options) {
    if (!options.memory_from_arch.empty())
        return memory_of_arch(arch_named(options.memory_from_arch));
    if (!options.memory.empty())
        return options.memory;
    return what.memory.empty() ? memory_of_arch(what.world.machine) : what.memory;
}

/// Which searches ran, and what they covered.
std::string phases_text(const portfolio_result& result) {
    std::vector<std::string> names;
    for (const search_phase& phase : result.phases)
        if (std::find(names.begin(), names.end(), phase.name) == names.end())
            names.push_back(phase.name);
    return fmt::format("{}", fmt::join(names, "+"));
}

/// Some phase stopped at an execution that has no end and no argument: what it was to run, it did not.
bool gave_up(const portfolio_result& result) {
    return std::any_of(result.phases.begin(), result.phases.end(),
                       [](const search_phase& phase) { return phase.answer.gave_up; });
}

verdict_kind judge(const portfolio_result& result, const check_options& options) {
    if (result.found.kind != failure_kind::none)
        return verdict_kind::fail;
    if (result.interrupted || result.executions == 0)
        return verdict_kind::inconclusive; // a pass on nothing would be one
    const bool random_for_a_time =
        (options.scheduler == "pct" || options.scheduler == "uniform") && options.iterations == 0;
    // Searching at random for a time is done when the time is over; anything else must have run to its end.
    if (result.complete || (random_for_a_time && !gave_up(result)))
        return verdict_kind::pass;
    return verdict_kind::inconclusive;
}

/// What the exhaustive phase of the plan searches.
std::string tree_text(const check_options& options) {
    std::string share = options.part.count == 1 ? "all executions"
                                                : fmt::format("part {} of {} of all executions",
                                                              options.part.index + 1, options.part.count);
    if (options.scheduler != "full")
        share += fmt::format(" with at most {0} preemptions and {0} stale loads", options.bound);
    return share;
}

std::string coverage_note(const portfolio_result& result, verdict_kind verdict,
                          const check_options& options) {
    if (verdict == verdict_kind::fail)
        return "found by " + result.found_by;
    std::uint64_t cut_short = 0;
    for (const search_phase& phase : result.phases)
        cut_short += phase.answer.depth_limit_hits;
    if (result.interrupted)
        return "stopped by a signal";
    if (gave_up(result))
        return "an execution did not end, and nothing shows that it never will: the rest of its search was "
               "skipped";
    if (cut_short != 0)
        return fmt::format("{} executions ended only at the step limit", grouped(cut_short));
    if (verdict == verdict_kind::inconclusive && result.executions == 0 && result.complete)
        return "nothing was run: this shard's part of the executions is empty";
    if (verdict == verdict_kind::inconclusive)
        return "the time ended first" +
               (result.explored == 0 || result.exhaustive
                    ? ""
                    : fmt::format(", at about {:.1f} % of {}", 100 * result.explored, tree_text(options)));
    if (!result.exhaustive)
        return "";
    return result.whole ? "all executions" : tree_text(options);
}

std::string operation_text(const program& what, unsigned thread, unsigned number) {
    const thread_program& of = what.threads[thread];
    return fmt::format("{} ({})", print(of.operations[number], what), of.name);
}

coverage_summary coverage_of(const program& what, const search_coverage& covered) {
    coverage_summary c;
    c.outcomes = covered.outcomes.size();
    c.pairs = covered.pairs.size();
    const auto text = [&](const operation_pair& pair) {
        return operation_text(what, pair[2], pair[3]) + " inside " + operation_text(what, pair[0], pair[1]);
    };
    for (const operation_pair& pair : never_met(what, covered)) {
        c.never.push_back(text(pair));
        c.ways_possible += covered.ways_possible(pair);
    }
    c.pairs_possible = c.pairs + c.never.size();
    for (const auto& [pair, rows] : covered.pairs) {
        c.ways += covered.ways(pair);
        c.ways_possible += covered.ways_possible(pair);
    }
    for (const operation_pair& pair : least_met(covered))
        c.least.push_back(fmt::format("{}: {} of {} ways", text(pair), covered.ways(pair),
                                      grouped(covered.ways_possible(pair))));
    return c;
}

/// What the samples of a search that was not asked for its coverage say of it in a few words; for one that was, what its numbers leave out.
std::string coverage_remark(const coverage_summary& c, const portfolio_result& result,
                            const check_options& options) {
    if (!options.coverage)
        return c.never.empty() ? ""
                               : fmt::format("{} of {} pairs of operations met in samples (--coverage names "
                                             "the others)",
                                             c.pairs, c.pairs_possible);
    const bool reduced_only = std::all_of(result.phases.begin(), result.phases.end(),
                                          [](const search_phase& p) { return p.name == "full"; });
    return reduced_only && options.reduce
               ? "coverage is of one order of steps that commute (--no-reduction: of all)"
               : "";
}

/// A scenario to check, and what its file expected before --rule changed the protocol.
struct checked {
    program what;
    std::optional<expectation> documented; ///< of an unmodified preset
    std::string documented_cause;          ///< how its cause begins: the file's note "cause"
};

checked prepare(program what, const check_options& options) {
    checked one{std::move(what), {}, {}};
    override_arch(one.what, options.arch);
    override_rules(one.what, options.protocol, {});
    if (one.what.rules.empty())
        one.documented = expectation_of(one.what);
    for (const auto& [key, text] : one.what.notes)
        if (key == "cause")
            one.documented_cause = text;
    override_rules(one.what, options.protocol, options.rules);
    return one;
}

bool is_known(const checked& one, const failure& found) {
    return one.documented && one.documented->verdict == verdict_kind::fail &&
           (one.documented->invariant == invariant::none || one.documented->invariant == found.invariant) &&
           found.cause.starts_with(one.documented_cause);
}

scenario_verdict verdict_of(const program& what, const std::string& memory, const portfolio_result& result,
                            const check_options& options) {
    scenario_verdict v;
    v.name = what.name;
    v.protocol = what.protocol;
    v.rules = print_rules(what);
    v.memory = memory;
    v.scheduler = phases_text(result);
    v.verdict = judge(result, options);
    v.executions = result.executions;
    v.repetitions = result.repetitions;
    v.seconds = result.seconds;
    v.exhaustive = result.exhaustive;
    v.note = coverage_note(result, v.verdict, options);
    v.expected = expectation_of(what);
    v.found = result.found;
    v.rechecked = result.rechecked;
    if (!result.sampled && !options.coverage)
        return v;
    const coverage_summary covered = coverage_of(what, result.covered);
    if (result.sampled && v.verdict != verdict_kind::fail) {
        const std::string remark = coverage_remark(covered, result, options);
        v.note += (v.note.empty() || remark.empty() ? "" : "; ") + remark;
    }
    if (options.coverage)
        v.covered = covered;
    return v;
}

void list(const std::vector<program>& programs) {
    std::size_t widest = 0;
    for (const program& what : programs)
        widest = std::max(widest, what.name.size());
    for (const program& what : programs) {
        std::string claims;
        for (const invariant claimed : what.claims)
            claims += " " + name(claimed);
        fmt::print("{:<{}}  {} threads  {:<60} {}\n", what.name, widest, what.threads.size(), what.title,
                   claims);
    }
}

/// Checks one scenario and tells what it came to.
scenario_verdict check_one(const checked& one, const check_options& options, std::size_t name_width,
                           bool quiet, std::size_t number, std::size_t total) {
    const program& what = one.what;
    const std::string memory = memory_of(what, options);
    const bool colour = colours_on_stdout();
    status_line status;
    const portfolio_result result = search_scenario(what, memory, options, [&](const std::string& progress) {
        status.show(fmt::format("[{}/{}] {}: {}", number, total, what.name, progress));
    });
    scenario_verdict verdict = verdict_of(what, memory, result, options);
    verdict.known_finding = verdict.verdict == verdict_kind::fail && is_known(one, verdict.found);
    kept_failure kept;
    if (verdict.verdict == verdict_kind::fail && result.found.kind != failure_kind::tool) {
        told_failure told = failure_as_found(what, memory, result.found);
        if (options.shrink && !interrupted()) {
            status.show(fmt::format("[{}/{}] {}: found after {} executions, shrinking", number, total,
                                    what.name, grouped(result.executions)));
            told = shrink_failure(what, memory, result.found, shrink_seconds);
        }
        told.kept.scheduler = result.found_by;
        told.kept.seed = options.seed;
        told.kept.execution = result.found_at;
        kept = keep_failure(told, verdict, options.out, colour);
    }
    status.clear();
    if (!quiet) {
        fmt::print("{}\n", verdict_line(verdict, name_width, colour));
        if (verdict.covered)
            fmt::print("{}", coverage_text(*verdict.covered));
        if (!kept.report.empty())
            fmt::print("\n{}\n", kept.report);
        std::fflush(stdout);
    }
    if (!kept.problem.empty())
        std::fprintf(stderr, "daxtorture: %s\n", kept.problem.c_str());
    return verdict;
}

scenario_verdict not_begun(const checked& one, const check_options& options) {
    scenario_verdict v = verdict_of(one.what, memory_of(one.what, options), portfolio_result{}, options);
    v.note = not_begun_note;
    return v;
}

void print_count(const std::vector<scenario_verdict>& all) {
    const auto count = [&](verdict_kind kind) {
        return std::count_if(all.begin(), all.end(),
                             [&](const scenario_verdict& v) { return v.verdict == kind; });
    };
    const auto known =
        std::count_if(all.begin(), all.end(), [](const scenario_verdict& v) { return v.known_finding; });
    const auto left = std::count_if(all.begin(), all.end(),
                                    [](const scenario_verdict& v) { return v.note == not_begun_note; });
    fmt::print("{} pass, {} fail ({} known findings), {} inconclusive{}\n", count(verdict_kind::pass),
               count(verdict_kind::fail), known, count(verdict_kind::inconclusive),
               left == 0 ? "" : fmt::format(", {} of them not begun: stopped by a signal", left));
}

} // namespace

namespace {

/// What `git bisect run` understands: 0 good, 1 bad, 125 cannot be tested here.
exit_code for_bisect(exit_code code) {
    if (code == exit_code::pass || code == exit_code::violation)
        return code;
    return exit_code::bisect_skip;
}

} // namespace

exit_code run_check(const check_options& options) {
    const std::vector<program> programs = load_scenarios(options.targets);
    if (options.list) {
        list(programs);
        return exit_code::pass;
    }
    std::size_t widest = 0;
    std::vector<checked> all;
    for (const program& what : programs) {
        all.push_back(prepare(what, options));
        widest = std::max(widest, what.name.size());
    }
    const bool quiet = options.json == "-";
    std::vector<scenario_verdict> verdicts;
    verdicts.reserve(all.size());
    end_on_signals();
    try {
        for (const checked& one : all)
            verdicts.push_back(interrupted()
                                   ? not_begun(one, options)
                                   : check_one(one, options, widest, quiet, verdicts.size() + 1, all.size()));
    } catch (...) { // what is done stays told
        if (!options.json.empty() && !verdicts.empty())
            write_result(options.json, check_json(verdicts));
        throw;
    }
    if (!quiet && verdicts.size() > 1)
        print_count(verdicts);
    if (!options.json.empty())
        write_result(options.json, check_json(verdicts));
    const exit_code code = exit_code_of(verdicts);
    return options.bisect ? for_bisect(code) : code;
}

} // namespace daxtorture::cli
