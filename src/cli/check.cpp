#include "cli/commands.hpp"
#include "jobs/arch.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/judgement.hpp"
#include "jobs/output.hpp"
#include "jobs/portfolio.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "report/digest.hpp"
#include "report/json.hpp"
#include "report/junit.hpp"
#include "report/text.hpp"
#include "report/verdicts_html.hpp"
#include "scenario/known.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"
#include "search/strategies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>

namespace daxtorture::cli {
namespace {

constexpr double shrink_seconds = 10;
constexpr std::uint64_t random_executions_of_many =
    10'000; ///< of each random phase, when everything is checked
constexpr const char* not_begun_note = "not begun: a signal came before";

std::string memory_of(const program& what, const check_options& options) {
    if (!options.memory_from_arch.empty())
        return memory_of_arch(arch_named(options.memory_from_arch));
    if (!options.memory.empty())
        return options.memory;
    return what.memory.empty() ? memory_of_arch(what.world.machine) : what.memory;
}

/// A scenario to check, and what its file expected before --rule changed the protocol.
struct checked {
    program what;
    std::optional<expectation> documented; ///< of an unmodified preset
    std::string documented_cause;          ///< how its cause begins: the file's note "cause"
    std::string page;                      ///< that describes it: the file's note "finding"
};

checked prepare(program what, const check_options& options) {
    checked one{std::move(what), {}, {}, {}};
    override_arch(one.what, options.arch);
    override_rules(one.what, options.protocol, {});
    if (one.what.rules.empty())
        one.documented = expectation_of(one.what);
    for (const auto& [key, text] : one.what.notes) {
        if (key == "cause")
            one.documented_cause = text;
        if (key == "finding")
            one.page = text;
    }
    override_rules(one.what, options.protocol, options.rules);
    return one;
}

/// Does the file itself document this failure, of a protocol as it stands?
bool is_known(const checked& one, const failure& found) {
    return one.documented && one.documented->expects_failure_of(found.invariant) &&
           found.cause.starts_with(one.documented_cause);
}

/// Of several pages that a known failure looks like, the file says which.
std::string finding_of(const checked& one, const scenario_verdict& verdict) {
    std::string pages = findings_like(one.what, verdict.found.invariant, verdict.found.cause);
    const bool named = verdict.known_finding && pages.find(one.page) != std::string::npos;
    return named && !one.page.empty() ? one.page : pages;
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

/// All scenarios of one command, one after the other, each told when it is done.
class check_run {
  public:
    check_run(const check_options& options, std::vector<checked> all)
        : options_(options), all_(std::move(all)),
          quiet_(options.json == "-" || options.junit == "-" || options.html == "-" || options.summary),
          estimate_(all_.size()) {
        for (const checked& one : all_)
            widest_ = std::max(widest_, one.what.name.size());
    }

    /// What is done stays told, also when an exception ends it.
    const std::vector<scenario_verdict>& verdicts() const { return verdicts_; }
    const std::vector<html_verdict>& cells() const { return cells_; }

    void run() {
        for (const checked& one : all_)
            verdicts_.push_back(interrupted() ? not_begun(one) : check(one));
        if (!quiet_ && verdicts_.size() > 1)
            fmt::print("{}\n", count_text(verdicts_));
    }

  private:
    scenario_verdict not_begun(const checked& one) const {
        scenario_verdict v =
            judge(one.what, memory_of(one.what, options_), portfolio_result{}, options_.search);
        v.note = not_begun_note;
        return v;
    }

    scenario_verdict check(const checked& one) {
        const program& what = one.what;
        const std::string memory = memory_of(what, options_);
        const std::string place = estimate_.place(verdicts_.size()) + what.name + ": ";
        status_line status;
        const portfolio_result result = with_usable_setup(what, [&] {
            return search_scenario(what, memory, options_.search,
                                   [&](const std::string& progress) { status.show(place + progress); });
        });
        scenario_verdict verdict = judge(what, memory, result, options_.search);
        kept_failure kept;
        if (verdict.verdict == verdict_kind::fail) {
            verdict.known_finding = is_known(one, verdict.found);
            verdict.finding = finding_of(one, verdict);
            status.show(place + "found after " + counted(result.executions, "execution") + ", shrinking");
            kept = keep(what, memory, result, verdict);
        }
        status.clear();
        tell(verdict, kept);
        if (!options_.html.empty())
            cells_.push_back(cell(one.what, verdict, kept));
        return verdict;
    }

    /// A known finding is kept as it was found: nobody is going to look at it, and shrinking takes longer than finding.
    kept_failure keep(const program& what, const std::string& memory, const portfolio_result& result,
                      const scenario_verdict& verdict) const {
        const bool shown = !verdict.known_finding || options_.show_known;
        told_failure told = options_.shrink && shown && !interrupted()
                                ? shrink_failure(what, memory, result.found, shrink_seconds)
                                : failure_as_found(what, memory, result.found);
        told.kept.scheduler = result.found_by;
        told.kept.seed = options_.search.seed;
        told.kept.execution = result.found_at;
        kept_failure kept = keep_failure(told, verdict, options_.out, screen_look());
        if (!shown && kept.problem.empty())
            kept.report.clear();
        return kept;
    }

    /// For the page: the report as the bundle has it, and the program.
    static html_verdict cell(const program& what, const scenario_verdict& verdict, const kept_failure& kept) {
        html_verdict cell = cell_of(verdict);
        if (verdict.verdict != verdict_kind::fail)
            return cell;
        cell.report = failure_text(verdict.found, what);
        cell.program = print(what);
        if (kept.bundle.empty())
            return cell;
        std::ifstream report(kept.bundle / "report.txt", std::ios::binary);
        cell.report.assign(std::istreambuf_iterator<char>(report), {});
        cell.next = "daxtorture explain " + kept.bundle.string();
        return cell;
    }

    void tell(const scenario_verdict& verdict, const kept_failure& kept) const {
        if (!quiet_) {
            fmt::print("{}\n", verdict_line(verdict, {widest_, options_.verbose, colours_on_stdout()}));
            if (verdict.covered)
                fmt::print("{}", coverage_text(*verdict.covered));
            if (!kept.report.empty() && kept.problem.empty())
                fmt::print("\n{}\n", kept.report);
            std::fflush(stdout);
        }
        tell_unkept(kept);
    }

    const check_options& options_;
    std::vector<checked> all_;
    const bool quiet_;
    const estimate estimate_;
    std::size_t widest_ = 0;
    std::vector<scenario_verdict> verdicts_;
    std::vector<html_verdict> cells_;
};

/// What `git bisect run` understands: 0 good, 1 bad, 125 cannot be tested here.
exit_code for_bisect(exit_code code) {
    if (code == exit_code::pass || code == exit_code::violation)
        return code;
    return exit_code::bisect_skip;
}

/// A violation stays one when its documents cannot be written.
exit_code write_results(const check_options& options, const check_run& run) {
    const std::vector<scenario_verdict>& verdicts = run.verdicts();
    const exit_code code = exit_code_of(verdicts);
    if (options.summary)
        fmt::print("{}", verdicts_digest("check", verdicts));
    try {
        if (!options.json.empty())
            write_result(options.json, check_json(verdicts));
        if (!options.junit.empty())
            write_result(options.junit, verdicts_junit("check", verdicts));
        if (!options.html.empty())
            write_result(options.html, verdicts_html("daxtorture check", count_text(verdicts), run.cells()));
    } catch (const usage_error& problem) {
        if (code != exit_code::violation && code != exit_code::tool_failed)
            throw;
        std::fprintf(stderr, "daxtorture: %s\n", problem.what());
    }
    return code;
}

} // namespace

exit_code run_check(const check_options& options) {
    const std::vector<program> programs = load_scenarios(options.targets);
    if (options.list) {
        list(programs);
        return exit_code::pass;
    }
    std::vector<checked> all;
    for (const program& what : programs)
        all.push_back(prepare(what, options));
    end_on_signals();
    check_options plan = options;
    if (plan.targets.empty())
        plan.search.random_executions = random_executions_of_many;
    check_run run(plan, std::move(all));
    try {
        run.run();
    } catch (...) {
        if (!run.verdicts().empty())
            write_results(options, run);
        throw;
    }
    const exit_code code = write_results(options, run);
    return options.bisect ? for_bisect(code) : code;
}

} // namespace daxtorture::cli
