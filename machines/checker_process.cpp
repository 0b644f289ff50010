#include "checker_process.hpp"

#include "run/failure_json.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"
#include "search/no_return.hpp"
#include "search/shrink.hpp"
#include "search/strategies.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>

#include <unistd.h>

namespace daxtorture {

namespace {

using nlohmann::json;

/// The set-up ends in a wait.
struct blocked : std::runtime_error {
    explicit blocked(blocked_setup setup) : std::runtime_error(setup.waits_for), at(std::move(setup)) {}
    blocked_setup at;
};

struct bad_input : std::runtime_error {
    bad_input(const char* about, const std::string& message)
        : std::runtime_error(message), what_kind(about) {}
    const char* what_kind;
};

void say(const json& line) {
    std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

memory_class memory_of(const std::string& name) {
    if (name == "sc")
        return memory_class::sc;
    if (name == "tso")
        return memory_class::tso;
    if (name == "weak" || name.empty())
        return memory_class::weak;
    throw bad_input("request", "unknown memory class '" + name + "'");
}

const char* name_of(memory_class m) {
    return m == memory_class::sc ? "sc" : m == memory_class::tso ? "tso" : "weak";
}

std::string scheduler_of(const json& request) {
    std::string name = request.value("scheduler", search_options{}.scheduler);
    if (find_strategy(name) == nullptr)
        throw bad_input("request", "unknown scheduler '" + name + "'");
    return name;
}

program program_of(const json& request) {
    parse_result parsed =
        parse_scenario(request.at("scenario").get<std::string>(), request.value("file", "scenario"));
    if (!parsed)
        throw bad_input("scenario", parsed.error.text());
    const auto rules = request.value("rules", std::vector<std::string>{});
    const std::string preset = request.value("protocol", "");
    if (!preset.empty() || !rules.empty())
        if (const auto problem = resolve_rules(*parsed.value, preset, rules))
            throw bad_input("request", *problem);
    if (parsed.value->threads.empty() || parsed.value->threads.size() > max_threads)
        throw bad_input("scenario", "the checker runs 1 to " + std::to_string(max_threads) + " threads");
    return std::move(*parsed.value);
}

auto progress_lines() {
    return [parent = getppid()](std::uint64_t executions, double seconds, double explored = 0) {
        if (getppid() != parent)
            _exit(4);
        say({{"type", "progress"}, {"executions", executions}, {"seconds", seconds}, {"explored", explored}});
    };
}

json failure_or_null(const failure& f) { return f.kind == failure_kind::none ? json() : encode(f); }

/// Pairs of operations as [[outer thread, outer operation, thread, operation], rows of the grid of their steps], and the steps of operations as
/// [[thread, operation], number].
json coverage_of(const coverage& cover, const program& what) {
    json pairs = json::array();
    json steps = json::array();
    for (unsigned a = 0; a < what.threads.size(); ++a)
        for (unsigned i = 0; i < what.threads[a].operations.size(); ++i)
            for (unsigned b = 0; b < what.threads.size(); ++b)
                for (unsigned j = 0; j < what.threads[b].operations.size(); ++j)
                    if (const coverage::step_grid* grid = cover.ran_inside(a, i, b, j))
                        pairs.push_back({json{a, i, b, j}, *grid});
    for (unsigned a = 0; a < what.threads.size(); ++a)
        for (unsigned i = 0; i < what.threads[a].operations.size(); ++i)
            steps.push_back({json{a, i}, cover.steps(a, i)});
    return {
        {"outcomes", cover.outcomes()}, {"last_new", cover.last_new()}, {"pairs", pairs}, {"steps", steps}};
}

aim_target target_of(const json& numbers, const program& what) {
    const aim_target target{numbers.at(0), numbers.at(1), numbers.at(2), numbers.at(3)};
    for (const auto& [thread, operation] :
         {std::pair(target.outer_thread, target.outer), std::pair(target.thread, target.operation)})
        if (thread >= what.threads.size() || operation >= what.threads[thread].operations.size())
            throw bad_input("request", "a target names an operation that the scenario does not have");
    return target;
}

json run_search(machine& runs, const program& what, memory_class memory, const json& request) {
    search_options o;
    o.scheduler = scheduler_of(request);
    o.depth = request.value("depth", o.depth);
    o.bound = request.value("bound", o.bound);
    o.reduce = request.value("reduce", o.reduce);
    if (const auto part = request.find("part"); part != request.end())
        o.part = {part->at(0), part->at(1)};
    for (const json& one : request.value("targets", json::array()))
        o.targets.push_back(target_of(one, what));
    o.seed = request.value("seed", o.seed);
    o.first = request.value("first", o.first);
    o.iterations = request.value("iterations", o.iterations);
    o.seconds = request.value("seconds", o.seconds);
    o.depth_limit = request.value("depth_limit", o.depth_limit);
    o.memory = memory;
    o.progress = progress_lines();
    const std::unique_ptr<coverage> cover =
        request.value("coverage", false) ? std::make_unique<coverage>() : nullptr;
    o.cover = cover.get();
    weak_order weaker;
    if (const auto w = request.find("weaken"); w != request.end()) {
        weaker = {w->at("file"), w->at("line"), w->at("kind"), w->at("order")};
        o.weaken = &weaker;
    }
    o.collect_orders = request.value("collect_orders", false);
    failure wanted;
    if (const auto like = request.find("wanted"); like != request.end()) {
        wanted = decode_failure(*like);
        o.wanted = &wanted;
    }
    search_result r = search(runs, o);
    if (r.blocked)
        throw blocked(*r.blocked);
    if (o.weaken == nullptr && r.found.kind != failure_kind::none && r.found.kind != failure_kind::tool) {
        const replay_result again = replay(runs, r.found.schedule, memory, true, o.depth_limit);
        if (!same_failure(again.found, r.found))
            throw std::logic_error("a failure did not replay: '" + r.found.cause + "' became '" +
                                   again.found.cause + "'");
        r.found.events = again.found.events;
    }
    json answer{{"failure", failure_or_null(r.found)},
                {"executions", r.executions},
                {"repetitions", r.repetitions},
                {"failed_at", r.failed_at},
                {"passed_by", r.passed_by},
                {"seconds", r.seconds},
                {"exhausted", r.exhausted},
                {"explored", r.explored},
                {"depth_limit_hits", r.depth_limit_hits},
                {"rechecked", r.rechecked},
                {"gave_up", r.gave_up},
                {"operations", r.counts},
                {"steps", r.steps}};
    if (cover != nullptr)
        answer["coverage"] = coverage_of(*cover, what);
    if (o.collect_orders) {
        answer["orders"] = json::array();
        for (const met_order& one : r.orders)
            answer["orders"].push_back({{"file", one.file},
                                        {"function", one.function},
                                        {"line", one.line},
                                        {"kind", one.kind},
                                        {"order", one.order}});
    }
    return answer;
}

json run_replay(machine& runs, memory_class memory, const json& request) {
    const auto schedule = request.at("schedule").get<schedule_log>();
    const replay_result r =
        replay(runs, schedule, memory, true, request.value("depth_limit", std::uint64_t{10'000}));
    std::vector<event> marked = r.events;
    if (r.found.kind != failure_kind::none && request.value("no_return", false))
        if (const auto point = point_of_no_return(runs, r.found, memory,
                                                  request.value("depth_limit", std::uint64_t{10'000}), 10))
            mark_no_return(marked, *point, runs.threads());
    json events = json::array();
    for (const event& e : marked)
        events.push_back(encode(e));
    // Also a run that goes on where the schedule ends has left it.
    const bool diverged = r.diverged || r.schedule.size() > schedule.size();
    const auto left = std::find_if(marked.begin(), marked.end(),
                                   [&](const event& e) { return e.decisions > r.divergence; });
    return {{"failure", failure_or_null(r.found)},
            {"unanswered", r.diverged},
            {"diverged", diverged},
            {"divergence", r.divergence},
            {"divergence_step", left - marked.begin()},
            {"events", events},
            {"executions", 1}};
}

json run_shrink(const machine_factory& make, const program& what, memory_class memory, const json& request) {
    shrink_options o;
    o.memory = memory;
    o.seconds = request.value("seconds", o.seconds);
    o.by_executions = request.value("by_executions", o.by_executions);
    o.depth_limit = request.value("depth_limit", o.depth_limit);
    o.reduce_program = request.value("reduce_program", o.reduce_program);
    o.progress = progress_lines();
    const replay_result target =
        replay(*make(what), request.at("schedule").get<schedule_log>(), memory, false, o.depth_limit);
    if (target.found.kind == failure_kind::none)
        return {{"failure", json()}, {"reproduced", false}, {"executions", 1}};
    failure wanted = target.found;
    wanted.schedule = target.schedule;
    // A smaller program may use less, and is to run as it will when it is read again.
    const auto make_as_read = [&](const program& smaller) {
        program noted = smaller;
        note_uses(noted);
        return make(noted);
    };
    shrink_result r = shrink(make_as_read, what, wanted, o);
    if (r.reproduced && request.value("no_return", false))
        if (const auto point = point_of_no_return(*make(r.what), r.found, memory, o.depth_limit,
                                                  o.seconds / 2, o.by_executions))
            mark_no_return(r.found.events, *point, r.what.threads.size());
    return {{"failure", failure_or_null(r.found)},
            {"reproduced", r.reproduced},
            {"scenario", print(r.what)},
            {"preemptions", r.preemptions},
            {"switches", r.switches},
            {"stale", r.stale},
            {"shown_stale", r.shown_stale ? json(*r.shown_stale) : json()},
            {"undecided", r.undecided},
            {"executions", r.executions},
            {"seconds", r.seconds}};
}

int answer(const machine_factory& make, const json& request) {
    const std::string kind = request.at("kind").get<std::string>();
    const program what = program_of(request);
    const memory_class memory = memory_of(request.value("memory", what.memory));
    json result;
    if (kind == "search")
        result = run_search(*make(what), what, memory, request);
    else if (kind == "replay")
        result = run_replay(*make(what), memory, request);
    else if (kind == "shrink")
        result = run_shrink(make, what, memory, request);
    else
        throw bad_input("request", "unknown kind '" + kind + "'");
    result["type"] = "result";
    result["kind"] = kind;
    result["memory"] = name_of(memory);
    say(result);
    return 0;
}

int fail_with(const char* what, const std::string& message, int code) {
    say({{"type", "error"}, {"what", what}, {"message", message}});
    return code;
}

/// Answers the request that the text holds. Returns the exit code of a process that had this one alone.
int answer_text(const machine_factory& make, const std::string& text) {
    try {
        return answer(make, json::parse(text));
    } catch (const blocked& e) {
        say({{"type", "error"}, {"what", "set-up"}, {"operation", e.at.operation}, {"message", e.what()}});
        return 2;
    } catch (const bad_input& e) {
        return fail_with(e.what_kind, e.what(), 2);
    } catch (const json::exception&) {
        return fail_with("request", "expected one JSON object with the keys of a request, each of its type",
                         2);
    } catch (const std::exception& e) {
        return fail_with("tool", e.what(), 4);
    }
}

} // namespace

int answer_request(const machine_factory& make) {
    return answer_text(make, {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()});
}

int answer_requests(const machine_factory& make) {
    std::string line;
    int code = 0;
    while (code != 4 && std::getline(std::cin, line))
        code = answer_text(make, line);
    return code == 4 ? code : 0;
}

} // namespace daxtorture
