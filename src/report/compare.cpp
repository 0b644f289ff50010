#include "report/compare.hpp"

#include "report/confidence.hpp"
#include "report/near_misses.hpp"
#include "report/run.hpp"
#include "report/text.hpp"
#include "report/wrap.hpp"
#include "run/campaign/codec.hpp"
#include "run/campaign/summary.hpp"
#include "words/near_miss.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

namespace daxtorture {
namespace {

struct moments {
    double mean = 0;
    double error = 0; ///< squared, of the mean
    double count = 0;
};

moments moments_of(const std::vector<double>& samples) {
    moments m;
    m.count = static_cast<double>(samples.size());
    for (const double one : samples)
        m.mean += one / m.count;
    if (samples.size() < 2)
        return m;
    for (const double one : samples)
        m.error += (one - m.mean) * (one - m.mean) / (m.count - 1) / m.count;
    return m;
}

/// Student's t with `freedom` degrees for a two-sided interval at confidence_level: the expansion of Cornish and Fisher.
double student(double freedom) {
    static_assert(confidence_level == 0.99);
    constexpr double z = 2.5758293; // the normal quantile of 0.995
    constexpr double z3 = z * z * z;
    constexpr double z5 = z3 * z * z;
    constexpr double z7 = z5 * z * z;
    const double v = std::max(freedom, 1.0);
    return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

std::string percent(double part) { return fmt::format("{:+.1f} %", part * 100); }

/// "-1.0 % (-2.1 % to +0.3 %)", and what that means.
std::string change_text(const change& of) {
    if (of.before <= 0)
        return of.after > 0 ? "new" : "";
    std::string text = percent(of.after / of.before - 1);
    if (of.known)
        text += fmt::format(" ({} to {})", percent(of.low), percent(of.high));
    return text;
}

using samples_of = std::function<std::optional<double>(const slice_record&)>;

std::vector<double> samples(const run_contents& run, const samples_of& sample) {
    std::vector<double> all;
    for (const slice_record& slice : run.slices)
        if (slice.seconds > 0)
            if (const auto value = sample(slice))
                all.push_back(*value);
    return all;
}

const tally* find(const tallies& all, std::string_view name) {
    const auto found = std::ranges::find(all, name, &tally::name);
    return found == all.end() ? nullptr : &*found;
}

/// Fewer timed operations than that have no median worth the name.
constexpr std::uint64_t timed_min = 10;

class run_comparison {
  public:
    run_comparison(const run_contents& before, const run_contents& after, std::size_t width)
        : a_(before), b_(after), sum_a_(summarise(before)), sum_b_(summarise(after)), width_(width) {}

    comparison take() {
        head("A", a_, sum_a_);
        head("B", b_, sum_b_);
        if (const auto differ = differing_parameters(a_.begin.parameters, b_.begin.parameters);
            !differ.empty())
            paragraph(fmt::format("not the same parameters: {}", fmt::join(differ, ", ")));
        failures();
        throughput();
        near_misses();
        latencies();
        paragraph(
            fmt::format("Intervals: {:.0f} % confidence, from slices of the journals. One value in a hundred "
                        "lies outside of its own by chance.",
                        confidence_level * 100));
        for (const std::string& one : all_.regressions)
            paragraph("REGRESSION: " + one);
        if (all_.regressions.empty())
            paragraph("no regression");
        return std::move(all_);
    }

  private:
    void paragraph(const std::string& text) {
        for (const std::string& line : wrap(text, width_, 4))
            all_.text += line + "\n";
    }

    void head(const char* side, const run_contents& run, const stress_summary& sum) {
        const run_origin& o = run.begin.origin;
        paragraph(fmt::format(
            "{}  {}: {} {} under {}, {} operations in {}, {} workers; daxtorture {} by {} on {}", side,
            run.directory.string(), name(sum.verdict), sum.what, sum.protocol, grouped(sum.operations),
            duration_text(sum.seconds), sum.workers, o.version, o.compiler, o.host));
    }

    static std::set<std::string> titles(const run_contents& run) {
        std::set<std::string> all;
        for (const failure_note& one : failures_of(run))
            all.insert(title_of(one, run.begin.parameters));
        return all;
    }

    void failures() {
        const std::set<std::string> before = titles(a_);
        const std::set<std::string> after = titles(b_);
        all_.text += "\n";
        paragraph(fmt::format("failures: {} in A, {} in B", grouped(sum_a_.failures_seen),
                              grouped(sum_b_.failures_seen)));
        for (const std::string& one : after)
            if (!before.contains(one)) {
                paragraph("  new:  " + one);
                all_.regressions.push_back("a new failure: " + one);
            }
        for (const std::string& one : before)
            if (!after.contains(one))
                paragraph("  gone: " + one);
        if (sum_a_.failures_seen != 0 && sum_b_.failures_seen == 0) {
            const double needed = confidence_of(sum_a_).more;
            paragraph(
                fmt::format("  at A's rate, {} without a failure would mean that they are gone; B ran {}",
                            duration_text(needed), duration_text(sum_b_.seconds)));
        }
        if (chance_of_more(sum_a_.failures_seen, sum_a_.seconds, sum_b_.failures_seen, sum_b_.seconds) <
                1 - confidence_level &&
            sum_a_.failures_seen != 0)
            all_.regressions.push_back(fmt::format("failures come more often: {} in {} before, {} in {} now",
                                                   sum_a_.failures_seen, duration_text(sum_a_.seconds),
                                                   sum_b_.failures_seen, duration_text(sum_b_.seconds)));
    }

    void table(const char* title) {
        all_.text += fmt::format("\n{:<20} {:>12} {:>12}   {}\n", title, "A", "B", "change");
    }

    void row(std::string_view name, const std::string& before, const std::string& after,
             const std::string& change) {
        std::string line = fmt::format("{:<20} {:>12} {:>12}   {}", name, before, after, change);
        while (line.ends_with(' '))
            line.pop_back();
        all_.text += line + "\n";
    }

    change rate(const std::string& operation) const {
        const samples_of of = [&](const slice_record& slice) {
            double total = 0;
            for (const stress_count& one : slice.per_operation)
                total += operation.empty() || one.operation == operation ? static_cast<double>(one.total) : 0;
            return std::optional(total / slice.seconds);
        };
        return change_of(samples(a_, of), samples(b_, of));
    }

    void rate_row(std::string_view name, const change& of) {
        row(name, short_rate(of.before), short_rate(of.after), change_text(of));
    }

    static std::string short_rate(double value) {
        return value >= 100 ? grouped(static_cast<std::uint64_t>(std::llround(value)))
                            : fmt::format("{:.3g}", value);
    }

    void throughput() {
        table("per second");
        const change whole = rate("");
        rate_row("operations", whole);
        if (whole.known && whole.high < -throughput_loss)
            all_.regressions.push_back("fewer operations per second: " + change_text(whole));
        for (const stress_count& one : sum_b_.per_operation)
            if (one.total != 0)
                rate_row("  " + one.operation, rate(one.operation));
        for (const stress_count& one : sum_a_.per_operation)
            if (one.total != 0 && std::ranges::find(sum_b_.per_operation, one.operation,
                                                    &stress_count::operation) == sum_b_.per_operation.end())
                rate_row("  " + one.operation, rate(one.operation));
    }

    void near_misses() {
        table("near misses per s");
        for (const near_miss_info& kind : near_miss_table) {
            const samples_of of = [&](const slice_record& slice) {
                const tally* met = find(slice.seen.near_misses, kind.name);
                return std::optional(met == nullptr ? 0 : static_cast<double>(met->count) / slice.seconds);
            };
            const change c = change_of(samples(a_, of), samples(b_, of));
            if (c.before > 0 || c.after > 0)
                rate_row(kind.name, c);
        }
    }

    void latencies() {
        table("latency, median");
        for (const tally& one : sum_b_.seen.latencies) {
            const samples_of of = [&](const slice_record& slice) -> std::optional<double> {
                const tally* timed = find(slice.seen.latencies, one.name);
                if (timed == nullptr || timed->count < timed_min)
                    return {};
                return quantile(*timed, 0.5);
            };
            const change c = change_of(samples(a_, of), samples(b_, of));
            const tally* before = find(sum_a_.seen.latencies, one.name);
            if (before == nullptr)
                continue;
            row(one.name, nanoseconds_text(quantile(*before, 0.5)), nanoseconds_text(quantile(one, 0.5)),
                change_text(c));
            row("  99 % below", nanoseconds_text(quantile(*before, 0.99)),
                nanoseconds_text(quantile(one, 0.99)), "");
        }
        all_.text += "\n";
    }

    const run_contents& a_;
    const run_contents& b_;
    const stress_summary sum_a_;
    const stress_summary sum_b_;
    const std::size_t width_;
    comparison all_;
};

std::string title_of(const checked_scenario& one) {
    return fmt::format("{} under {}, memory {}", one.name, one.protocol, one.memory);
}

} // namespace

change change_of(const std::vector<double>& before, const std::vector<double>& after) {
    const moments a = moments_of(before);
    const moments b = moments_of(after);
    change c{a.mean, b.mean, 0, 0, false};
    if (a.count < 2 || b.count < 2 || a.mean <= 0)
        return c;
    const double error = a.error + b.error;
    const double parts = a.error * a.error / (a.count - 1) + b.error * b.error / (b.count - 1);
    const double half = parts > 0 ? student(error * error / parts) * std::sqrt(error) : 0;
    c.low = (b.mean - a.mean - half) / a.mean;
    c.high = (b.mean - a.mean + half) / a.mean;
    c.known = true;
    return c;
}

double chance_of_more(std::uint64_t before, double seconds_before, std::uint64_t after,
                      double seconds_after) {
    const std::uint64_t all = before + after;
    if (all == 0 || seconds_before <= 0 || seconds_after <= 0)
        return 1;
    // Given their sum, the second count is binomial.
    const double p = seconds_after / (seconds_before + seconds_after);
    const double n = static_cast<double>(all);
    double chance = 0;
    for (std::uint64_t k = after; k <= all; ++k) {
        const double x = static_cast<double>(k);
        chance += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) +
                           x * std::log(p) + (n - x) * std::log1p(-p));
    }
    return std::min(1.0, chance);
}

comparison compare_runs(const run_contents& before, const run_contents& after, std::size_t width) {
    return run_comparison(before, after, width).take();
}

std::vector<checked_scenario> parse_check_json(const std::string& text) {
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    if (document.is_discarded() || !document.is_object() || !document.contains("scenarios") ||
        !document["scenarios"].is_array())
        throw std::invalid_argument(
            "expected a document of `daxtorture check --json`, with an array \"scenarios\"");
    std::vector<checked_scenario> all;
    for (std::size_t i = 0; i < document["scenarios"].size(); ++i) {
        const nlohmann::json& from = document["scenarios"][i];
        const auto field = [&](const char* key) {
            const bool missing = !from.is_object() || !from.contains(key);
            if (missing || !(from[key].is_string() || from[key].is_null()))
                throw std::invalid_argument(fmt::format("scenarios[{}].{}: expected a string", i, key));
            return from[key].is_null() ? std::string() : from[key].get<std::string>();
        };
        checked_scenario one{field("name"), field("protocol"), field("memory"), field("verdict"), "", 0, 0};
        if (const std::string rules = field("rules"); !rules.empty())
            one.protocol += " " + rules;
        const std::string invariant = field("invariant");
        one.failure = invariant + (invariant.empty() ? "" : " ") + field("cause");
        if (!from.value("executions", nlohmann::json()).is_number_unsigned() ||
            !from.value("seconds", nlohmann::json()).is_number())
            throw std::invalid_argument(
                fmt::format("scenarios[{}]: expected numbers \"executions\" and \"seconds\"", i));
        one.executions = from["executions"].get<std::uint64_t>();
        one.seconds = from["seconds"].get<double>();
        all.push_back(std::move(one));
    }
    return all;
}

comparison compare_checks(const std::vector<checked_scenario>& before,
                          const std::vector<checked_scenario>& after, std::size_t width) {
    comparison all;
    const auto paragraph = [&](const std::string& text) {
        for (const std::string& line : wrap(text, width, 4))
            all.text += line + "\n";
    };
    std::map<std::string, const checked_scenario*> known;
    std::uint64_t executions[2] = {};
    double seconds[2] = {};
    for (const checked_scenario& one : before) {
        known[title_of(one)] = &one;
        executions[0] += one.executions;
        seconds[0] += one.seconds;
    }
    std::size_t same = 0;
    for (const checked_scenario& now : after) {
        executions[1] += now.executions;
        seconds[1] += now.seconds;
        const auto found = known.find(title_of(now));
        const checked_scenario* then = found == known.end() ? nullptr : found->second;
        if (found != known.end())
            known.erase(found);
        const std::string told = now.verdict + (now.failure.empty() ? "" : ": " + now.failure);
        if (then == nullptr)
            paragraph(fmt::format("only in B: {}: {}", title_of(now), told));
        else if (then->verdict == now.verdict && then->failure == now.failure)
            ++same;
        else
            paragraph(fmt::format("{}: {}{} -> {}", title_of(now), then->verdict,
                                  then->failure.empty() ? "" : ": " + then->failure, told));
        const bool worse = now.verdict == "fail" || now.verdict == "error";
        if (worse && (then == nullptr || then->verdict != now.verdict || then->failure != now.failure))
            all.regressions.push_back(fmt::format("{}: {}", title_of(now), told));
    }
    for (const auto& [title, gone] : known)
        paragraph(fmt::format("only in A: {}: {}", title, gone->verdict));
    paragraph(fmt::format("{} as before; {} in {} before, {} in {} now", counted(same, "scenario"),
                          counted(executions[0], "execution"), duration_text(seconds[0]),
                          counted(executions[1], "execution"), duration_text(seconds[1])));
    for (const std::string& one : all.regressions)
        paragraph("REGRESSION: " + one);
    if (all.regressions.empty())
        paragraph("no regression");
    return all;
}

} // namespace daxtorture
