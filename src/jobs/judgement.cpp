#include "jobs/judgement.hpp"

#include "report/text.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"
#include "search/strategies.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture::jobs {
namespace {

/// Which searches ran, in the order in which they ended.
std::string phases_text(const portfolio_result& result) {
    std::vector<std::string> names;
    for (const search_phase& phase : result.phases)
        if (std::find(names.begin(), names.end(), phase.name) == names.end())
            names.push_back(phase.name);
    return fmt::format("{}", fmt::join(names, "+"));
}

bool walks_at_random(const std::string& scheduler) { return find_strategy(scheduler)->walks != walk::tree; }

/// Some phase stopped at an execution that has no end and no argument: what it was to run, it did not.
bool gave_up(const portfolio_result& result) {
    return std::any_of(result.phases.begin(), result.phases.end(),
                       [](const search_phase& phase) { return phase.answer.gave_up; });
}

/// Searching at random for a time is done when the time is over; anything else must have run to its end.
bool covered_what_was_asked(const portfolio_result& result, const search_options& options) {
    const bool random_for_a_time =
        !options.scheduler.empty() && walks_at_random(options.scheduler) && options.iterations == 0;
    if (result.interrupted || result.executions == 0 || gave_up(result)) // a pass on nothing would be one
        return false;
    return result.complete || result.exhaustive || random_for_a_time;
}

/// A shard's part may leave to the others what an operation is there for.
bool must_serve(const search_options& options) { return options.part.count == 1; }

std::vector<operation_result> operations_of(const program& what, const outcome_table& counts) {
    std::vector<operation_result> all;
    const auto add = [&](const std::vector<operation>& operations, const std::string& thread,
                         std::size_t row) {
        for (std::size_t i = 0; i < operations.size() && row < counts.size(); ++i)
            all.push_back({print(operations[i], what), thread, operations[i].purpose, counts[row].at(i)});
    };
    add(what.setup, "set-up", what.threads.size());
    for (std::size_t i = 0; i < what.threads.size(); ++i)
        add(what.threads[i].operations, what.threads[i].name, i);
    return all;
}

verdict_kind verdict_of(const portfolio_result& result, const search_options& options,
                        const scenario_verdict& so_far) {
    if (result.found.kind == failure_kind::tool)
        return verdict_kind::error;
    if (result.found.kind != failure_kind::none)
        return verdict_kind::fail;
    const bool serves = so_far.never_done.empty() || !must_serve(options);
    return covered_what_was_asked(result, options) && serves ? verdict_kind::pass
                                                             : verdict_kind::inconclusive;
}

/// Executions of the default plan's own attempt at all of them count for nothing unless it came to its end.
struct execution_kinds {
    std::uint64_t tree = 0;   ///< of the exhaustive search
    std::uint64_t random = 0; ///< of all random strategies
};

execution_kinds kinds_of(const portfolio_result& result, const search_options& options) {
    execution_kinds kinds;
    for (const search_phase& phase : result.phases) {
        const std::string& scheduler = phase.request.scheduler;
        const std::uint64_t run = phase.answer.executions - phase.answer.repetitions;
        if (walks_at_random(scheduler))
            kinds.random += run;
        else if (scheduler == "bound" ? !result.whole : result.whole || !options.scheduler.empty())
            kinds.tree += run;
    }
    return kinds;
}

/// What the exhaustive phase of the plan searches.
std::string tree_text(const portfolio_result& result, const search_options& options) {
    std::string text = "every interleaving";
    if (options.part.count != 1)
        text = fmt::format("part {} of {} of ", options.part.index + 1, options.part.count) + text;
    if (options.scheduler != "full" && !result.whole)
        text += fmt::format(" with at most {} and {}", counted(options.bound, "preemption"),
                            counted(options.bound, "stale load"));
    return text;
}

/// "every interleaving with at most 2 preemptions and 2 stale loads, 594,589 executions, and 500,000 random ones"
std::string covered_text(const portfolio_result& result, const search_options& options) {
    const execution_kinds run = kinds_of(result, options);
    if (run.tree == 0)
        return run.random == 0 ? "" : counted(run.random, "random execution");
    std::string text;
    if (!result.exhaustive && result.explored > 0)
        text = fmt::format("about {:.1f} % of ", 100 * result.explored);
    text += result.exhaustive || result.explored > 0
                ? tree_text(result, options) + ", " + counted(run.tree, "execution")
                : counted(run.tree, "execution");
    if (run.random != 0)
        text += ", and " + counted(run.random, "random one");
    return text;
}

/// What of the plan was not done, in a search that covered what it claims.
std::string left_out_text(const portfolio_result& result) {
    return result.complete ? "" : "the time ended before all random executions were run";
}

std::string reason_text(const portfolio_result& result, const search_options& options) {
    std::uint64_t cut_short = 0;
    for (const search_phase& phase : result.phases)
        cut_short += phase.answer.depth_limit_hits;
    if (result.interrupted)
        return "stopped by a signal";
    if (gave_up(result))
        return "an execution did not end, and nothing shows that it never will: the rest of its search was "
               "skipped";
    if (result.executions == 0 && result.complete)
        return "nothing was run: this shard's part of the executions is empty";
    if (covered_what_was_asked(result, options))
        return left_out_text(result); // what the verdict lacks is that operations did nothing
    if (cut_short != 0)
        return counted(cut_short, "execution") + " ended only at the step limit";
    return "the time ended first";
}

std::string note_text(const portfolio_result& result, const search_options& options, verdict_kind verdict) {
    std::vector<std::string> parts;
    switch (verdict) {
    case verdict_kind::error:
    case verdict_kind::fail:
        return "found by " + result.found_by;
    case verdict_kind::pass:
        parts = {covered_text(result, options), left_out_text(result)};
        break;
    case verdict_kind::inconclusive:
        parts = {reason_text(result, options), covered_text(result, options)};
        break;
    }
    std::erase(parts, "");
    return fmt::format("{}", fmt::join(parts, "; "));
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
                            const search_options& options) {
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

/// Coverage of a search that ended at a failure would only say how early that came.
void add_coverage(scenario_verdict& v, const program& what, const portfolio_result& result,
                  const search_options& options) {
    if ((!result.sampled && !options.coverage) || v.verdict == verdict_kind::fail ||
        v.verdict == verdict_kind::error)
        return;
    const coverage_summary covered = coverage_of(what, result.covered);
    if (result.sampled)
        v.coverage_note = coverage_remark(covered, result, options);
    if (options.coverage)
        v.covered = covered;
}

} // namespace

std::vector<std::string> never_done(const program& what, const outcome_table& counts) {
    std::vector<std::string> texts;
    for (const operation_result& one : operations_of(what, counts))
        if (!one.serves())
            texts.push_back(one.text());
    return texts;
}

scenario_verdict judge(const program& what, const std::string& memory, const portfolio_result& result,
                       const search_options& options) {
    scenario_verdict v;
    v.name = what.name;
    v.protocol = what.protocol;
    v.rules = print_rules(what);
    v.memory = memory;
    v.scheduler = phases_text(result);
    v.executions = result.executions;
    v.repetitions = result.repetitions;
    v.seconds = result.seconds;
    v.expected = expectation_of(what);
    v.found = result.found;
    v.rechecked = result.rechecked;
    v.operations = operations_of(what, result.counts);
    if (result.executions != 0 && result.found.kind == failure_kind::none)
        v.never_done = never_done(what, result.counts);
    v.verdict = verdict_of(result, options, v);
    v.exhaustive = result.exhaustive && v.verdict != verdict_kind::inconclusive;
    v.note = note_text(result, options, v.verdict);
    add_coverage(v, what, result, options);
    return v;
}

} // namespace daxtorture::jobs
