#include "report/json.hpp"
#include "report/confidence.hpp"
#include "report/run.hpp"
#include "run/bundle.hpp"
#include "run/campaign/codec.hpp"
#include "run/campaign/summary.hpp"
#include "scenario/known.hpp"
#include "words/invariant.hpp"
#include "words/near_miss.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace daxtorture {

using json = nlohmann::ordered_json;

namespace {

std::string text_of(const json& document) {
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

json invariant_of(invariant broken) { return broken == invariant::none ? json(nullptr) : json(name(broken)); }

json page_or_null(const std::string& page) { return page.empty() ? json(nullptr) : json(page); }

json operation_of(const operation_result& each) {
    json one{{"operation", each.operation}, {"thread", each.thread}, {"purpose", name(each.purpose)}};
    one["executions"] = json::object();
    for (std::size_t i = 0; i < each.executions.size(); ++i)
        if (each.executions[i] != 0)
            one["executions"][std::string(outcome_names[i])] = each.executions[i];
    return one;
}

json scenario(const scenario_verdict& v) {
    const bool failed = v.verdict == verdict_kind::fail || v.verdict == verdict_kind::error;
    json one;
    one["name"] = v.name;
    one["protocol"] = v.protocol;
    one["rules"] = v.rules;
    one["memory"] = v.memory;
    one["scheduler"] = v.scheduler;
    one["verdict"] = name(v.verdict);
    one["invariant"] = failed ? invariant_of(v.found.invariant) : json(nullptr);
    one["kind"] = failed ? json(name(v.found.kind)) : json(nullptr);
    one["cause"] = failed ? json(v.found.cause) : json(nullptr);
    one["executions"] = v.executions;
    one["repetitions"] = v.repetitions;
    one["seconds"] = v.seconds;
    one["exhaustive"] = v.exhaustive;
    one["expected"] = v.expected ? json(name(v.expected->verdict)) : json(nullptr);
    one["expected_invariants"] = json::array();
    for (const invariant id : v.expected ? v.expected->broken : std::vector<invariant>())
        one["expected_invariants"].push_back(name(id));
    one["expected_invariant"] =
        one["expected_invariants"].empty() ? json(nullptr) : one["expected_invariants"].front();
    one["as_expected"] = as_expected(v);
    one["known_finding"] = v.known_finding;
    one["finding"] = page_or_null(v.finding);
    one["note"] = v.note + (v.note.empty() || v.coverage_note.empty() ? "" : "; ") + v.coverage_note;
    one["rechecked"] = v.rechecked;
    one["never_done"] = v.never_done;
    one["operations"] = json::array();
    for (const operation_result& each : v.operations)
        one["operations"].push_back(operation_of(each));
    if (v.covered)
        one["coverage"] = {{"outcomes", v.covered->outcomes},
                           {"pairs", v.covered->pairs},
                           {"pairs_possible", v.covered->pairs_possible},
                           {"never", v.covered->never},
                           {"ways", v.covered->ways},
                           {"ways_possible", v.covered->ways_possible},
                           {"least", v.covered->least}};
    return one;
}

json task(const task_snapshot& t) {
    return {{"name", t.name},           {"operation", t.operation}, {"blocked", t.blocked},
            {"waits_for", t.waits_for}, {"where", t.wait_site},     {"held", t.held}};
}

} // namespace

std::string check_json(std::span<const scenario_verdict> all) {
    json document{{"version", json_version}, {"scenarios", json::array()}};
    for (const scenario_verdict& v : all)
        document["scenarios"].push_back(scenario(v));
    return text_of(document);
}

namespace {

json distribution(const tally& of) {
    json one{{"count", of.count}};
    if (!of.buckets.empty()) {
        one["buckets"] = of.buckets;
        one["closest_ns"] = closest(of);
        one["median_ns"] = std::round(quantile(of, 0.5));
        one["p99_ns"] = std::round(quantile(of, 0.99));
    }
    return one;
}

/// Near misses, latencies, what overlapped, and what the length of the run says.
void put_observations(json& document, const stress_summary& s) {
    document["near_misses"] = json::object();
    for (const near_miss_info& kind : near_miss_table) {
        const std::string key(kind.name);
        const auto met = std::ranges::find(s.seen.near_misses, key, &tally::name);
        document["near_misses"][key] = distribution(met == s.seen.near_misses.end() ? tally{} : *met);
        document["near_misses"][key]["invariant"] = number(kind.invariant);
    }
    document["latencies"] = json::object();
    for (const tally& one : s.seen.latencies)
        document["latencies"][one.name] = distribution(one);
    document["overlaps"] = json::object();
    for (const tally& one : s.seen.overlaps)
        document["overlaps"][one.name] = one.count;
    const confidence c = confidence_of(s);
    document["confidence"] = {{"level", confidence_level},
                              {"clean", c.clean},
                              {"one_in_seconds", c.one_in},
                              {"more_seconds", c.more}};
}

json totals(const stress_summary& s) {
    json document;
    document["version"] = json_version;
    document["verdict"] = name(s.verdict);
    document["what"] = s.what;
    document["protocol"] = s.protocol;
    document["rules"] = s.rules;
    document["seed"] = s.seed;
    document["operations"] = s.operations;
    document["seconds"] = s.seconds;
    document["workers"] = s.workers;
    document["rounds"] = s.rounds;
    document["quiescent_checks"] = s.quiescent_checks;
    document["not_checked"] = json::array();
    if (!s.ledger)
        for (const ledger_check& one : ledger_checks)
            document["not_checked"].push_back({{"invariant", invariant_of(one.id)}, {"text", one.text}});
    document["per_operation"] = json::object();
    for (const stress_count& one : s.per_operation)
        document["per_operation"][one.operation] = {{"total", one.total}, {"done", one.done}};
    put_observations(document, s);
    document["failures_seen"] = s.failures_seen;
    document["failures"] = json::array();
    return document;
}

} // namespace

std::string stress_json(const stress_summary& s) {
    json document = totals(s);
    for (std::size_t i = 0; i < s.failures.size(); ++i) {
        const failure& f = s.failures[i];
        json one{{"kind", name(f.kind)},
                 {"invariant", invariant_of(f.invariant)},
                 {"cause", f.cause},
                 {"detail", f.detail},
                 {"finding", i < s.findings.size() ? page_or_null(s.findings[i]) : json(nullptr)}};
        one["tasks"] = json::array();
        for (const task_snapshot& t : f.state.tasks)
            one["tasks"].push_back(task(t));
        document["failures"].push_back(std::move(one));
    }
    document["note"] = s.note;
    return text_of(document);
}

std::string run_json(const run_contents& run) {
    const stress_summary sum = summarise(run);
    const run_parameters& p = run.begin.parameters;
    const run_origin& o = run.begin.origin;
    json document = totals(sum);
    for (const failure_note& f : failures_of(run)) {
        const bundle_result kept = read_bundle(run.directory / "failures" / f.bundle);
        document["failures"].push_back(
            {{"kind", f.kind},
             {"invariant", invariant_of(invariant_numbered(f.invariant))},
             {"cause", f.cause},
             {"bundle", f.bundle},
             {"finding", kept ? page_or_null(findings_like(kept.value->what, kept.value->found.invariant,
                                                           kept.value->found.cause))
                              : json(nullptr)},
             {"load", p.loads.at(f.load).name}});
    }
    document["note"] = sum.note;
    document["complete"] = run.end && run.end->complete;
    document["notice"] = run.notice;
    document["run"] = {{"name", o.run},        {"daxtorture", o.version}, {"host", o.host},
                       {"kernel", o.kernel},   {"compiler", o.compiler},  {"started", o.started},
                       {"command", o.command}, {"merged", o.merged}};
    document["parameters"] = json::parse(parameters_json(p));
    for (json& load :
         document["parameters"]["loads"]) { // the text of scenarios is in the journal and in each bundle
        load["mix"] = load["scenario"].get<std::string>().empty();
        load.erase("scenario");
    }
    document["records"] = run.records;
    document["events"] = json::array();
    for (const event_record& e : run.events)
        if (e.what != "leg")
            document["events"].push_back(
                {{"at", e.at}, {"time", e.time}, {"what", e.what}, {"leg", e.leg}, {"text", e.text}});
    return text_of(document);
}

} // namespace daxtorture
