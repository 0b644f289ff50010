#include "report/text.hpp"

#include "report/near_misses.hpp"
#include "report/wrap.hpp"
#include "words/invariant.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture {
namespace {

style look_of(verdict_kind v) {
    switch (v) {
    case verdict_kind::pass:
        return style::good;
    case verdict_kind::fail:
        return style::bad;
    case verdict_kind::inconclusive:
        return style::doubtful;
    }
    return style::plain;
}

std::string what_ran(const scenario_verdict& v) {
    std::string text = v.protocol;
    if (!v.rules.empty())
        text += " " + v.rules;
    return text + ", memory " + v.memory;
}

std::string expected_text(const expectation& one) {
    return one.invariant == invariant::none ? std::string(name(one.verdict))
                                            : fmt::format("{} {}", name(one.verdict), name(one.invariant));
}

std::string wrapped(std::string_view text, const ladder_options& options, std::size_t indent = 2) {
    std::string out;
    for (const std::string& one : wrap(text, options.width, indent))
        out += one + "\n";
    return out;
}

std::string joined(const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& one : all)
        text += (text.empty() ? "" : ", ") + one;
    return text;
}

} // namespace

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;)
        text.insert(at -= 3, ",");
    return text;
}

std::string verdict_line(const scenario_verdict& v, std::size_t name_width, bool colour) {
    std::string text = paint(fmt::format("{:<12}", name(v.verdict)), look_of(v.verdict), colour);
    text += fmt::format(" {:<{}}  {}: ", v.name, std::max(name_width, v.name.size()), what_ran(v));
    if (v.verdict == verdict_kind::fail)
        text += (v.found.invariant != invariant::none ? name(v.found.invariant) + ", " : "") + v.found.cause +
                "; ";
    const std::uint64_t whole = v.executions - v.repetitions;
    text += fmt::format("{}{} execution{}", v.exhaustive ? "exhaustive, " : "", grouped(whole),
                        whole == 1 ? "" : "s");
    if (v.repetitions != 0)
        text += fmt::format(" and {} cut short as repetitions", grouped(v.repetitions));
    text += fmt::format(" in {:.2f} s", v.seconds);
    if (!v.scheduler.empty())
        text += " (" + v.scheduler + ")";
    if (!v.note.empty())
        text += "; " + v.note;
    if (v.expected && !as_expected(v))
        text += paint("; expected " + expected_text(*v.expected), style::bad, colour);
    else if (v.known_finding)
        text += "; a known finding";
    else if (v.expected && v.verdict == verdict_kind::fail)
        text += "; as expected";
    return text;
}

std::string coverage_text(const coverage_summary& c, const ladder_options& options) {
    std::string text =
        fmt::format("  {} distinct outcome{}; {} of {} pairs of operations seen one inside the other\n",
                    grouped(c.outcomes), c.outcomes == 1 ? "" : "s", c.pairs, c.pairs_possible);
    text += fmt::format("  step by step: {} of {} ways, which step between which two\n", grouped(c.ways),
                        grouped(c.ways_possible));
    const auto list = [&](const char* what, const std::vector<std::string>& all) {
        for (const std::string& one : all)
            for (const std::string& line : wrap(what + one, options.width - 2, 4))
                text += "  " + line + "\n";
    };
    list("never: ", c.never);
    list("least: ", c.least);
    return text;
}

std::string verdict_table(std::span<const scenario_verdict> all, bool colour) {
    std::size_t widest = 0;
    for (const scenario_verdict& v : all)
        widest = std::max(widest, v.name.size());
    std::size_t counts[3] = {};
    std::size_t unexpected = 0;
    std::string text;
    for (const scenario_verdict& v : all) {
        text += verdict_line(v, widest, colour) + "\n";
        ++counts[static_cast<std::size_t>(v.verdict)];
        unexpected += as_expected(v) ? 0 : 1;
    }
    text += fmt::format("{} scenario{}: {} pass, {} fail, {} inconclusive", all.size(),
                        all.size() == 1 ? "" : "s", counts[0], counts[1], counts[2]);
    return text + (unexpected == 0 ? "" : fmt::format("; {} not as expected", unexpected)) + "\n";
}

std::string state_text(const snapshot& s, const ladder_options& options) {
    std::string text;
    for (const task_snapshot& t : s.tasks) {
        if (!t.blocked)
            continue;
        // As the kernel's hung-task detector says it.
        text +=
            wrapped(fmt::format("INFO: task {}:{} is blocked in '{}'", t.name, t.id, t.operation), options);
        text += wrapped(fmt::format("  waits for {}{}", t.waits_for.empty() ? "?" : t.waits_for,
                                    t.predicate_true ? ": what it waits for is already so" : ""),
                        options);
        if (!t.wait_site.empty())
            text += wrapped("  in " + t.wait_site, options);
        text += t.held.empty() ? "  holds no locks\n" : wrapped("  holds " + joined(t.held), options);
    }
    for (const folio_snapshot& f : s.folios)
        text +=
            wrapped(fmt::format("page {}: refcount {}, mapcount {}, {}{}{}", f.pfn, f.refcount, f.mapcount,
                                s.ledger ? fmt::format("{} pins", f.pins) : "pins not counted (ledger off)",
                                f.mapping.empty() ? "" : fmt::format(", {}[{}]", f.mapping, f.index),
                                f.holders.empty() ? "" : ", held by " + joined(f.holders)),
                    options);
    for (const entry_snapshot& e : s.entries)
        if (e.locked)
            text += wrapped(fmt::format("entry {}[{}] is locked", e.file, e.index), options);
    for (const wake_snapshot& w : s.wakes)
        text += wrapped(fmt::format("last wake-up by {}: {}, woke {}", w.by, w.key, w.woken), options);
    return text;
}

std::string short_name(const failure& what) {
    return what.invariant == invariant::none ? what.cause : name(what.invariant) + " " + what.cause;
}

std::string failure_text(const failure& what, const program& of, const ladder_options& options) {
    std::string text = ladder(what, of, options);
    if (what.kind == failure_kind::deadlock || what.kind == failure_kind::livelock || what.events.empty())
        text += state_text(what.state, options);
    return text;
}

std::string failure_summary(const scenario_verdict& v, const program& of, std::string_view replay_command,
                            const ladder_options& options) {
    std::string text;
    for (const std::string& line : wrap(fmt::format("{} under {}", v.name, what_ran(v)), options.width, 2))
        text += paint(line, style::strong, options.colour) + "\n";
    if (!of.title.empty())
        text += wrapped(of.title, options);
    text += "\n" + failure_text(v.found, of, options);
    if (!replay_command.empty())
        text += fmt::format("\nreplay: {}\n", replay_command); // not wrapped: to be copied
    return text;
}

std::vector<std::string> not_checked(const stress_summary& s) {
    std::vector<std::string> all;
    if (!s.ledger)
        for (const ledger_check& one : ledger_checks)
            all.push_back((one.id == invariant::none ? "" : name(one.id) + ": ") + std::string(one.text));
    return all;
}

std::string stress_table(const stress_summary& s, const ladder_options& options) {
    std::string text =
        fmt::format("{} {} under {}{}: {} operations in {:.1f} s, {} workers, {} rounds, seed {}\n",
                    paint(name(s.verdict), look_of(s.verdict), options.colour), s.what, s.protocol,
                    s.rules.empty() ? "" : " " + s.rules, grouped(s.operations), s.seconds, s.workers,
                    grouped(s.rounds), s.seed);
    if (!s.note.empty())
        text += wrapped(s.note, options);
    for (const std::string& one : not_checked(s))
        text += wrapped("not checked (ledger off): " + one, options);
    text += fmt::format("\n{:<12} {:>16} {:>16} {:>14}\n", "operation", "total", "done", "per second");
    for (const stress_count& one : s.per_operation)
        if (one.total != 0)
            text += fmt::format(
                "{:<12} {:>16} {:>16} {:>14}\n", one.operation, grouped(one.total), grouped(one.done),
                grouped(s.seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(one.total) / s.seconds)
                                      : 0));
    if (const std::string table = near_miss_table_text(s); !table.empty()) {
        text += "\n" + table;
        if (const std::vector<std::string> missing = never_met(s); !missing.empty())
            text += wrapped("never met, so not tested: " + joined(missing), options);
    }
    if (s.quiescent_checks != 0)
        text += "\n" + wrapped(confidence_text(s), options);
    for (const failure& one : s.failures)
        text += "\n" + violation_text(one, options) + state_text(one.state, options);
    return text + repetitions_text(s.failures_seen, s.failures.size());
}

std::string repetitions_text(std::uint64_t seen, std::size_t distinct) {
    if (distinct == 0 || seen == distinct)
        return {};
    return fmt::format("\n{} failures in all, {} distinct\n", grouped(seen), distinct);
}

} // namespace daxtorture
