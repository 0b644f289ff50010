#include "report/run.hpp"

#include "report/junit.hpp"
#include "report/text.hpp"
#include "run/campaign/parameters.hpp"
#include "run/campaign/summary.hpp"

#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <iterator>

namespace daxtorture {

namespace {

void metric(std::string& text, const char* name, const char* type, const char* help) {
    text += fmt::format("# HELP daxtorture_{0} {2}\n# TYPE daxtorture_{0} {1}\n", name, type, help);
}

} // namespace

std::string local_time(std::int64_t unix_time) {
    const auto t = static_cast<std::time_t>(unix_time);
    std::tm when{};
    localtime_r(&t, &when);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &when)};
}

std::string failure_report(const run_contents& run, const failure_note& of) {
    std::ifstream file(run.directory / "failures" / of.bundle / "report.txt", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string title_of(const failure_note& f, const run_parameters& p) {
    return fmt::format("{}{}: {} ({} under {})", f.kind,
                       f.invariant == 0 ? "" : fmt::format(", I{}", f.invariant), f.cause,
                       p.loads.at(f.load).name, p.loads.at(f.load).protocol);
}

std::string run_junit(const run_contents& run) {
    const stress_summary sum = summarise(run);
    const run_parameters& p = run.begin.parameters;
    std::vector<junit_case> cases;
    for (unsigned i = 0; i < p.loads.size(); ++i) {
        junit_case one{"daxtorture.stress." + p.loads[i].protocol,
                       (p.loads[i].scenario.empty() ? "mix " : "") + p.loads[i].name,
                       0,
                       {},
                       {},
                       "",
                       ""};
        for (const slice_record& slice : run.slices)
            one.seconds += slice.load == i ? slice.seconds : 0;
        for (const failure_note& f : failures_of(run))
            if (f.load == i)
                one.failures.push_back({f.kind, title_of(f, p), failure_report(run, f)});
        if (sum.verdict == verdict_kind::inconclusive)
            one.skipped = "inconclusive: " + sum.note;
        cases.push_back(std::move(one));
    }
    return junit_document("daxtorture stress", sum.seconds, cases,
                          {{"parameters", parameters_text(p)}, {"verdict", name(sum.verdict)}});
}

std::string run_text(const run_contents& run, bool colour) {
    ladder_options look;
    look.colour = colour;
    const stress_summary sums = summarise(run);
    const auto failures = failures_of(run);
    std::string text = stress_table(sums, look);
    for (const failure_note& f : failures) {
        text += fmt::format("\n{}{}: {}\n", f.kind,
                            f.invariant == 0 ? "" : fmt::format(", violates I{}", f.invariant), f.cause);
        const std::string bundle = (run.directory / "failures" / f.bundle).string();
        text += fmt::format("bundle: {0}\nnext: daxtorture reproduce {0}\n", bundle);
    }
    text += repetitions_text(sums.failures_seen, failures.size());
    text += fmt::format("\nparameters: {}\nrun: {} on {}, {}, daxtorture {} by {}, begun {}\n",
                        parameters_text(run.begin.parameters), run.begin.origin.run, run.begin.origin.host,
                        run.begin.origin.kernel, run.begin.origin.version, run.begin.origin.compiler,
                        local_time(run.begin.origin.started));
    if (!run.begin.origin.merged.empty())
        text += "merged from " + counted(run.begin.origin.merged.size(), "run") + "\n";
    if (!run.notice.empty())
        text += "notice: " + run.notice + "\n";
    return text;
}

std::string run_prometheus(const run_contents& run, double seconds_remaining) {
    const stress_summary sum = summarise(run);
    std::string text;
    metric(text, "operations_total", "counter", "Operations ended, by kind.");
    for (const stress_count& one : sum.per_operation)
        text += fmt::format("daxtorture_operations_total{{operation=\"{}\"}} {}\n", one.operation, one.total);
    metric(text, "rounds_total", "counter", "Rounds ended.");
    text += fmt::format("daxtorture_rounds_total {}\n", sum.rounds);
    metric(text, "failures_total", "counter", "Failures seen, with repetitions.");
    text += fmt::format("daxtorture_failures_total {}\n", sum.failures_seen);
    metric(text, "racing_seconds_total", "counter", "Seconds of racing.");
    text += fmt::format("daxtorture_racing_seconds_total {:.1f}\n", sum.seconds);
    metric(text, "remaining_seconds", "gauge", "Seconds until the run ends.");
    text += fmt::format("daxtorture_remaining_seconds {:.0f}\n", seconds_remaining);
    metric(text, "resident_bytes", "gauge", "Memory of the worker process.");
    text += fmt::format("daxtorture_resident_bytes {}\n",
                        run.slices.empty() ? 0 : run.slices.back().rss_kib * 1024);
    metric(text, "updated_timestamp_seconds", "gauge", "When this was written.");
    text += fmt::format("daxtorture_updated_timestamp_seconds {}", std::time(nullptr));
    return text;
}

} // namespace daxtorture
