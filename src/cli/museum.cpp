/// The museum: every known bug must be found, by the invariant that its file names, and must be gone with its fix.
#include "cli/commands.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/judgement.hpp"
#include "jobs/output.hpp"
#include "jobs/paths.hpp"
#include "jobs/portfolio.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "base/suggest.hpp"
#include "report/text.hpp"
#include "run/verdict.hpp"
#include "scenario/library.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace daxtorture::cli {
namespace {

/// How long a fixed protocol is searched, unless the command line says. Most are searched to the end of the default plan in less; the rest
/// would take a minute each, and say that they were cut off.
constexpr double default_fixed_seconds = 5;

std::string note(const program& what, std::string_view key) {
    for (const auto& [name, text] : what.notes)
        if (name == key)
            return text;
    return "";
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

struct exhibit {
    program what;
    std::string file; ///< "bug-08"
    bool matches(const std::string& id) const {
        return lower(id) == lower(note(what, "bug")) || lower(id) == file;
    }
};

struct exhibit_result {
    std::string id, bug, commit;               ///< "bug-23-order", "BUG-23"
    std::string inexpressible;                 ///< why the model cannot bring the bug back; empty: it can
    std::string tool_failure;                  ///< of either search: nothing was learnt
    bool caught = false;                       ///< the broken protocol fails
    bool right = false;                        ///< ... by the invariant that was expected
    bool fixed_passes = false;                 ///< the fixed protocol does not fail
    bool fixed_cut_off = false;                ///< ... but its search was not done when its time was over
    std::vector<std::string> fixed_never_done; ///< ... but operations did nothing, so that it shows nothing
    portfolio_result broken, fixed;
    invariant expected_invariant = invariant::none;
    bool found() const { return caught && right && fixed_passes && fixed_never_done.empty(); }
    bool ended() const { return !inexpressible.empty() || !(broken.interrupted || fixed.interrupted); }
    bool survived() const { return inexpressible.empty() && tool_failure.empty() && !found(); }
};

std::vector<std::string_view> ids_of(const std::vector<exhibit>& all) {
    std::vector<std::string_view> ids;
    for (const exhibit& one : all)
        ids.push_back(one.file);
    return ids;
}

std::vector<exhibit> exhibits(const std::vector<std::string>& wanted) {
    std::vector<exhibit> all;
    for (const std::filesystem::path& file : museum_files()) {
        parse_result parsed = load_scenario(file);
        if (!parsed)
            throw usage_error(parsed.error.text());
        all.push_back({std::move(*parsed.value), file.stem().string()});
    }
    for (const std::string& id : wanted)
        if (std::none_of(all.begin(), all.end(), [&](const exhibit& one) { return one.matches(id); }))
            throw usage_error("no bug '" + id + "' in the museum" + did_you_mean(id, ids_of(all)) +
                              "; `daxtorture museum --list` lists them");
    if (!wanted.empty())
        std::erase_if(all, [&](const exhibit& one) {
            return std::none_of(wanted.begin(), wanted.end(),
                                [&](const std::string& id) { return one.matches(id); });
        });
    return all;
}

/// The rule values that bring the fix: words of the note "fixed".
std::vector<std::string> fix_of(const program& what) {
    std::istringstream words(note(what, "fixed"));
    std::vector<std::string> rules;
    for (std::string word; words >> word;)
        rules.push_back(word);
    return rules;
}

portfolio_result search(const exhibit& one, const program& what, double seconds, unsigned jobs,
                        status_line& status, const char* stage, const std::string& under = "") {
    search_options options;
    options.seconds = seconds;
    options.jobs = jobs;
    const std::string memory = !under.empty() ? under : what.memory.empty() ? "weak" : what.memory;
    return search_scenario(what, memory, options, [&](const std::string& progress) {
        status.show(fmt::format("{} {}: {}", one.file, stage, progress));
    });
}

bool tool_failed(exhibit_result& result, const failure& found) {
    if (found.kind == failure_kind::tool)
        result.tool_failure = found.cause;
    return found.kind == failure_kind::tool;
}

exhibit_result examine(const exhibit& one, const museum_options& options, status_line& status) {
    exhibit_result result;
    result.id = one.file;
    result.bug = note(one.what, "bug");
    result.commit = note(one.what, "commit");
    result.inexpressible = note(one.what, "inexpressible");
    if (!result.inexpressible.empty())
        return result;
    if (const auto expected = expectation_of(one.what))
        result.expected_invariant = expected->invariant;
    result.broken = search(one, one.what, options.seconds, options.jobs, status, "broken");
    if (tool_failed(result, result.broken.found))
        return result;
    result.caught = result.broken.found.kind != failure_kind::none;
    result.right = result.expected_invariant == invariant::none ||
                   result.broken.found.invariant == result.expected_invariant;
    program fixed = one.what;
    override_rules(fixed, "", fix_of(one.what));
    const double fixed_seconds =
        options.fixed_seconds > 0 ? options.fixed_seconds : std::min(options.seconds, default_fixed_seconds);
    result.fixed = search(one, fixed, fixed_seconds, options.jobs, status, "fixed");
    if (tool_failed(result, result.fixed.found))
        return result;
    result.fixed_passes = result.fixed.found.kind == failure_kind::none;
    result.fixed_cut_off = result.fixed_passes && !result.fixed.complete;
    if (result.fixed_passes && !result.fixed_cut_off)
        result.fixed_never_done = never_done(fixed, result.fixed.counts);
    return result;
}

std::string outcome_text(const exhibit_result& r) {
    if (!r.inexpressible.empty())
        return "not expressible: " + r.inexpressible;
    if (!r.tool_failure.empty())
        return "TOOL FAILURE: " + r.tool_failure;
    if (!r.caught)
        return "NOT FOUND";
    if (!r.right)
        return fmt::format("{}, expected {}", short_name(r.broken.found), name(r.expected_invariant));
    if (!r.fixed_passes)
        return short_name(r.broken.found) +
               ", but the fixed protocol fails too: " + short_name(r.fixed.found);
    std::string text = short_name(r.broken.found);
    if (!r.fixed_never_done.empty())
        return text +
               ", but with its fix never done: " + fmt::format("{}", fmt::join(r.fixed_never_done, "; "));
    if (r.fixed_cut_off)
        text += fmt::format("; its fix: search cut off after {:.2f} s and {} executions", r.fixed.seconds,
                            grouped(r.fixed.executions));
    return text;
}

/// Nothing when the fix was not searched.
const char* fixed_verdict(const exhibit_result& r) {
    if (!r.inexpressible.empty() || !r.tool_failure.empty())
        return "";
    return name(!r.fixed_passes                                  ? verdict_kind::fail
                : r.fixed_cut_off || !r.fixed_never_done.empty() ? verdict_kind::inconclusive
                                                                 : verdict_kind::pass);
}

nlohmann::json text_or_null(const std::string& text) {
    return text.empty() || text == "none" || text == "-" ? nlohmann::json() : nlohmann::json(text);
}

nlohmann::json invariant_or_null(invariant broken) {
    return broken == invariant::none ? nlohmann::json() : nlohmann::json(name(broken));
}

nlohmann::json json_of(const exhibit_result& r) {
    return {{"id", r.id},
            {"bug", text_or_null(r.bug)},
            {"commit", text_or_null(r.commit)},
            {"found", r.found()},
            {"engine", text_or_null(r.broken.found_by.empty() ? "" : "check, " + r.broken.found_by)},
            {"executions", r.broken.executions},
            {"seconds", r.broken.seconds},
            {"invariant", invariant_or_null(r.broken.found.invariant)},
            {"expected_invariant", invariant_or_null(r.expected_invariant)},
            {"cause", text_or_null(r.broken.found.cause)},
            {"inexpressible", text_or_null(r.inexpressible)},
            {"tool_failure", text_or_null(r.tool_failure)},
            {"fixed_passes", r.fixed_passes},
            {"fixed_verdict", text_or_null(fixed_verdict(r))},
            {"fixed_never_done", r.fixed_never_done},
            {"fixed_executions", r.fixed.executions},
            {"fixed_seconds", r.fixed.seconds}};
}

void list(const std::vector<exhibit>& all, const museum_options& options) {
    nlohmann::json bugs = nlohmann::json::array();
    for (const exhibit& one : all) {
        nlohmann::json entry{{"id", one.file}};
        for (const char* key : {"bug", "commit", "story", "needs", "fixed", "inexpressible"})
            entry[key] = text_or_null(note(one.what, key));
        bugs.push_back(std::move(entry));
        if (options.json != "-")
            fmt::print("{:<18} {:<14} needs {:<5} {}\n", one.file, note(one.what, "commit"),
                       note(one.what, "needs"), note(one.what, "story"));
    }
    if (!options.json.empty())
        write_result(options.json, nlohmann::json{{"version", 1}, {"bugs", bugs}}.dump(2));
}

/// Tells and writes what is left to say after the last row.
exit_code conclude(const nlohmann::json& bugs, const std::vector<std::string>& not_run,
                   const museum_options& options, bool wrong, bool tool_failed) {
    if (!not_run.empty() && options.json != "-")
        fmt::print("stopped by a signal; not or not fully run: {}\n", fmt::join(not_run, ", "));
    if (!options.json.empty())
        write_result(options.json,
                     nlohmann::json{{"version", 1}, {"bugs", bugs}, {"not_run", not_run}}.dump(2));
    if (tool_failed)
        return exit_code::tool_failed;
    if (wrong)
        return exit_code::violation;
    return not_run.empty() ? exit_code::pass : exit_code::inconclusive;
}

/// Every bug under every memory model. A bug that only `weak` shows needs a machine that reorders more than a store and a later load.
exit_code print_memory_table(const std::vector<exhibit>& all, const museum_options& options) {
    const bool quiet = options.json == "-";
    nlohmann::json bugs = nlohmann::json::array();
    if (!quiet)
        fmt::print("{:<18} {:<10} {:<10} {:<10} {:<6}\n", "bug", "sc", "tso", "weak", "needs");
    bool wrong = false;
    bool tool_failed = false;
    std::vector<std::string> not_run;
    end_on_signals();
    for (const exhibit& one : all) {
        if (!note(one.what, "inexpressible").empty()) {
            if (!quiet)
                fmt::print("{:<18} not expressible\n", one.file);
            bugs.push_back({{"id", one.file},
                            {"found", nullptr},
                            {"needs", nullptr},
                            {"noted", nullptr},
                            {"inexpressible", note(one.what, "inexpressible")}});
            continue;
        }
        status_line status;
        nlohmann::json found;
        std::vector<std::string> cells;
        std::string needs;
        for (const std::string memory : {"sc", "tso", "weak"}) {
            const portfolio_result r =
                search(one, one.what, options.seconds, options.jobs, status, memory.c_str(), memory);
            const bool broke = r.found.kind == failure_kind::tool;
            const bool fails = r.found.kind != failure_kind::none && !broke;
            tool_failed = tool_failed || broke;
            cells.push_back(broke ? "TOOL" : fails ? name(r.found.invariant) : r.complete ? "-" : "- (time)");
            found[memory] = broke ? nlohmann::json() : nlohmann::json(fails);
            if (fails && needs.empty())
                needs = memory;
        }
        status.clear();
        if (interrupted()) {
            not_run.push_back(one.file);
            continue;
        }
        wrong = wrong || needs != note(one.what, "needs");
        bugs.push_back({{"id", one.file},
                        {"found", found},
                        {"needs", text_or_null(needs)},
                        {"noted", text_or_null(note(one.what, "needs"))},
                        {"inexpressible", nullptr}});
        if (!quiet)
            fmt::print(
                "{:<18} {:<10} {:<10} {:<10} {:<6}{}\n", one.file, cells[0], cells[1], cells[2], needs,
                needs == note(one.what, "needs") ? "" : "  (its file says " + note(one.what, "needs") + ")");
        std::fflush(stdout);
    }
    if (!quiet)
        fmt::print("-: no failure in the default search; (time): cut short by --seconds. tso here allows a "
                   "little more than TSO: two threads\n"
                   "may disagree about the order of stores by two others.\n");
    return conclude(bugs, not_run, options, wrong, tool_failed);
}

} // namespace

exit_code run_museum(const museum_options& options) {
    const std::vector<exhibit> all = exhibits(options.bugs);
    if (options.list) {
        list(all, options);
        return exit_code::pass;
    }
    if (options.memory_table)
        return print_memory_table(all, options);
    const bool quiet = options.json == "-";
    if (!quiet)
        fmt::print("{:<18} {:<14} {:<10} {:>11} {:>8}  {}\n", "bug", "commit", "found by", "executions",
                   "seconds", "invariant and cause");
    nlohmann::json bugs = nlohmann::json::array();
    std::size_t survivors = 0;
    std::size_t found = 0;
    std::size_t cut_off = 0;
    std::size_t tool_failures = 0;
    end_on_signals();
    std::vector<std::string> not_run;
    for (const exhibit& one : all) {
        status_line status;
        const exhibit_result result = examine(one, options, status);
        status.clear();
        if (interrupted() && !result.ended()) {
            not_run.push_back(one.file);
            continue;
        }
        survivors += result.survived() ? 1 : 0;
        found += result.found() ? 1 : 0;
        cut_off += result.fixed_cut_off ? 1 : 0;
        tool_failures += result.tool_failure.empty() ? 0 : 1;
        bugs.push_back(json_of(result));
        if (!quiet)
            fmt::print("{:<18} {:<14} {:<10} {:>11} {:>8.2f}  {}\n", one.file, result.commit,
                       result.broken.found_by, grouped(result.broken.executions), result.broken.seconds,
                       outcome_text(result));
        std::fflush(stdout);
    }
    if (!quiet)
        fmt::print("{} of {} bugs found, each gone with its fix; {} survived, {} not expressible{}\n", found,
                   all.size(), survivors, all.size() - found - survivors - not_run.size() - tool_failures,
                   cut_off == 0
                       ? ""
                       : fmt::format("; {} searched until cut off only, see --fixed-seconds",
                                     cut_off == 1 ? "1 fix was" : fmt::format("{} fixes were", cut_off)));
    return conclude(bugs, not_run, options, survivors != 0, tool_failures != 0);
}

} // namespace daxtorture::cli
