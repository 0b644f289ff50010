/// `museum`: its bugs as a table and as JSON.
#include "cli/commands.hpp"

#include "jobs/interrupt.hpp"
#include "jobs/museum.hpp"
#include "jobs/output.hpp"
#include "jobs/terminal.hpp"

#include "report/digest.hpp"
#include "report/junit.hpp"
#include "report/text.hpp"
#include "report/verdicts_html.hpp"
#include "run/verdict.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace daxtorture::cli {
namespace {

using nlohmann::json;

std::string outcome_text(const exhibit_result& result) {
    if (!result.tool_failure.empty())
        return "TOOL FAILURE: " + result.tool_failure;
    if (!result.caught)
        return "NOT FOUND";
    std::string text = short_name(result.broken.found);
    if (!result.right)
        return fmt::format("{}, expected {}", text, print(result.expected));
    if (!result.fixed_passes)
        return text + ", but the fixed protocol fails too: " + short_name(result.fixed.found);
    if (!result.fixed_never_done.empty())
        return fmt::format("{}, but with its fix never done: {}", text,
                           fmt::join(result.fixed_never_done, "; "));
    if (result.fixed_cut_off)
        text += fmt::format("; its fix: search cut off after {:.2f} s and {} executions",
                            result.fixed.seconds, grouped(result.fixed.executions));
    return text;
}

/// Nothing when the fix was not searched.
const char* fixed_verdict(const exhibit_result& result) {
    if (!result.tool_failure.empty())
        return "";
    if (!result.fixed_passes)
        return name(verdict_kind::fail);
    return name(result.fixed_cut_off || !result.fixed_never_done.empty() ? verdict_kind::inconclusive
                                                                         : verdict_kind::pass);
}

json text_or_null(const std::string& text) {
    return text.empty() || text == "none" || text == "-" ? json() : json(text);
}

json invariant_or_null(invariant broken) { return broken == invariant::none ? json() : json(name(broken)); }

/// `result` is empty when the bug is not expressible.
json json_of(const exhibit& bug, const exhibit_result& result) {
    return {
        {"id", bug.id},
        {"bug", text_or_null(bug.note("bug"))},
        {"commit", text_or_null(bug.note("commit"))},
        {"found", result.found()},
        {"engine", text_or_null(result.broken.found_by.empty() ? "" : "check, " + result.broken.found_by)},
        {"executions", result.broken.executions},
        {"seconds", result.broken.seconds},
        {"invariant", invariant_or_null(result.broken.found.invariant)},
        {"expected_invariant",
         invariant_or_null(result.expected.broken.empty() ? invariant::none
                                                          : result.expected.broken.front())},
        {"cause", text_or_null(result.broken.found.cause)},
        {"inexpressible", text_or_null(bug.inexpressible())},
        {"tool_failure", text_or_null(result.tool_failure)},
        {"fixed_passes", result.fixed_passes},
        {"fixed_verdict", text_or_null(bug.inexpressible().empty() ? fixed_verdict(result) : "")},
        {"fixed_never_done", result.fixed_never_done},
        {"fixed_executions", result.fixed.executions},
        {"fixed_seconds", result.fixed.seconds}};
}

/// What a walk through the museum came to, whichever table it fills.
struct visit {
    json bugs = json::array();
    std::vector<junit_case> cases;
    std::vector<html_verdict> cells;
    std::vector<std::string> not_run; ///< a signal came first
    bool wrong = false;               ///< a bug did not show as its file says
    bool tool_failed = false;
};

/// Is standard output for a document, or for a summary?
bool quiet(const museum_options& options) {
    return options.json == "-" || options.junit == "-" || options.html == "-" || options.summary;
}

/// A bug that is found and gone with its fix has passed.
junit_case case_of(const exhibit& bug, const exhibit_result& result) {
    junit_case one{"daxtorture.museum", bug.id, result.broken.seconds + result.fixed.seconds, {}, {},
                   bug.inexpressible(), ""};
    if (!result.tool_failure.empty())
        one.errors.push_back({name(failure_kind::tool), result.tool_failure, ""});
    else if (bug.inexpressible().empty() && !result.found())
        one.failures.push_back({"survived", outcome_text(result), bug.note("story")});
    return one;
}

/// What was found of the bug, and of its fix.
std::vector<html_verdict> cells_of(const exhibit& bug, const exhibit_result& result) {
    html_verdict broken;
    broken.row = bug.id;
    broken.column = "bug";
    broken.line = bug.note("story");
    if (!bug.inexpressible().empty()) {
        broken.look = "inconclusive";
        broken.text = "not here";
        broken.line = "not expressible: " + bug.inexpressible();
        return {broken};
    }
    html_verdict fixed = broken;
    const failure& found = result.broken.found;
    broken.look = result.tool_failure.empty() ? (result.caught && result.right ? "pass" : "fail") : "error";
    broken.text = result.caught ? name(found.invariant) : "not found";
    broken.line += ": " + outcome_text(result);
    if (result.caught) {
        broken.report = failure_text(found, bug.scenario);
        broken.program = print(bug.scenario);
        broken.next = "daxtorture check " + bug.id;
    }
    fixed.column = "fix";
    fixed.text = fixed_verdict(result);
    fixed.look = fixed.text.empty() ? "error" : fixed.text;
    return {broken, fixed};
}

std::string junit_of(const visit& seen) {
    std::vector<junit_case> cases = seen.cases;
    double seconds = 0;
    for (const junit_case& one : cases)
        seconds += one.seconds;
    for (const std::string& id : seen.not_run)
        cases.push_back({"daxtorture.museum", id, 0, {}, {}, "not run: a signal came before", ""});
    return junit_document("daxtorture museum", seconds, cases);
}

/// Tells and writes what is left to say after the last row.
exit_code conclude(const visit& seen, const museum_options& options) {
    if (!seen.not_run.empty() && !quiet(options))
        fmt::print("stopped by a signal; not or not fully run: {}\n", fmt::join(seen.not_run, ", "));
    if (!options.json.empty())
        write_result(options.json, json{{"version", 1}, {"bugs", seen.bugs}, {"not_run", seen.not_run}});
    if (!options.junit.empty())
        write_result(options.junit, junit_of(seen));
    if (!options.html.empty())
        write_result(options.html,
                     verdicts_html("daxtorture museum", "Every bug must be found, and be gone with its fix.",
                                   seen.cells));
    if (seen.tool_failed)
        return exit_code::tool_failed;
    if (seen.wrong)
        return exit_code::violation;
    return seen.not_run.empty() ? exit_code::pass : exit_code::inconclusive;
}

museum_progress on_status_line(const exhibit& bug, status_line& status, const std::string& place) {
    return [&bug, &status, place](const std::string& stage, const std::string& progress) {
        status.show(fmt::format("{}{} {}: {}", place, bug.id, stage, progress));
    };
}

exit_code list(const std::vector<exhibit>& all, const museum_options& options) {
    json bugs = json::array();
    for (const exhibit& bug : all) {
        json entry{{"id", bug.id}};
        for (const char* key : {"bug", "commit", "story", "needs", "fixed", "inexpressible"})
            entry[key] = text_or_null(bug.note(key));
        bugs.push_back(std::move(entry));
        if (options.json != "-")
            fmt::print("{:<18} {:<14} needs {:<5} {}\n", bug.id, bug.note("commit"), bug.note("needs"),
                       bug.note("story"));
    }
    if (!options.json.empty())
        write_result(options.json, json{{"version", 1}, {"bugs", bugs}});
    return exit_code::pass;
}

/// One row: under which memory models the bug shows, and whether its file says the same.
void add_memory_row(const exhibit& bug, const std::vector<memory_finding>& findings, bool quiet,
                    visit& seen) {
    json found;
    std::vector<std::string> cells;
    std::string needs;
    for (const memory_finding& one : findings) {
        const failure_kind kind = one.result.found.kind;
        const bool broke = kind == failure_kind::tool;
        const bool fails = kind != failure_kind::none && !broke;
        seen.tool_failed = seen.tool_failed || broke;
        cells.push_back(broke                 ? "TOOL"
                        : fails               ? name(one.result.found.invariant)
                        : one.result.complete ? "-"
                                              : "- (time)");
        found[one.memory] = broke ? json() : json(fails);
        if (fails && needs.empty())
            needs = one.memory;
    }
    const std::string noted = bug.note("needs");
    seen.wrong = seen.wrong || needs != noted;
    seen.bugs.push_back({{"id", bug.id},
                         {"found", found},
                         {"needs", text_or_null(needs)},
                         {"noted", text_or_null(noted)},
                         {"inexpressible", nullptr}});
    if (!quiet)
        fmt::print("{:<18} {:<10} {:<10} {:<10} {:<6}{}\n", bug.id, cells[0], cells[1], cells[2], needs,
                   needs == noted ? "" : "  (its file says " + noted + ")");
}

/// Every bug under every memory model. A bug that only `weak` shows needs a machine that reorders more than a store and a later load.
exit_code print_memory_table(const std::vector<exhibit>& all, const museum_options& options) {
    const bool silent = quiet(options);
    const estimate progress(all.size());
    visit seen;
    if (!silent)
        fmt::print("{:<18} {:<10} {:<10} {:<10} {:<6}\n", "bug", "sc", "tso", "weak", "needs");
    end_on_signals();
    for (const exhibit& bug : all) {
        if (!bug.inexpressible().empty()) {
            if (!silent)
                fmt::print("{:<18} not expressible\n", bug.id);
            seen.bugs.push_back({{"id", bug.id},
                                 {"found", nullptr},
                                 {"needs", nullptr},
                                 {"noted", nullptr},
                                 {"inexpressible", bug.inexpressible()}});
            continue;
        }
        status_line status;
        const std::vector<memory_finding> findings = examine_memory(
            bug, options.budget, on_status_line(bug, status, progress.place(seen.bugs.size())));
        status.clear();
        if (interrupted())
            seen.not_run.push_back(bug.id);
        else
            add_memory_row(bug, findings, silent, seen);
        std::fflush(stdout);
    }
    if (!silent)
        fmt::print("-: no failure in the default search; (time): cut short by --seconds. tso here allows a "
                   "little more than TSO: two threads\n"
                   "may disagree about the order of stores by two others.\n");
    return conclude(seen, options);
}

void print_row(const exhibit& bug, const exhibit_result& result) {
    const std::string reason = bug.inexpressible();
    fmt::print("{:<18} {:<14} {:<10} {:>11} {:>8.2f}  {}\n", bug.id, bug.note("commit"),
               result.broken.found_by, grouped(result.broken.executions), result.broken.seconds,
               reason.empty() ? outcome_text(result) : "not expressible: " + reason);
    std::fflush(stdout);
}

struct museum_counts {
    std::size_t found = 0;
    std::size_t survived = 0;
    std::size_t inexpressible = 0;
    std::size_t cut_off = 0;
};

std::string count_text(const museum_counts& counts, std::size_t all) {
    std::string text =
        fmt::format("{} of {} bugs found, each gone with its fix; {} survived, {} not expressible",
                    counts.found, all, counts.survived, counts.inexpressible);
    if (counts.cut_off != 0)
        text += fmt::format("; {} searched until cut off only, see --fixed-seconds",
                            counts.cut_off == 1 ? "1 fix was" : fmt::format("{} fixes were", counts.cut_off));
    return text;
}

std::string digest_of(const visit& seen, const museum_counts& counts, std::size_t all) {
    const char* verdict = "pass";
    if (seen.tool_failed)
        verdict = "error";
    else if (seen.wrong)
        verdict = "fail";
    else if (!seen.not_run.empty())
        verdict = "inconclusive";
    digest text;
    text.head.push_back(fmt::format("daxtorture museum: {}", verdict));
    text.head.push_back(count_text(counts, all));
    for (const junit_case& one : seen.cases)
        for (const std::vector<junit_problem>* problems : {&one.errors, &one.failures})
            for (const junit_problem& problem : *problems)
                text.problems.push_back(one.name + ": " + problem.message);
    if (!seen.not_run.empty())
        text.tail.push_back(counted(seen.not_run.size(), "bug") + " not run: a signal came before");
    return digest_text(text);
}

exit_code print_museum(const std::vector<exhibit>& all, const museum_options& options) {
    const bool silent = quiet(options);
    const estimate progress(all.size());
    visit seen;
    museum_counts counts;
    if (!silent)
        fmt::print("{:<18} {:<14} {:<10} {:>11} {:>8}  {}\n", "bug", "commit", "found by", "executions",
                   "seconds", "invariant and cause");
    end_on_signals();
    for (const exhibit& bug : all) {
        exhibit_result result;
        if (bug.inexpressible().empty()) {
            status_line status;
            result =
                examine(bug, options.budget, on_status_line(bug, status, progress.place(seen.bugs.size())));
            if (interrupted() && !result.ended()) {
                seen.not_run.push_back(bug.id);
                continue;
            }
            counts.found += result.found() ? 1 : 0;
            counts.survived += result.survived() ? 1 : 0;
            counts.cut_off += result.fixed_cut_off ? 1 : 0;
            seen.tool_failed = seen.tool_failed || !result.tool_failure.empty();
        } else {
            ++counts.inexpressible;
        }
        seen.bugs.push_back(json_of(bug, result));
        seen.cases.push_back(case_of(bug, result));
        if (!options.html.empty())
            std::ranges::move(cells_of(bug, result), std::back_inserter(seen.cells));
        if (!silent)
            print_row(bug, result);
    }
    seen.wrong = counts.survived != 0;
    if (options.summary)
        fmt::print("{}", digest_of(seen, counts, all.size()));
    else if (!silent)
        fmt::print("{}\n", count_text(counts, all.size()));
    return conclude(seen, options);
}

} // namespace

exit_code run_museum(const museum_options& options) {
    const std::vector<exhibit> all = exhibits(options.bugs);
    if (options.list)
        return list(all, options);
    return options.memory_table ? print_memory_table(all, options) : print_museum(all, options);
}

} // namespace daxtorture::cli
