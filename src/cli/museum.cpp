/// The museum: every known bug must be found, by the invariant that its file names, and must be gone with its fix.
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/paths.hpp"
#include "cli/portfolio.hpp"
#include "cli/scenarios.hpp"
#include "cli/terminal.hpp"

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
    std::string id, commit;
    std::string inexpressible;  ///< why the model cannot bring the bug back; empty: it can
    bool caught = false;        ///< the broken protocol fails
    bool right = false;         ///< ... by the invariant that was expected
    bool fixed_passes = false;  ///< the fixed protocol does not fail
    bool fixed_cut_off = false; ///< ... but its search was not done when its time was over
    portfolio_result broken, fixed;
    int expected_invariant = 0;
    bool found() const { return caught && right && fixed_passes; }
    bool ended() const { return !inexpressible.empty() || !(broken.interrupted || fixed.interrupted); }
    bool survived() const { return inexpressible.empty() && !found(); }
};

std::vector<exhibit> exhibits(const std::vector<std::string>& wanted) {
    std::vector<exhibit> all;
    for (const std::filesystem::path& file : scenarios_in(museum_directory())) {
        parse_result parsed = load_scenario(file);
        if (!parsed)
            throw usage_error(parsed.error.text());
        all.push_back({std::move(*parsed.value), file.stem().string()});
    }
    for (const std::string& id : wanted)
        if (std::none_of(all.begin(), all.end(), [&](const exhibit& one) { return one.matches(id); }))
            throw usage_error("no bug '" + id + "' in " + museum_directory().string() +
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
    check_options options;
    options.seconds = seconds;
    options.jobs = jobs;
    const std::string memory = !under.empty() ? under : what.memory.empty() ? "weak" : what.memory;
    return search_scenario(what, memory, options, [&](const std::string& progress) {
        status.show(fmt::format("{} {}: {}", one.file, stage, progress));
    });
}

exhibit_result examine(const exhibit& one, const museum_options& options, status_line& status) {
    exhibit_result result;
    result.id = note(one.what, "bug").empty() ? one.file : note(one.what, "bug");
    result.commit = note(one.what, "commit");
    result.inexpressible = note(one.what, "inexpressible");
    if (!result.inexpressible.empty())
        return result;
    if (const auto expected = expectation_of(one.what))
        result.expected_invariant = expected->invariant;
    result.broken = search(one, one.what, options.seconds, options.jobs, status, "broken");
    result.caught = result.broken.found.kind != failure_kind::none;
    result.right =
        result.expected_invariant == 0 || result.broken.found.invariant == result.expected_invariant;
    program fixed = one.what;
    override_rules(fixed, "", fix_of(one.what));
    const double fixed_seconds =
        options.fixed_seconds > 0 ? options.fixed_seconds : std::min(options.seconds, default_fixed_seconds);
    result.fixed = search(one, fixed, fixed_seconds, options.jobs, status, "fixed");
    result.fixed_passes = result.fixed.found.kind == failure_kind::none;
    result.fixed_cut_off = result.fixed_passes && !result.fixed.complete;
    return result;
}

std::string outcome_text(const exhibit_result& r) {
    if (!r.inexpressible.empty())
        return "not expressible: " + r.inexpressible;
    if (!r.caught)
        return "NOT FOUND";
    if (!r.right)
        return fmt::format("I{}, expected I{}", r.broken.found.invariant, r.expected_invariant);
    if (!r.fixed_passes)
        return fmt::format("I{}, but the fixed protocol fails too: I{} {}", r.broken.found.invariant,
                           r.fixed.found.invariant, r.fixed.found.cause);
    std::string text = fmt::format("I{} {}", r.broken.found.invariant, r.broken.found.cause);
    if (r.fixed_cut_off)
        text += fmt::format("; its fix: search cut off after {:.2f} s and {} executions", r.fixed.seconds,
                            grouped(r.fixed.executions));
    return text;
}

const char* fixed_verdict(const exhibit_result& r) {
    return name(!r.fixed_passes   ? verdict_kind::fail
                : r.fixed_cut_off ? verdict_kind::inconclusive
                                  : verdict_kind::pass);
}

nlohmann::json json_of(const exhibit_result& r) {
    return {
        {"id", r.id},
        {"commit", r.commit},
        {"found", r.found()},
        {"engine", r.broken.found_by.empty() ? "" : "check, " + r.broken.found_by},
        {"executions", r.broken.executions},
        {"seconds", r.broken.seconds},
        {"invariant", r.caught ? "I" + std::to_string(r.broken.found.invariant) : ""},
        {"expected_invariant", r.expected_invariant == 0 ? "" : "I" + std::to_string(r.expected_invariant)},
        {"cause", r.broken.found.cause},
        {"inexpressible", r.inexpressible},
        {"fixed_passes", r.fixed_passes},
        {"fixed_verdict", r.inexpressible.empty() ? nlohmann::json(fixed_verdict(r)) : nlohmann::json()},
        {"fixed_executions", r.fixed.executions},
        {"fixed_seconds", r.fixed.seconds}};
}

void list(const std::vector<exhibit>& all) {
    for (const exhibit& one : all)
        fmt::print("{:<18} {:<14} needs {:<5} {}\n", one.file, note(one.what, "commit"),
                   note(one.what, "needs"), note(one.what, "story"));
}

/// Tells and writes what is left to say after the last row.
exit_code conclude(const nlohmann::json& bugs, const std::vector<std::string>& not_run,
                   const museum_options& options, bool wrong) {
    if (!not_run.empty() && options.json != "-")
        fmt::print("stopped by a signal; not or not fully run: {}\n", fmt::join(not_run, ", "));
    if (!options.json.empty())
        write_result(options.json,
                     nlohmann::json{{"version", 1}, {"bugs", bugs}, {"not_run", not_run}}.dump(2));
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
    std::vector<std::string> not_run;
    end_on_signals();
    for (const exhibit& one : all) {
        if (!note(one.what, "inexpressible").empty()) {
            if (!quiet)
                fmt::print("{:<18} not expressible\n", one.file);
            continue;
        }
        status_line status;
        nlohmann::json found;
        std::vector<std::string> cells;
        std::string needs;
        for (const std::string memory : {"sc", "tso", "weak"}) {
            const portfolio_result r =
                search(one, one.what, options.seconds, options.jobs, status, memory.c_str(), memory);
            const bool fails = r.found.kind != failure_kind::none;
            cells.push_back(fails ? fmt::format("I{}", r.found.invariant) : r.complete ? "-" : "- (time)");
            found[memory] = fails;
            if (fails && needs.empty())
                needs = memory;
        }
        status.clear();
        if (interrupted()) {
            not_run.push_back(one.file);
            continue;
        }
        wrong = wrong || needs != note(one.what, "needs");
        bugs.push_back(
            {{"id", one.file}, {"found", found}, {"needs", needs}, {"noted", note(one.what, "needs")}});
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
    return conclude(bugs, not_run, options, wrong);
}

} // namespace

exit_code run_museum(const museum_options& options) {
    const std::vector<exhibit> all = exhibits(options.bugs);
    if (options.list) {
        list(all);
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
        bugs.push_back(json_of(result));
        if (!quiet)
            fmt::print("{:<18} {:<14} {:<10} {:>11} {:>8.2f}  {}\n", one.file, result.commit,
                       result.broken.found_by, grouped(result.broken.executions), result.broken.seconds,
                       outcome_text(result));
        std::fflush(stdout);
    }
    if (!quiet)
        fmt::print("{} of {} bugs found, each gone with its fix; {} survived, {} not expressible{}\n", found,
                   all.size(), survivors, all.size() - found - survivors - not_run.size(),
                   cut_off == 0
                       ? ""
                       : fmt::format("; {} searched until cut off only, see --fixed-seconds",
                                     cut_off == 1 ? "1 fix was" : fmt::format("{} fixes were", cut_off)));
    return conclude(bugs, not_run, options, survivors != 0);
}

} // namespace daxtorture::cli
