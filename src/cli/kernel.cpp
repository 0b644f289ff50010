#include "cli/kernel.hpp"

#include "jobs/conformance.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/output.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"
#include "scenario/parser.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace daxtorture::cli {
namespace {

using json = nlohmann::ordered_json;
using namespace jobs;

json scenario_json(const kernel_verdict& v) {
    const scenario_verdict& r = v.verdict;
    const bool failed = r.verdict == verdict_kind::fail || r.verdict == verdict_kind::error;
    const auto expected = expectation_of(v.what);
    json one{{"name", r.name}, {"verdict", v.unsupported.empty() ? name(r.verdict) : "not-run"}};
    one["invariant"] =
        failed && r.found.invariant != invariant::none ? json(name(r.found.invariant)) : json();
    one["cause"] = failed ? json(r.found.cause) : json();
    one["place"] = failed && !v.place.empty() ? json(v.place) : json();
    one["warnings"] = v.warnings;
    one["schedules"] = r.executions;
    one["seconds"] = r.seconds;
    one["exhaustive"] = r.exhaustive;
    one["bound"] = v.bound_done >= 0 ? json(v.bound_done) : json();
    one["model_verdict"] = expected ? json(name(expected->verdict)) : json();
    one["known"] = r.known_finding;
    one["finding"] = r.finding.empty() ? json() : json(r.finding);
    one["note"] = v.unsupported.empty() ? r.note : v.unsupported;
    return one;
}

std::string short_text(const scenario_verdict& v) {
    if (v.verdict != verdict_kind::fail)
        return name(v.verdict);
    return v.found.invariant == invariant::none ? v.found.cause
                                                : std::string("fail ") + name(v.found.invariant);
}

json comparison_json(const conformance_row& row) {
    const bool failed = row.model.verdict == verdict_kind::fail;
    json one{{"verdict", name(row.model.verdict)}};
    one["invariant"] = failed && row.model.found.invariant != invariant::none
                           ? json(name(row.model.found.invariant))
                           : json();
    one["executions"] = row.model.executions;
    one["agreement"] = name(row.result);
    one["reason"] = row.reason.empty() ? json() : json(row.reason);
    return one;
}

std::string result_json(const kernel_tree& tree, const std::vector<kernel_verdict>& all,
                        const std::vector<conformance_row>& compared) {
    json document{{"version", 1},
                  {"tree", {{"release", tree.release}, {"hash", tree.hash}}},
                  {"scenarios", json::array()}};
    for (std::size_t i = 0; i < all.size(); ++i) {
        document["scenarios"].push_back(scenario_json(all[i]));
        if (i < compared.size() && compared[i].result != agreement::not_run)
            document["scenarios"].back()["model"] = comparison_json(compared[i]);
    }
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::vector<scenario_verdict> judged(const std::vector<kernel_verdict>& all) {
    std::vector<scenario_verdict> ran;
    for (const kernel_verdict& v : all)
        if (v.unsupported.empty())
            ran.push_back(v.verdict);
    return ran;
}

/// Tells verdicts as they come.
class kernel_printer {
  public:
    kernel_printer(const kernel_tree& tree, const kernel_options& options) : tree_(tree), options_(options) {
        for (const program& what : options.plan.programs)
            widest_ = std::max(widest_, what.name.size());
    }

    void progress(const std::string& text) { status_.show(text); }

    void tell(const kernel_verdict& v) {
        kept_failure kept;
        if (v.verdict.verdict == verdict_kind::fail)
            kept = keep(v);
        status_.clear();
        if (options_.json != "-")
            print(v, kept);
        tell_unkept(kept);
    }

    void tell_totals(const std::vector<kernel_verdict>& all) const {
        const std::vector<scenario_verdict> ran = judged(all);
        if (options_.json == "-" || all.size() < 2)
            return;
        fmt::print("{}", count_text(ran));
        if (ran.size() != all.size())
            fmt::print("; {} not run", all.size() - ran.size());
        fmt::print("\n");
    }

  private:
    kept_failure keep(const kernel_verdict& v) const {
        told_failure told;
        told.kept = kernel_bundle(v, tree_, options_.plan.search);
        kept_failure kept = keep_failure(told, v.verdict, options_.out, screen_look());
        if (v.verdict.known_finding && !options_.show_known && kept.problem.empty())
            kept.report.clear();
        return kept;
    }

    void print(const kernel_verdict& v, const kept_failure& kept) const {
        if (!v.unsupported.empty()) {
            fmt::print("{:<12} {:<{}}  {}\n", "not run", v.verdict.name, widest_, v.unsupported);
        } else {
            fmt::print("{}\n", verdict_line(v.verdict, {widest_, options_.verbose, colours_on_stdout()}));
            for (const std::string& warning : v.warnings)
                fmt::print("  the kernel warns: {}\n", warning);
            if (!kept.report.empty() && kept.problem.empty())
                fmt::print("\n{}\n", kept.report);
        }
        std::fflush(stdout);
    }

    const kernel_tree& tree_;
    const kernel_options& options_;
    std::size_t widest_ = 0;
    status_line status_;
};

exit_code run_doctor(const std::string& directory) {
    const tree_diagnosis found = diagnose_kernel_tree(directory);
    if (found.problems.empty()) {
        fmt::print("{}: kernel {}: nothing is missing\n", directory, found.release);
        return exit_code::pass;
    }
    for (const std::string& problem : found.problems)
        fmt::print("{}\n", problem);
    return exit_code::usage;
}

/// Tells a row unless model and kernel agree.
void tell_row(const conformance_row& row, std::size_t widest) {
    if (row.result == agreement::same || row.result == agreement::not_run)
        return;
    fmt::print("{:<10} {:<{}}  model: {}; kernel: {}{}\n", name(row.result), row.kernel.name, widest,
               short_text(row.model), short_text(row.kernel), row.reason.empty() ? "" : ": " + row.reason);
    std::fflush(stdout);
}

exit_code exit_code_of_comparison(const std::vector<conformance_row>& rows) {
    exit_code worst = exit_code::pass;
    for (const conformance_row& row : rows) {
        if (row.kernel.verdict == verdict_kind::error || row.model.verdict == verdict_kind::error)
            return exit_code::tool_failed;
        if (row.result == agreement::differs || row.result == agreement::outdated)
            worst = exit_code::violation;
        else if (row.result == agreement::open && worst == exit_code::pass)
            worst = exit_code::inconclusive;
    }
    return worst;
}

std::vector<conformance_row> compare(const std::vector<kernel_verdict>& all, const kernel_options& options) {
    std::size_t widest = 0;
    for (const kernel_verdict& v : all)
        widest = std::max(widest, v.verdict.name.size());
    status_line status;
    std::vector<conformance_row> rows = compare_with_model(
        all, options.plan.search,
        [&](const conformance_row& row) {
            status.clear();
            if (options.json != "-")
                tell_row(row, widest);
        },
        [&](const std::string& text) { status.show(text); });
    status.clear();
    if (options.json == "-")
        return rows;
    std::string totals;
    for (const agreement a : {agreement::same, agreement::explained, agreement::differs, agreement::outdated,
                              agreement::open, agreement::not_run})
        totals += fmt::format("{}{} {}", totals.empty() ? "" : ", ",
                              std::ranges::count(rows, a, &conformance_row::result), name(a));
    fmt::print("model and kernel: {}\n", totals);
    return rows;
}

exit_code run_scenarios(kernel_options options) {
    const kernel_tree tree = build_kernel_machine(options.tree);
    for (program& what : options.plan.programs)
        override_rules(what, tree.preset, {});
    kernel_printer printer(tree, options);
    const std::vector<kernel_verdict> all =
        run_on_kernel(tree, options.plan,
                      {[&](const kernel_verdict& v) { printer.tell(v); },
                       [&](const std::string& text) { printer.progress(text); }});
    printer.tell_totals(all);
    const std::vector<conformance_row> compared =
        options.compare ? compare(all, options) : std::vector<conformance_row>();
    if (!options.json.empty())
        write_result(options.json, result_json(tree, all, compared));
    if (options.compare)
        return exit_code_of_comparison(compared);
    const std::vector<scenario_verdict> ran = judged(all);
    return ran.empty() ? exit_code::inconclusive : exit_code_of(ran);
}

/// What `git bisect run` understands: 0 good, 1 bad, 125 cannot be tested here.
exit_code for_bisect(exit_code code) {
    return code == exit_code::pass || code == exit_code::violation ? code : exit_code::bisect_skip;
}

} // namespace

exit_code run_kernel(const kernel_options& given) {
    end_on_signals();
    if (!given.targets.empty() && given.targets.front() == "doctor") {
        if (given.targets.size() > 1)
            throw usage_error("doctor takes no scenario: it looks at the tree alone");
        return run_doctor(given.tree);
    }
    kernel_options options = given;
    options.plan.programs = load_scenarios(given.targets);
    if (!options.plan.search.plan.empty() && options.plan.programs.size() != 1)
        throw usage_error("--plan needs exactly one scenario");
    try {
        const exit_code code = run_scenarios(std::move(options));
        return given.bisect ? for_bisect(code) : code;
    } catch (const stopped_by_signal&) {
        std::fputs("daxtorture: stopped by a signal while the kernel machine was built: nothing was run\n",
                   stderr);
        return exit_code::inconclusive;
    }
}

} // namespace daxtorture::cli
