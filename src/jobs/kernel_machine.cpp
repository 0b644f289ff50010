#include "jobs/kernel_machine.hpp"

#include "jobs/checker.hpp"
#include "jobs/judgement.hpp"

#include "report/text.hpp"
#include "run/failure_json.hpp"
#include "scenario/known.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>

namespace daxtorture::jobs {
namespace {

using nlohmann::json;

std::string text_of_plan(const std::string& file) {
    std::ifstream in(file);
    if (!in)
        throw usage_error(file + ": cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

json request_of(const program& what, const kernel_tree& tree, const std::string& memory) {
    return {{"scenario", print(what)},
            {"file", what.name},
            {"sites", tree.sites},
            {"tree", tree.directory},
            {"memory", memory}};
}

json known_findings(const program& what) {
    json all = json::array();
    for (const finding& known : findings_possible(what))
        all.push_back({number(known.broken), known.cause});
    return all;
}

std::string search_request(const program& what, const kernel_tree& tree, const kernel_search& options) {
    json request = request_of(what, tree, options.memory);
    if (!options.plan.empty()) {
        request["kind"] = "plan";
        request["plan"] = text_of_plan(options.plan);
        request["plan_file"] = options.plan;
        return request.dump();
    }
    request["kind"] = "search";
    request["scheduler"] = options.scheduler;
    request["reduce"] = options.reduce;
    request["bound"] = options.bound;
    request["depth"] = options.depth;
    request["seed"] = options.seed;
    request["seconds"] = options.seconds;
    if (options.skip_known)
        request["skip"] = known_findings(what);
    if (options.iterations != 0)
        request["iterations"] = options.iterations;
    return request.dump();
}

std::string replay_request(const program& what, const kernel_tree& tree, const std::string& memory,
                           const std::vector<std::uint32_t>& schedule) {
    json request = request_of(what, tree, memory);
    request["kind"] = "replay";
    request["schedule"] = schedule;
    request["skip"] = known_findings(what);
    return request.dump();
}

std::string bounded_text(int bound) {
    return bound < 0 ? "" : fmt::format("every schedule with at most {}", counted(bound, "preemption"));
}

std::string search_note(const kernel_verdict& v) {
    const scenario_verdict& r = v.verdict;
    if (r.verdict == verdict_kind::fail)
        return "found by " + r.scheduler;
    const std::string covered =
        r.exhaustive && v.bound_done < 0 ? "every schedule" : bounded_text(v.bound_done);
    std::string ran = counted(r.executions, "execution");
    if (v.skipped != 0)
        ran += fmt::format(", {} of them with known findings", v.skipped);
    if (r.exhaustive)
        return covered + ", " + ran;
    if (r.verdict == verdict_kind::pass)
        return ran;
    return "the time ended first" + (covered.empty() ? "" : "; " + covered) + "; " + ran;
}

/// The last place of the kernel that the events of a failure name.
std::string last_place(const failure& f) {
    for (auto e = f.events.rbegin(); e != f.events.rend(); ++e)
        if (!e->file.empty())
            return fmt::format("{}:{}", e->file, e->line);
    return "";
}

void take_failure(kernel_verdict& v, const json& answer) {
    v.verdict.found = decode_failure(answer["failure"]);
    v.place = answer.value("place", "");
    if (v.place.empty())
        v.place = last_place(v.verdict.found);
}

void take_left(kernel_verdict& v, const json& answer) {
    if (const auto at = answer.find("left_at"); at != answer.end() && !at->is_null())
        v.left = fmt::format("the plan was left at line {}: {}", answer["left_line"].get<unsigned>(),
                             at->get<std::string>());
    if (answer.value("diverged", false))
        v.left = fmt::format("the schedule was left in stretch {} of {}",
                             answer["stretch"].get<unsigned>() + 1, answer["stretches"].get<unsigned>());
}

verdict_kind kind_of(const kernel_verdict& v, bool whole) {
    const scenario_verdict& r = v.verdict;
    if (r.found.kind == failure_kind::tool)
        return verdict_kind::error;
    if (r.found.kind != failure_kind::none)
        return verdict_kind::fail;
    return whole && r.never_done.empty() ? verdict_kind::pass : verdict_kind::inconclusive;
}

/// A failure that looks like a finding of the protocol that the tree has is known.
void recognise(kernel_verdict& v) {
    scenario_verdict& r = v.verdict;
    if (r.verdict != verdict_kind::fail)
        return;
    r.finding = findings_like(v.what, r.found.invariant, r.found.cause);
    r.known_finding = !r.finding.empty();
}

void take_answer(kernel_verdict& v, const json& answer, bool whole_on_time) {
    scenario_verdict& r = v.verdict;
    r.executions = answer.value("executions", std::uint64_t{0});
    r.seconds = answer.value("seconds", 0.0);
    r.scheduler = answer.value("found_by", answer.value("kind", ""));
    r.exhaustive = answer.value("exhausted", false);
    v.complete = answer.value("complete", false);
    v.bound_done = answer.value("bound_done", -1);
    v.skipped = answer.value("skipped", std::uint64_t{0});
    v.warnings = answer.value("warnings", std::vector<std::string>{});
    take_left(v, answer);
    if (!answer["failure"].is_null())
        take_failure(v, answer);
    if (const auto events = answer.find("events"); events != answer.end())
        v.events = decode_events(*events);
    const bool searched = answer.value("kind", "") == "search";
    if (searched && r.found.kind == failure_kind::none)
        r.never_done = never_done(v.what, answer.value("operations", outcome_table{}));
    r.verdict = kind_of(v, searched ? r.exhaustive || whole_on_time : v.left.empty());
    r.exhaustive = r.exhaustive && r.verdict != verdict_kind::inconclusive;
    r.note = searched ? search_note(v) : v.left.empty() ? "the plan was followed to its end" : v.left;
    recognise(v);
}

} // namespace

kernel_verdict kernel_verdict_of(const program& what, const kernel_tree& tree, const std::string& memory) {
    kernel_verdict v;
    v.what = what;
    v.verdict.name = what.name;
    v.verdict.protocol = tree.release;
    v.verdict.memory = memory;
    v.verdict.expected = expectation_of(what);
    return v;
}

kernel_job::kernel_job(const program& what, const kernel_tree& tree, const std::string& memory,
                       const std::string& request)
    : verdict_(kernel_verdict_of(what, tree, memory)), child_(tree.program, request) {}

kernel_job::kernel_job(const program& what, const kernel_tree& tree, const kernel_search& options)
    : kernel_job(what, tree, options.memory, search_request(what, tree, options)) {
    const std::string& by = options.scheduler;
    whole_on_time_ = !by.empty() && by != "bound" && by != "full";
}

kernel_job::kernel_job(const program& what, const kernel_tree& tree, const std::string& memory,
                       const std::vector<std::uint32_t>& schedule)
    : kernel_job(what, tree, memory, replay_request(what, tree, memory, schedule)) {}

bool kernel_job::read_more() {
    const bool more = child_.read_more();
    while (auto line = child_.next_line()) {
        last_ = std::move(*line);
        const json told = json::parse(last_, nullptr, false);
        if (told.is_object() && told.value("type", "") == "progress")
            progress_ = counted(told.value("executions", 0u), "execution");
    }
    return more;
}

kernel_verdict kernel_job::result() {
    const int code = child_.wait();
    const json answer = json::parse(last_, nullptr, false);
    const std::string type = answer.is_object() ? answer.value("type", "") : "";
    scenario_verdict& r = verdict_.verdict;
    if (type == "unsupported") {
        verdict_.unsupported = answer.value("message", "");
    } else if (type == "error" && code == 2) {
        throw usage_error(answer.value("message", ""));
    } else if (type != "result") {
        r.verdict = verdict_kind::error;
        r.found.kind = failure_kind::tool;
        r.found.cause = type == "error" ? answer.value("message", "")
                                        : fmt::format("the kernel machine ended with code {}", code);
    } else {
        take_answer(verdict_, answer, whole_on_time_);
    }
    return verdict_;
}

kernel_verdict kernel_job::stopped() {
    child_.kill_now();
    child_.wait();
    verdict_.verdict.note = "stopped by a signal";
    return verdict_;
}

} // namespace daxtorture::jobs
