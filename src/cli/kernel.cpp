#include "cli/kernel.hpp"

#include "jobs/child_process.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/output.hpp"
#include "jobs/paths.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"
#include "run/failure_json.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace daxtorture::cli {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

fs::path cache_directory() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const fs::path base = cache != nullptr && *cache != '\0'
                              ? fs::path(cache)
                              : fs::path(home != nullptr ? home : "/tmp") / ".cache";
    return base / "daxtorture" / "kernel";
}

/// Runs the build script; its last line. Progress goes to the status line.
json ask_build(const char* what, const std::string& tree) {
    child_process build("/usr/bin/env", "",
                        {"python3", (kernel_directory() / "build.py").string(), what, tree,
                         cache_directory().string(), kernel_host_archive().string()});
    status_line status;
    json last;
    for (bool more = true; more;) {
        pollfd wait{build.output(), POLLIN, 0};
        poll(&wait, 1, 200);
        if (interrupted()) {
            build.stop();
            throw stopped_by_signal();
        }
        more = build.read_more();
        while (const auto line = build.next_line()) {
            last = json::parse(*line, nullptr, false);
            if (last.is_object() && last.value("type", "") == "progress")
                status.show("building the kernel machine: " + last.value("text", ""));
        }
    }
    build.wait();
    if (!last.is_object())
        throw std::runtime_error("the build script of the kernel machine gave no answer");
    return last;
}

struct kernel_tree {
    std::string program, sites, release, hash, preset;
};

kernel_tree build_machine(const std::string& directory) {
    const json built = ask_build("build", directory);
    if (built.value("type", "") != "result") {
        const std::string log = built.value("log", "");
        const std::string message =
            built.value("message", "the build failed") + (log.empty() ? "" : " (log: " + log + ")");
        if (log.empty())
            throw usage_error(message);
        throw std::runtime_error(message);
    }
    return {built["program"], built["sites"], built["release"], built["hash"],
            built["one_based"].get<bool>() ? "v6.12" : "v6.15"};
}

/// What came of one scenario on the tree.
struct kernel_verdict {
    program what;
    std::string unsupported; ///< why it cannot run there
    scenario_verdict verdict;
    std::vector<std::string> warnings;
    int bound_done = -1;
};

json request_of(const program& what, const kernel_tree& tree, const kernel_options& options) {
    json request{{"kind", options.plan.empty() ? "search" : "plan"},
                 {"scenario", print(what)},
                 {"file", what.name},
                 {"sites", tree.sites},
                 {"memory", options.memory},
                 {"scheduler", options.scheduler},
                 {"bound", options.bound},
                 {"depth", options.depth},
                 {"seed", options.seed},
                 {"seconds", options.seconds}};
    if (options.iterations != 0)
        request["iterations"] = options.iterations;
    if (!options.plan.empty()) {
        std::ifstream file(options.plan);
        if (!file)
            throw usage_error(options.plan + ": cannot be read");
        request["plan"] = std::string(std::istreambuf_iterator<char>(file), {});
        request["plan_file"] = options.plan;
    }
    return request;
}

std::string note_of(const json& answer, const kernel_verdict& v, const kernel_options& options) {
    if (!options.plan.empty()) {
        if (answer["left_at"].is_null())
            return "the plan was followed to its end";
        return fmt::format("the plan was left at line {}: {}", answer["left_line"].get<unsigned>(),
                           answer["left_at"].get<std::string>());
    }
    if (v.verdict.verdict == verdict_kind::fail)
        return "found by " + answer.value("found_by", "");
    if (v.verdict.exhaustive)
        return fmt::format("all schedules with at most {} preemptions", options.bound);
    return fmt::format("the time ended first{}",
                       v.bound_done >= 0 ? fmt::format("; all with at most {} preemptions", v.bound_done)
                                         : "");
}

void take_answer(kernel_verdict& v, const json& answer, const kernel_options& options) {
    scenario_verdict& r = v.verdict;
    r.executions = answer.value("executions", 0u);
    r.seconds = answer.value("seconds", 0.0);
    r.exhaustive = answer.value("exhausted", false);
    r.scheduler = options.plan.empty() ? answer.value("found_by", "") : "plan";
    v.bound_done = answer.value("bound_done", -1);
    v.warnings = answer.value("warnings", std::vector<std::string>{});
    if (!answer["failure"].is_null())
        r.found = decode_failure(nlohmann::json::parse(answer["failure"].dump()));
    const bool whole = options.plan.empty()
                           ? r.exhaustive || options.scheduler == "pct" || options.scheduler == "uniform"
                           : answer["left_at"].is_null();
    r.verdict = r.found.kind != failure_kind::none ? verdict_kind::fail
                : whole                            ? verdict_kind::pass
                                                   : verdict_kind::inconclusive;
    r.note = note_of(answer, v, options);
}

/// A failure is known when the scenario documents one of the protocol that the tree has.
bool is_documented(const kernel_verdict& v) {
    const auto expected = expectation_of(v.what);
    return v.verdict.verdict == verdict_kind::fail && expected && expected->verdict == verdict_kind::fail &&
           (expected->invariant == invariant::none || expected->invariant == v.verdict.found.invariant);
}

kernel_verdict run_scenario(const program& what, const kernel_tree& tree, const kernel_options& options) {
    kernel_verdict v;
    v.what = what;
    v.verdict.name = what.name;
    v.verdict.protocol = tree.release;
    v.verdict.memory = options.memory;
    child_process machine(tree.program, request_of(what, tree, options).dump(), {});
    json last;
    for (bool more = true; more && !interrupted();) {
        pollfd wait{machine.output(), POLLIN, 0};
        poll(&wait, 1, 200);
        more = machine.read_more();
        while (const auto line = machine.next_line())
            last = json::parse(*line, nullptr, false);
    }
    if (interrupted()) {
        machine.kill_now();
        v.verdict.note = "stopped by a signal";
        return v;
    }
    const int code = machine.wait();
    const std::string type = last.is_object() ? last.value("type", "") : "";
    if (type == "unsupported") {
        v.unsupported = last.value("message", "");
    } else if (type == "result") {
        take_answer(v, last, options);
        v.verdict.known_finding = is_documented(v);
    } else if (type == "error" && code == 2) {
        throw usage_error(last.value("message", ""));
    } else {
        v.verdict.verdict = verdict_kind::fail;
        v.verdict.found.kind = failure_kind::tool;
        v.verdict.found.cause = type == "error" ? last.value("message", "")
                                                : fmt::format("the kernel machine ended with code {}", code);
    }
    return v;
}

std::string place_of(const failure& f) {
    for (const std::string& text : {f.cause})
        if (const std::size_t at = text.find(" at ");
            at != std::string::npos && text.find(':', at) != std::string::npos)
            return text.substr(at + 4, text.find(" in ", at) - at - 4);
    for (auto e = f.events.rbegin(); e != f.events.rend(); ++e)
        if (!e->file.empty())
            return fmt::format("{}:{}", e->file, e->line);
    return "";
}

json result_json(const kernel_tree& tree, const std::vector<kernel_verdict>& all,
                 const kernel_options& options) {
    json document{{"version", 1},
                  {"tree", {{"release", tree.release}, {"hash", tree.hash}}},
                  {"scenarios", json::array()}};
    for (const kernel_verdict& v : all) {
        const scenario_verdict& r = v.verdict;
        const bool failed = v.unsupported.empty() && r.verdict == verdict_kind::fail;
        json one{{"name", r.name}, {"verdict", v.unsupported.empty() ? name(r.verdict) : "unsupported"}};
        one["invariant"] =
            failed && r.found.invariant != invariant::none ? json(name(r.found.invariant)) : json();
        one["kind"] = failed ? json(name(r.found.kind)) : json();
        one["cause"] = failed ? json(r.found.cause) : json();
        one["place"] = failed && !place_of(r.found).empty() ? json(place_of(r.found)) : json();
        one["warnings"] = v.warnings;
        one["schedules"] = r.executions;
        one["seconds"] = r.seconds;
        one["exhaustive"] = r.exhaustive;
        one["bound"] = v.bound_done >= 0 ? json(v.bound_done) : json();
        const auto expected = expectation_of(v.what);
        one["model_verdict"] = expected ? json(name(expected->verdict)) : json();
        one["known"] = r.known_finding;
        one["note"] = v.unsupported.empty() ? r.note : v.unsupported;
        document["scenarios"].push_back(one);
    }
    (void)options;
    return document;
}

void print_verdict(const kernel_verdict& v, std::size_t width) {
    if (!v.unsupported.empty()) {
        fmt::print("{:<12}  {:<{}}  {}\n", "not run", v.verdict.name, width, v.unsupported);
        return;
    }
    fmt::print("{}\n", verdict_line(v.verdict, {width, false, colours_on_stdout()}));
    for (const std::string& warning : v.warnings)
        fmt::print("    warning of the kernel: {}\n", warning);
    if (v.verdict.verdict == verdict_kind::fail) {
        ladder_options look;
        look.colour = colours_on_stdout();
        fmt::print("\n{}\n", failure_text(v.verdict.found, v.what, look));
    }
    std::fflush(stdout);
}

exit_code run_doctor(const std::string& directory) {
    const json answer = ask_build("doctor", directory);
    const auto problems = answer.value("problems", std::vector<std::string>{});
    if (problems.empty()) {
        fmt::print("{}: kernel {}: nothing is missing\n", directory, answer.value("release", "?"));
        return exit_code::pass;
    }
    for (const std::string& problem : problems)
        fmt::print("{}\n", problem);
    return exit_code::usage;
}

} // namespace

exit_code run_kernel(const kernel_options& options) {
    end_on_signals();
    std::vector<std::string> targets = options.targets;
    if (!targets.empty() && targets.front() == "doctor")
        return run_doctor(options.tree);
    std::vector<program> programs = load_scenarios(targets);
    if (!options.plan.empty() && programs.size() != 1)
        throw usage_error("--plan needs exactly one scenario");
    const kernel_tree tree = build_machine(options.tree);
    std::size_t width = 0;
    for (program& what : programs) {
        width = std::max(width, what.name.size());
        override_rules(what, tree.preset, {});
    }
    const bool quiet = options.json == "-";
    std::vector<kernel_verdict> all;
    std::vector<scenario_verdict> verdicts;
    status_line status;
    for (const program& what : programs) {
        if (interrupted())
            break;
        status.show(fmt::format("[{}/{}] {}", all.size() + 1, programs.size(), what.name));
        all.push_back(run_scenario(what, tree, options));
        if (all.back().unsupported.empty())
            verdicts.push_back(all.back().verdict);
        status.clear();
        if (!quiet)
            print_verdict(all.back(), width);
    }
    if (!options.json.empty())
        write_result(options.json, result_json(tree, all, options).dump(2) + "\n");
    if (interrupted() || verdicts.empty())
        return exit_code::inconclusive;
    const exit_code code = exit_code_of(verdicts);
    if (options.bisect && code != exit_code::pass && code != exit_code::violation)
        return exit_code::bisect_skip;
    return code;
}

} // namespace daxtorture::cli
