#include "run/campaign/summary.hpp"

#include "base/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace daxtorture {

std::vector<failure_note> failures_of(const run_contents& run) {
    std::vector<failure_note> all;
    std::set<std::string> known;
    for (const slice_record& slice : run.slices)
        for (const failure_note& f : slice.failures)
            if (known.insert(f.bundle).second)
                all.push_back(f);
    return all;
}

double seconds_raced(const run_contents& run) {
    double sum = 0;
    for (const slice_record& slice : run.slices)
        sum += slice.seconds;
    return sum;
}

end_record judge(const run_contents& run, bool complete) {
    end_record r;
    r.at = seconds_raced(run);
    r.complete = complete;
    std::uint64_t failures = 0;
    std::uint64_t checks = 0;
    for (const slice_record& slice : run.slices) {
        failures += slice.failures_seen + slice.failures.size();
        checks += slice.quiescent_checks;
    }
    std::map<std::string, unsigned> legs;
    std::string crash;
    for (const event_record& e : run.events) {
        ++legs[e.what];
        if (e.what == "leg-crashed")
            crash = e.text;
    }
    std::vector<std::string> notes;
    if (legs["leg-crashed"] != 0)
        notes.push_back(fmt::format("{} worker process{} crashed, the last by {}", legs["leg-crashed"],
                                    legs["leg-crashed"] == 1 ? "" : "es", crash));
    if (legs["leg-stuck"] != 0)
        notes.push_back(fmt::format("{} worker process{} did not end in time and had to be killed",
                                    legs["leg-stuck"], legs["leg-stuck"] == 1 ? "" : "es"));
    if (legs["leg-killed"] != 0)
        notes.push_back(fmt::format("{} worker process{} killed from outside; the run went on",
                                    legs["leg-killed"], legs["leg-killed"] == 1 ? " was" : "es were"));
    if (checks == 0)
        notes.push_back("no round ended");
    if (failures != 0) {
        r.verdict = verdict_kind::fail;
    } else {
        r.tool_failed = legs["leg-crashed"] != 0;
        r.verdict = r.tool_failed || legs["leg-stuck"] != 0 || checks == 0 || !complete
                        ? verdict_kind::inconclusive
                        : verdict_kind::pass;
    }
    r.note = joined(notes, "; ");
    return r;
}

stress_summary summarise(const run_contents& run) {
    stress_summary all;
    std::vector<std::string> names;
    std::vector<std::string> protocols;
    std::vector<std::string> rules;
    for (const load& l : run.begin.parameters.loads) {
        names.push_back((l.scenario.empty() ? "mix " : "") + l.name);
        protocols.push_back(l.protocol);
        rules.push_back(joined(l.rules, " "));
    }
    all.what = joined(distinct(names), ", ");
    all.protocol = joined(distinct(protocols), ", ");
    all.rules = joined(distinct(rules), ", ");
    all.seed = run.begin.parameters.seed;
    all.ledger = run.begin.parameters.ledger;
    const end_record end = run.end ? *run.end : judge(run, false);
    all.verdict = end.verdict;
    all.note = end.note;
    if (!run.end)
        all.note += (all.note.empty() ? "" : "; ") + std::string("the run has not ended");
    for (const slice_record& slice : run.slices)
        all += slice;
    for (const stress_count& one : all.per_operation)
        all.operations += one.total;
    std::sort(all.per_operation.begin(), all.per_operation.end(),
              [](const stress_count& a, const stress_count& b) { return a.operation < b.operation; });
    return all;
}

void add_to_sums(run_contents& sums, const slice_record& slice) {
    const auto known = std::find_if(sums.slices.begin(), sums.slices.end(),
                                    [&](const slice_record& s) { return s.load == slice.load; });
    if (known == sums.slices.end()) {
        sums.slices.push_back(slice);
        return;
    }
    *known += slice;
    known->leg = slice.leg;
    known->at = slice.at;
    known->rss_kib = slice.rss_kib;
    known->failures.insert(known->failures.end(), slice.failures.begin(), slice.failures.end());
}

} // namespace daxtorture
