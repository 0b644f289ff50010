#include "report/run.hpp"

#include "report/markup.hpp"
#include "report/near_misses.hpp"
#include "report/page.hpp"
#include "report/text.hpp"
#include "run/bundle.hpp"
#include "run/campaign/summary.hpp"
#include "scenario/known.hpp"
#include "scenario/printer.hpp"
#include "words/invariant.hpp"
#include "words/near_miss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace daxtorture {

namespace {

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
    if (f.invariant != 0)
        section +=
            fmt::format("<p>I{}: {}</p>\n", f.invariant, escaped(info(invariant_numbered(f.invariant)).text));
    if (const bundle_result kept = read_bundle(run.directory / "failures" / f.bundle)) {
        section += "<p>" + escaped(kept.value->found.detail) + "</p>\n";
        section += lanes(kept.value->found, workers_of(*kept.value));
        section += html_command("daxtorture reproduce " + (run.directory / "failures" / f.bundle).string());
        const std::string known =
            findings_like(kept.value->what, kept.value->found.invariant, kept.value->found.cause);
        if (!known.empty())
            section += fmt::format("<p>looks like <code>{}</code></p>\n", escaped(known));
        section += fmt::format("<details><summary>the program</summary><pre>{}</pre></details>\n",
                               escaped(print(kept.value->what)));
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

/// Kills and resumes, which lie between slices.
std::vector<time_mark> marks_of(const run_contents& run) {
    std::vector<time_mark> marks;
    for (const event_record& e : run.events)
        if (e.what != "leg" && e.what != "run-ended")
            marks.push_back({e.at, e.what + (e.text.empty() ? "" : ": " + e.text)});
    return marks;
}

std::string totals_table(const stress_summary& sum, const std::map<std::string, std::vector<double>>& rates) {
    std::string table = "<div class=\"wide\"><table><tr><th>operation</th><th>total</th><th>done</th>"
                        "<th>per second</th><th>over time</th></tr>\n";
    for (const stress_count& one : sum.per_operation) {
        const auto rate = rates.find(one.operation);
        const double mean = sum.seconds > 0 ? static_cast<double>(one.total) / sum.seconds : 0;
        table +=
            fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", one.operation,
                        grouped(one.total), grouped(one.done), grouped(static_cast<std::uint64_t>(mean)),
                        rate == rates.end() ? "" : sparkline(rate->second));
    }
    return table + "</table></div>\n";
}

} // namespace

std::string run_html(const run_contents& run) {
    const stress_summary sum = summarise(run);
    const run_parameters& p = run.begin.parameters;
    const run_origin& o = run.begin.origin;
    const timeline time(run);
    std::string page =
        fmt::format("<h1><span class=\"{0}\">{0}</span>: {1} under {2}</h1>\n<p>{3} operations and "
                    "{4} rounds in {5}, {6}{7}</p>\n<dl>\n",
                    name(sum.verdict), escaped(sum.what), escaped(sum.protocol), grouped(sum.operations),
                    grouped(sum.rounds), duration_text(sum.seconds), counted(sum.failures_seen, "failure"),
                    sum.note.empty() ? "." : ": " + escaped(sum.note));
    fact(page, "parameters", parameters_text(p));
    fact(page, "begun", local_time(o.started));
    fact(page, "ended", run.end ? local_time(run.end->time) : "not yet");
    fact(page, "host", o.host + ", " + o.kernel);
    fact(page, "version", "daxtorture " + o.version + ", " + o.compiler);
    fact(page, "run", o.run);
    fact(page, "merged from", o.merged.empty() ? "" : counted(o.merged.size(), "run"));
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
    std::vector<double> whole = time.empty();
    for (const auto& [operation, rate] : rates)
        for (std::size_t i = 0; i < whole.size(); ++i)
            whole[i] += rate[i];
    page += "<h2>Operations per second</h2>\n" +
            time_plot("all operations", short_number(static_cast<double>(sum.operations)) + " in all", whole,
                      time.length(), "/s", marks_of(run), true) +
            totals_table(sum, rates) + "<h2>Memory of the worker process</h2>\n<div class=\"plots\">\n" +
            time_plot("resident", "", memory, time.length(), "MiB") + "</div>\n";

    page += near_miss_section(sum) + latency_section(sum) + overlap_section(sum);
    std::string events;
    for (const event_record& e : run.events)
        if (e.what != "leg")
            events += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", local_time(e.time),
                                  escaped(e.what), escaped(e.text));
    if (!events.empty())
        page += "<h2>Events</h2>\n<div class=\"wide\"><table>" + events + "</table></div>\n";
    return html_page(fmt::format("{}: {}", name(sum.verdict), sum.what), page);
}

} // namespace daxtorture
