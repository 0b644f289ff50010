#include "report/run.hpp"

#include "report/markup.hpp"
#include "report/near_misses.hpp"
#include "report/text.hpp"
#include "run/bundle.hpp"
#include "words/near_miss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace daxtorture {

namespace {

constexpr std::string_view style = R"(
:root{--ground:#fcfcfb;--ink:#1d1f23;--soft:#5d636d;--line:#d9dce1;--plot:#2563a8;--fill:#2563a826;--wait:#a15c00;--waitfill:#f6e3c4;--wake:#1a7f45;
--pass:#1a7f45;--fail:#b3261e;--inconclusive:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#e6e8eb;--soft:#9aa1ac;--line:#343941;--plot:#7ab2ec;
--fill:#7ab2ec2e;--wait:#e6b95c;--waitfill:#463717;--wake:#5fc98b;--pass:#5fc98b;--fail:#ff8a80;--inconclusive:#e6b95c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--ground);color:var(--ink);
font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.8rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--inconclusive)}
dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.2rem .8rem;margin:.6rem 0}
dt{color:var(--soft)}dd{margin:0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:1rem}
figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.5rem .6rem}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .5rem;font-size:.9rem}
figcaption b{white-space:nowrap}figcaption span{color:var(--soft)}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
svg .ink{fill:var(--ink)}svg .strong{font-weight:600}svg .wait{fill:var(--wait)}svg .wake{fill:var(--wake)}svg .bad{fill:var(--fail)}
figure p{margin:.3rem 0 0;font-size:.8rem;color:var(--soft)}.hint{color:var(--soft);font-size:.85rem;margin:.2rem 0 .6rem}
details{margin:.5rem 0}summary{cursor:pointer;color:var(--soft)}
pre{overflow-x:auto;border:1px solid var(--line);border-radius:6px;padding:.6rem;font-size:.8rem;line-height:1.35;
overflow-wrap:normal}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .7rem .2rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
td:first-child,th:first-child{text-align:left}
)";

/// Slices of all runs in one row of bins over the time of racing.
class timeline {
  public:
    explicit timeline(const run_contents& run) {
        for (const slice_record& slice : run.slices)
            length_ = std::max(length_, slice.at);
        bins_ = std::clamp<std::size_t>(run.slices.size(), 1, 120);
    }
    double length() const { return length_; }
    std::vector<double> empty() const { return std::vector<double>(bins_, 0); }
    std::size_t bin(double at) const {
        if (length_ <= 0)
            return 0;
        return std::min(bins_ - 1, static_cast<std::size_t>(at / length_ * static_cast<double>(bins_)));
    }
    /// Spreads an amount evenly over the bins that a slice covers.
    void spread(std::vector<double>& into, const slice_record& slice, double amount) const {
        const double width = length_ / static_cast<double>(bins_);
        if (width <= 0 || slice.seconds <= 0)
            return;
        const double begin = slice.at - slice.seconds;
        for (std::size_t i = bin(std::max(0.0, begin)); i <= bin(slice.at); ++i) {
            const double left = std::max(begin, static_cast<double>(i) * width);
            const double right = std::min(slice.at, static_cast<double>(i + 1) * width);
            into[i] += amount * std::max(0.0, right - left) / slice.seconds / width;
        }
    }

  private:
    double length_ = 0;
    std::size_t bins_ = 1;
};

void fact(std::string& page, std::string_view name, const std::string& value) {
    if (!value.empty())
        page += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escaped(value));
}

/// Names of the workers of a failure, as its bundle has them.
std::vector<std::string> workers_of(const bundle& kept) {
    std::vector<std::string> names;
    for (const event& e : kept.found.events)
        while (names.size() <= e.thread && names.size() < kept.found.state.tasks.size())
            names.push_back(kept.found.state.tasks[names.size()].name);
    for (const event& e : kept.found.events)
        while (names.size() <= e.thread)
            names.push_back("worker" + std::to_string(names.size()));
    return names;
}

std::string failure_section(const run_contents& run, const failure_note& f) {
    std::string section = fmt::format("<h3>{}</h3>\n", escaped(title_of(f, run.begin.parameters)));
    if (const bundle_result kept = read_bundle(run.directory / "failures" / f.bundle)) {
        section += "<p>" + escaped(kept.value->found.detail) + "</p>\n";
        section += lanes(kept.value->found, workers_of(*kept.value));
    }
    const std::string report = failure_report(run, f);
    return section +
           fmt::format(
               "<details><summary>as text</summary><pre>{}</pre></details>\n<p>bundle: failures/{}</p>\n",
               report.empty() ? "its bundle is not in the run directory" : escaped(report),
               escaped(f.bundle));
}

std::string near_miss_section(const stress_summary& sum) {
    if (sum.seen.near_misses.empty())
        return "";
    std::string section =
        "<h2>Near misses</h2>\n<p class=\"hint\">Moments in which one step of the protocol prevented a "
        "failure. "
        "Bars: how close, in powers of two; heights are logarithmic.</p>\n<div class=\"plots\">\n";
    for (const near_miss_info& kind : near_miss_table) {
        const auto met = std::ranges::find(sum.seen.near_misses, kind.name, &tally::name);
        if (met == sum.seen.near_misses.end())
            continue;
        section +=
            fmt::format("<figure><figcaption><b>{} (I{})</b><span>{}, {}/s</span></figcaption><p>{}</p>",
                        kind.name, number(kind.invariant), short_number(static_cast<double>(met->count)),
                        short_number(static_cast<double>(met->count) / sum.seconds), escaped(kind.help));
        if (kind.timed)
            section += distribution_plot(*met, 4, 32) +
                       fmt::format("<p>closest {}, median {}</p>",
                                   nanoseconds_text(static_cast<double>(closest(*met))),
                                   nanoseconds_text(quantile(*met, 0.5)));
        section += "</figure>\n";
    }
    section += "</div>\n";
    std::string missing;
    for (const std::string& name : never_met(sum))
        missing += (missing.empty() ? "" : ", ") + name;
    if (!missing.empty())
        section += "<p class=\"hint\">Never met, so not tested: " + missing + ".</p>\n";
    return section;
}

std::string latency_section(const stress_summary& sum) {
    if (sum.seen.latencies.empty())
        return "";
    std::size_t to = 0;
    std::size_t from = ~std::size_t{0};
    for (const tally& one : sum.seen.latencies) {
        to = std::max(to, one.buckets.size());
        const auto first = std::ranges::find_if(one.buckets, [](std::uint64_t n) { return n != 0; });
        from = std::min(from, static_cast<std::size_t>(first - one.buckets.begin()));
    }
    std::string section =
        "<h2>Latencies</h2>\n<p class=\"hint\">One operation in 17 is timed. Heights are logarithmic.</p>\n"
        "<div class=\"plots\">\n";
    for (const stress_count& one : sum.per_operation) {
        const auto timed = std::ranges::find(sum.seen.latencies, one.operation, &tally::name);
        if (timed != sum.seen.latencies.end())
            section +=
                fmt::format("<figure><figcaption><b>{}</b><span>median {}, 99 % &lt; "
                            "{}</span></figcaption>{}</figure>\n",
                            one.operation, nanoseconds_text(quantile(*timed, 0.5)),
                            nanoseconds_text(quantile(*timed, 0.99)), distribution_plot(*timed, from, to));
    }
    return section + "</div>\n";
}

std::string overlap_section(const stress_summary& sum) {
    if (sum.seen.overlaps.empty())
        return "";
    std::vector<std::string> names;
    for (const stress_count& one : sum.per_operation)
        names.push_back(one.operation);
    return "<h2>What overlapped</h2>\n<p class=\"hint\">An operation (row) began while another worker was in "
           "one (column) that "
           "works on the same file, or on any that its mm maps. A sample of one in 17; the darker, the more "
           "often; a red "
           "dot: never.</p>\n<div class=\"wide\">" +
           pair_map(names, sum.seen.overlaps) + "</div>\n";
}

} // namespace

std::string run_html(const run_contents& run) {
    const stress_summary sum = summarise(run);
    const run_parameters& p = run.begin.parameters;
    const run_origin& o = run.begin.origin;
    const timeline time(run);
    std::string page = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<meta name=\"color-scheme\" content=\"light dark\"><title>{0}: {1}</title><style>{2}</style>"
        "</head><body>\n<h1><span class=\"{0}\">{0}</span>: {1} under {3}</h1>\n<p>{4} operations and {5} "
        "rounds in {6}, {7} failure{9}{8}</p>\n<dl>\n",
        name(sum.verdict), escaped(sum.what), style, escaped(sum.protocol), grouped(sum.operations),
        grouped(sum.rounds), duration_text(sum.seconds), grouped(sum.failures_seen),
        sum.note.empty() ? "." : ": " + escaped(sum.note), sum.failures_seen == 1 ? "" : "s");
    fact(page, "parameters", parameters_text(p));
    fact(page, "begun", local_time(o.started));
    fact(page, "ended", run.end ? local_time(run.end->time) : "not yet");
    fact(page, "host", o.host + ", " + o.kernel);
    fact(page, "version", "daxtorture " + o.version + ", " + o.compiler);
    fact(page, "run", o.run);
    fact(page, "merged from", o.merged.empty() ? "" : fmt::format("{} runs", o.merged.size()));
    for (const std::string& one : not_checked(sum))
        fact(page, "not checked", one);
    fact(page, "notice", run.notice);
    page += "</dl>\n";

    const std::vector<failure_note> failures = failures_of(run);
    if (!failures.empty())
        page += "<h2>Failures</h2>\n";
    for (const failure_note& f : failures)
        page += failure_section(run, f);
    if (sum.quiescent_checks != 0)
        page += "<h2>What this run says</h2>\n<p>" + escaped(confidence_text(sum)) + "</p>\n";

    std::map<std::string, std::vector<double>> rates;
    std::vector<double> memory = time.empty();
    for (const slice_record& slice : run.slices) {
        for (const stress_count& one : slice.per_operation)
            time.spread(rates.try_emplace(one.operation, time.empty()).first->second, slice,
                        static_cast<double>(one.total));
        double& at = memory[time.bin(slice.at)];
        at = std::max(at, static_cast<double>(slice.rss_kib) / 1024);
    }
    if (const auto first = std::ranges::find_if(memory, [](double m) { return m > 0; });
        first != memory.end())
        std::fill(memory.begin(), first, *first);   // a first record may be older than the first report
    for (std::size_t i = 1; i < memory.size(); ++i) // a bin between two records keeps what was
        if (memory[i] <= 0)
            memory[i] = memory[i - 1];
    page += "<h2>Operations per second</h2>\n<div class=\"plots\">\n";
    for (const stress_count& one : sum.per_operation)
        if (const auto rate = rates.find(one.operation); rate != rates.end())
            page += time_plot(one.operation, short_number(static_cast<double>(one.total)) + " in all",
                              rate->second, time.length(), "/s");
    page += "</div>\n<h2>Memory of the worker process</h2>\n<div class=\"plots\">\n" +
            time_plot("resident", "", memory, time.length(), "MiB") + "</div>\n";

    page += near_miss_section(sum) + latency_section(sum) + overlap_section(sum);
    page +=
        "<h2>Totals</h2>\n<div "
        "class=\"wide\"><table><tr><th>operation</th><th>total</th><th>done</th><th>per second</th></tr>\n";
    for (const stress_count& one : sum.per_operation)
        page += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", one.operation, grouped(one.total),
            grouped(one.done),
            grouped(sum.seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(one.total) / sum.seconds)
                                    : 0));
    page += "</table></div>\n";
    std::string events;
    for (const event_record& e : run.events)
        if (e.what != "leg")
            events += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", local_time(e.time),
                                  escaped(e.what), escaped(e.text));
    if (!events.empty())
        page += "<h2>Events</h2>\n<div class=\"wide\"><table>" + events + "</table></div>\n";
    return page + "</body></html>";
}

} // namespace daxtorture
