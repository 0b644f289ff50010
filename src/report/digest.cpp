#include "report/digest.hpp"

#include "report/near_misses.hpp"
#include "report/run.hpp"
#include "report/text.hpp"
#include "report/wrap.hpp"
#include "run/campaign/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture {
namespace {

/// A problem has one line: what does not fit is in the report.
std::string cut(const std::string& text) {
    if (text.size() <= digest_width)
        return text;
    std::string shorter = wrap(text, digest_width - 4).front();
    return shorter + " ...";
}

std::vector<std::string> wrapped(const std::vector<std::string>& paragraphs) {
    std::vector<std::string> lines;
    for (const std::string& one : paragraphs)
        for (std::string& line : wrap(one, digest_width, 2))
            lines.push_back(std::move(line));
    return lines;
}

bool is_news(const scenario_verdict& v) {
    return v.verdict == verdict_kind::error || (v.verdict == verdict_kind::fail && !v.known_finding);
}

const char* word_of(exit_code code) {
    switch (code) {
    case exit_code::pass:
        return "pass";
    case exit_code::violation:
        return "fail";
    case exit_code::inconclusive:
        return "inconclusive";
    default:
        return "error";
    }
}

} // namespace

std::string digest_text(const digest& all) {
    std::vector<std::string> lines = wrapped(all.head);
    lines.resize(std::min(lines.size(), digest_lines - 1));
    std::vector<std::string> tail = wrapped(all.tail);
    tail.resize(std::min(tail.size(), digest_lines - 1 - lines.size()));
    std::size_t room = digest_lines - lines.size() - tail.size();
    const std::size_t shown = all.problems.size() <= room ? all.problems.size() : room - 1;
    for (std::size_t i = 0; i < shown; ++i)
        lines.push_back(cut(all.problems[i]));
    if (shown < all.problems.size())
        lines.push_back(fmt::format("... and {} more", all.problems.size() - shown));
    lines.insert(lines.end(), tail.begin(), tail.end());
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

std::string verdicts_digest(std::string_view command, std::span<const scenario_verdict> all) {
    std::size_t counts[4] = {};
    std::size_t known = 0;
    std::uint64_t executions = 0;
    double seconds = 0;
    digest text;
    std::string first;
    for (const scenario_verdict& v : all) {
        ++counts[static_cast<std::size_t>(v.verdict)];
        known += v.known_finding ? 1 : 0;
        executions += v.executions;
        seconds += v.seconds;
        if (!is_news(v))
            continue;
        text.problems.push_back(fmt::format("{:<5} {}: {}", name(v.verdict), v.name, short_name(v.found)));
        if (first.empty())
            first = v.name;
    }
    for (const scenario_verdict& v : all)
        if (v.verdict == verdict_kind::inconclusive)
            text.problems.push_back(fmt::format("open  {}: {}", v.name, v.note));
    const auto count = [&](verdict_kind kind) { return counts[static_cast<std::size_t>(kind)]; };
    text.head.push_back(fmt::format("daxtorture {}: {}", command, word_of(exit_code_of(all))));
    text.head.push_back(fmt::format("{}: {} pass, {} fail, {} inconclusive, {} error",
                                    counted(all.size(), "scenario"), count(verdict_kind::pass),
                                    count(verdict_kind::fail) - known, count(verdict_kind::inconclusive),
                                    count(verdict_kind::error)));
    if (known != 0)
        text.head.push_back(counted(known, "known finding") + ", see docs/findings");
    text.head.push_back(fmt::format("{} in {}", counted(executions, "execution"), duration_text(seconds)));
    if (!first.empty())
        text.tail.push_back(fmt::format("next: daxtorture {} {}", command, first));
    return digest_text(text);
}

std::string run_digest(const run_contents& run) {
    const stress_summary sum = summarise(run);
    const run_origin& origin = run.begin.origin;
    digest text;
    text.head.push_back(fmt::format("daxtorture stress: {}: {} under {}{}", name(sum.verdict), sum.what,
                                    sum.protocol, sum.note.empty() ? "" : " (" + sum.note + ")"));
    text.head.push_back(fmt::format("{} operations, {} rounds in {}, {} workers, seed {}",
                                    grouped(sum.operations), grouped(sum.rounds), duration_text(sum.seconds),
                                    sum.workers, sum.seed));
    text.head.push_back(
        fmt::format("on {}, {}, begun {}", origin.host, origin.kernel, local_time(origin.started)));
    const std::vector<failure_note> failures = failures_of(run);
    for (const failure_note& f : failures)
        text.problems.push_back(title_of(f, run.begin.parameters));
    if (failures.empty())
        text.tail.push_back(confidence_text(sum));
    else
        text.tail.push_back(fmt::format("{}, {} distinct; next: daxtorture reproduce {}",
                                        counted(sum.failures_seen, "failure"), failures.size(),
                                        (run.directory / "failures" / failures.front().bundle).string()));
    return digest_text(text);
}

} // namespace daxtorture
