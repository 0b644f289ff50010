/// daxtorture-kernel: one scenario on the real objects of one kernel tree, in a process of its own. The build links it on the user's machine.
///
/// Standard input, up to its end: one JSON object.
///   kind      "search" | "replay" | "plan";  scenario: text of a scenario file;  file: its name, for errors
///   sites     path of the table of hooks;  tree: directory of the sources;  memory: "sc" | "tso"
///   search    scheduler "" | "bound" | "pos" | "pct" | "surw" | "uniform", reduce, bound, depth, seed, iterations, seconds, world_check_every; skip: [[invariant, cause], ...]
///   replay    schedule: [numbers]; skip, as above
///   plan      plan: text;  plan_file: its name, for errors
/// Standard output: one JSON object a line, as daxtorture-checker.
///   {"type": "progress", "executions", "seconds"}
///   {"type": "unsupported", "message"}                           the scenario cannot run on real objects
///   {"type": "result", "kind", "failure": null or object, "warnings": [...], "executions", "seconds", ...}
///   {"type": "error", "what": "request" | "scenario" | "tool", "message"}
/// Exit code: 0 with a result, whatever it is; 2 bad request or scenario; 4 the machine itself failed.
#include "bugs.hpp"
#include "events.hpp"
#include "follow.hpp"
#include "plan.hpp"
#include "scenario_body.hpp"
#include "search.hpp"
#include "sites.hpp"
#include "traps.hpp"
#include "worlds.hpp"

#include "run/failure_json.hpp"
#include "scenario/parser.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include <unistd.h>

namespace {

using namespace daxtorture;
using namespace daxtorture::kernel_machine;
using nlohmann::json;

struct bad_input : std::runtime_error {
    bad_input(const char* about, const std::string& message) : std::runtime_error(message), subject(about) {}
    const char* subject;
};

void say(const json& line) {
    std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

json failure_or_null(const failure& f) { return f.kind == failure_kind::none ? json() : encode(f); }

void boot() {
    machine& m = machine::get();
    m.ram().use_cpu(machine_threads);
    glue_boot();
    m.ram().keep(machine_threads);
    catch_traps();
}

/// Runs the schedule again with the recorder on.
failure recorded(scenario_body& body, pilot& decides) {
    machine& m = machine::get();
    m.set_recording(true);
    m.execute(body, decides);
    m.set_recording(false);
    failure f = m.found();
    f.events = describe_events();
    if (f.kind != failure_kind::none)
        f.state = body.take_snapshot();
    return f;
}

std::vector<known_failure> known_in(const json& request) {
    std::vector<known_failure> all;
    for (const json& one : request.value("skip", json::array()))
        all.push_back({invariant_numbered(one.at(0).get<int>()), one.at(1)});
    return all;
}

json run_search(scenario_body& body, const json& request) {
    search_options o;
    o.scheduler = request.value("scheduler", "");
    o.bound = request.value("bound", o.bound);
    o.depth = request.value("depth", o.depth);
    o.reduce = request.value("reduce", o.reduce);
    o.seed = request.value("seed", o.seed);
    o.iterations = request.value("iterations", o.iterations);
    o.seconds = request.value("seconds", o.seconds);
    o.world_check_every = std::max<std::uint64_t>(1, request.value("world_check_every", o.world_check_every));
    o.tso = request.value("memory", "sc") == "tso";
    o.skip = known_in(request);
    o.progress = [parent = getppid()](std::uint64_t executions, double seconds) {
        if (getppid() != parent)
            _exit(4);
        say({{"type", "progress"}, {"executions", executions}, {"seconds", seconds}});
    };
    search_result r = search(body, o);
    if (r.found.kind != failure_kind::none && r.found.kind != failure_kind::tool) {
        follower again(r.schedule);
        const failure seen = recorded(body, again);
        r.found.events = seen.events;
        r.found.state = seen.state;
        r.found.schedule = r.schedule;
    }
    return {{"failure", failure_or_null(r.found)},
            {"found_by", r.found_by},
            {"place", place_of_bug(r.found)},
            {"warnings", warnings_of(r.found)},
            {"executions", r.executions},
            {"failed_at", r.failed_at},
            {"skipped", r.skipped},
            {"seconds", r.seconds},
            {"complete", r.complete},
            {"exhausted", r.exhausted},
            {"bound_done", r.bound_done},
            {"points", r.points},
            {"accesses", r.accesses},
            {"switches", r.switches},
            {"shared_words", r.shared_words},
            {"operations", body.outcomes()}};
}

json run_replay(scenario_body& body, const json& request) {
    machine& m = machine::get();
    m.set_tso(request.value("memory", "sc") == "tso");
    follower again(request.at("schedule").get<stretch_log>());
    m.execute(body, again); // which words are shared is known after it
    // A search for other failures than known ones went on after the kernel's warnings of these.
    if (!again.done() && !warnings_of(m.found()).empty())
        m.set_known(known_in(request));
    const failure found = recorded(body, again);
    json events = json::array();
    for (const event& e : found.events)
        events.push_back(encode(e));
    return {{"failure", failure_or_null(found)},
            {"place", place_of_bug(found)},
            {"warnings", warnings_of(found)},
            {"diverged", again.diverged()},
            {"stretch", again.stretch()},
            {"stretches", again.stretches()},
            {"events", events},
            {"executions", 2}};
}

json run_plan(scenario_body& body, const program& what, const json& request) {
    plan_result parsed =
        parse_plan(request.at("plan").get<std::string>(), request.value("plan_file", "plan"), what);
    if (!parsed.error.empty())
        throw bad_input("request", parsed.error);
    plan_pilot pilot(std::move(parsed.steps));
    machine::get().execute(body, pilot);
    const stretch_log schedule = machine::get().stretches();
    failure found = recorded(body, pilot);
    if (found.kind != failure_kind::none)
        found.schedule = schedule;
    const bool whole = pilot.done() == pilot.steps().size();
    return {{"failure", failure_or_null(found)},
            {"place", place_of_bug(found)},
            {"warnings", warnings_of(found)},
            {"steps", pilot.steps().size()},
            {"steps_done", pilot.done()},
            {"left_at", whole ? json() : json(pilot.steps()[pilot.done()].text)},
            {"left_line", whole ? json() : json(pilot.steps()[pilot.done()].line)},
            {"executions", 2}};
}

int answer(const json& request) {
    const std::string kind = request.at("kind").get<std::string>();
    parse_result parsed =
        parse_scenario(request.at("scenario").get<std::string>(), request.value("file", "scenario"));
    if (!parsed)
        throw bad_input("scenario", parsed.error.text());
    if (const std::string why = obstacle(*parsed.value); !why.empty()) {
        say({{"type", "unsupported"}, {"message", why}});
        return 0;
    }
    use_sites(request.value("sites", ""), request.value("tree", ""));
    boot();
    scenario_body body(*parsed.value);
    json result;
    if (kind == "search")
        result = run_search(body, request);
    else if (kind == "replay")
        result = run_replay(body, request);
    else if (kind == "plan")
        result = run_plan(body, *parsed.value, request);
    else
        throw bad_input("request", "unknown kind '" + kind + "'");
    result["type"] = "result";
    result["kind"] = kind;
    say(result);
    return 0;
}

int fail_with(const char* subject, const std::string& message, int code) {
    say({{"type", "error"}, {"what", subject}, {"message", message}});
    return code;
}

} // namespace

int main() {
    const std::string input{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    try {
        return answer(json::parse(input));
    } catch (const bad_input& e) {
        return fail_with(e.subject, e.what(), 2);
    } catch (const json::exception& e) {
        return fail_with("request", e.what(), 2);
    } catch (const std::exception& e) {
        return fail_with("tool", e.what(), 4);
    }
}
