#include "cli/kernel.hpp"

#include "cli/failure_report.hpp"
#include "cli/interrupt.hpp"
#include "cli/kernel_machine.hpp"
#include "cli/kernel_tree.hpp"
#include "cli/output.hpp"
#include "cli/scenarios.hpp"
#include "cli/terminal.hpp"

#include "report/text.hpp"
#include "scenario/parser.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>

namespace daxtorture::cli {
namespace {

using json = nlohmann::ordered_json;

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

std::string result_json(const kernel_tree& tree, const std::vector<kernel_verdict>& all) {
    json document{{"version", 1},
                  {"tree", {{"release", tree.release}, {"hash", tree.hash}}},
                  {"scenarios", json::array()}};
    for (const kernel_verdict& v : all)
        document["scenarios"].push_back(scenario_json(v));
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

/// All scenarios of one command, as many at a time as there are processors, told in their order.
class kernel_run {
  public:
    kernel_run(const kernel_tree& tree, const kernel_options& options, std::vector<program> programs)
        : tree_(tree), options_(options), programs_(std::move(programs)), quiet_(options.json == "-") {
        for (const program& what : programs_)
            widest_ = std::max(widest_, what.name.size());
    }

    const std::vector<kernel_verdict>& verdicts() const { return told_; }

    void run() {
        while (told_.size() < programs_.size() && !interrupted()) {
            start_jobs();
            wait_for_answers();
            tell_finished();
        }
        stop_jobs();
        tell_finished();
    }

    std::vector<scenario_verdict> judged() const {
        std::vector<scenario_verdict> all;
        for (const kernel_verdict& v : told_)
            if (v.unsupported.empty())
                all.push_back(v.verdict);
        return all;
    }

    void tell_totals() const {
        const std::vector<scenario_verdict> all = judged();
        if (quiet_ || told_.size() < 2)
            return;
        fmt::print("{}", count_text(all));
        if (all.size() != told_.size())
            fmt::print("; {} not run", told_.size() - all.size());
        fmt::print("\n");
    }

  private:
    /// A scenario at work, or done and not told yet.
    struct slot {
        std::optional<kernel_job> job;
        std::optional<kernel_verdict> done;
    };

    std::size_t begun() const { return told_.size() + slots_.size(); }

    void start_jobs() {
        const unsigned most =
            options_.jobs != 0 ? options_.jobs : std::max(1u, std::thread::hardware_concurrency());
        auto running =
            static_cast<unsigned>(std::ranges::count_if(slots_, [](const slot& s) { return !s.done; }));
        for (; running < most && begun() < programs_.size(); ++running)
            slots_.emplace_back().job.emplace(programs_[begun() - 1], tree_, options_);
    }

    void wait_for_answers() {
        std::vector<pollfd> outputs;
        std::string progress = fmt::format("[{}/{}]", begun(), programs_.size());
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (!slots_[i].done) {
                outputs.push_back({slots_[i].job->output(), POLLIN, 0});
                progress +=
                    fmt::format(" {} {}", programs_[told_.size() + i].name, slots_[i].job->progress());
            }
        status_.show(progress);
        poll(outputs.data(), outputs.size(), 200);
        for (slot& one : slots_)
            if (!one.done && !one.job->read_more())
                one.done = one.job->result();
    }

    void stop_jobs() {
        for (slot& one : slots_)
            if (!one.done)
                one.done = one.job->stopped();
        while (begun() < programs_.size()) {
            kernel_verdict v = kernel_verdict_of(programs_[begun()], tree_, options_.memory);
            v.verdict.note = "not begun: a signal came before";
            slots_.push_back({std::nullopt, std::move(v)});
        }
    }

    void tell_finished() {
        while (!slots_.empty() && slots_.front().done) {
            told_.push_back(std::move(*slots_.front().done));
            slots_.pop_front();
            tell(told_.back());
        }
    }

    void tell(const kernel_verdict& v) {
        kept_failure kept;
        if (v.verdict.verdict == verdict_kind::fail)
            kept = keep(v);
        status_.clear();
        if (!quiet_)
            print(v, kept);
        tell_unkept(kept);
    }

    kept_failure keep(const kernel_verdict& v) const {
        told_failure told;
        told.kept.what = v.what;
        told.kept.engine = "kernel";
        told.kept.tree = tree_.directory;
        told.kept.source_hash = tree_.hash;
        told.kept.memory = options_.memory;
        told.kept.command = own_command();
        told.kept.scheduler = v.verdict.scheduler;
        told.kept.seed = options_.seed;
        told.kept.found = v.verdict.found;
        kept_failure kept = keep_failure(told, v.verdict, options_.out, colours_on_stdout());
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
    std::vector<program> programs_;
    const bool quiet_;
    std::size_t widest_ = 0;
    std::deque<slot> slots_; ///< what was begun and not told
    std::vector<kernel_verdict> told_;
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

exit_code run_scenarios(const kernel_options& options, std::vector<program> programs) {
    const kernel_tree tree = build_kernel_machine(options.tree);
    for (program& what : programs)
        override_rules(what, tree.preset, {});
    kernel_run run(tree, options, std::move(programs));
    run.run();
    run.tell_totals();
    if (!options.json.empty())
        write_result(options.json, result_json(tree, run.verdicts()));
    const std::vector<scenario_verdict> judged = run.judged();
    return judged.empty() ? exit_code::inconclusive : exit_code_of(judged);
}

} // namespace

exit_code run_kernel(const kernel_options& options) {
    end_on_signals();
    if (!options.targets.empty() && options.targets.front() == "doctor") {
        if (options.targets.size() > 1)
            throw usage_error("doctor takes no scenario: it looks at the tree alone");
        return run_doctor(options.tree);
    }
    std::vector<program> programs = load_scenarios(options.targets);
    if (!options.plan.empty() && programs.size() != 1)
        throw usage_error("--plan needs exactly one scenario");
    try {
        const exit_code code = run_scenarios(options, std::move(programs));
        return options.bisect && code != exit_code::pass && code != exit_code::violation
                   ? exit_code::bisect_skip
                   : code;
    } catch (const stopped_by_signal&) {
        std::fputs("daxtorture: stopped by a signal while the kernel machine was built: nothing was run\n",
                   stderr);
        return exit_code::inconclusive;
    }
}

} // namespace daxtorture::cli
