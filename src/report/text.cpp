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
    case verdict_kind::error:
        return style::bad;
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
    std::string text = name(one.verdict);
    for (const invariant id : one.broken)
        text += " " + name(id);
    return text;
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

std::string counted(std::uint64_t number, std::string_view thing, std::string_view plural_ending) {
    return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : plural_ending);
}

std::string operation_result::text() const {
    std::string ends;
    for (std::size_t i = 0; i < executions.size(); ++i)
        if (executions[i] != 0)
            ends += fmt::format("{}{} in {}", ends.empty() ? "" : ", ", outcome_names[i],
                                counted(executions[i], "execution"));
    return fmt::format("{}{} ({}): {}", operation,
                       purpose == outcome::done ? "" : fmt::format(" -> {}", daxtorture::name(purpose)),
                       thread, ends.empty() ? "no execution came to its end" : ends);
}

namespace {

/// For who wants to know: the searches, and what they cut short, ran twice or took samples of.
std::string details_text(const scenario_verdict& v) {
    std::string text = " (" + v.scheduler;
    if (v.found.kind != failure_kind::none)
        text += "; " + v.note;
    if (v.repetitions != 0)
        text += "; " + counted(v.repetitions, "execution") + " cut short as repetitions";
    if (v.rechecked != 0)
        text += "; " + counted(v.rechecked, "execution") + " run twice";
    if (!v.coverage_note.empty())
        text += "; " + v.coverage_note;
    return text + ")";
}

std::string never_done_text(const scenario_verdict& v) {
    constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, v.never_done.size()); ++i)
        text += (i == 0 ? "; never done: " : "; ") + v.never_done[i];
    if (v.never_done.size() > most)
        text += fmt::format("; and {} more", v.never_done.size() - most);
    return text;
}

std::string finding_text(const scenario_verdict& v) {
    if (v.known_finding)
        return v.finding.empty() ? "; a known finding" : fmt::format("; known: {}", v.finding);
    return v.finding.empty() ? "" : fmt::format("; looks like {}", v.finding);
}

} // namespace

std::string verdict_line(const scenario_verdict& v, const verdict_look& look) {
    std::string text = paint(fmt::format("{:<12}", name(v.verdict)), look_of(v.verdict), look.colour);
    text += fmt::format(" {:<{}}  {}: ", v.name, std::max(look.name_width, v.name.size()), what_ran(v));
    const bool failed = v.verdict == verdict_kind::fail || v.verdict == verdict_kind::error;
    if (failed)
        text += (v.found.invariant != invariant::none ? name(v.found.invariant) + ", " : "") + v.found.cause +
                "; after " + counted(v.executions - v.repetitions, "execution") + " in";
    else
        text += v.note + (v.note.empty() ? "in" : ", in");
    text += fmt::format(" {:.2f} s", v.seconds);
    if (look.verbose && !v.scheduler.empty())
        text += details_text(v);
    text += never_done_text(v) + finding_text(v);
    if (v.expected && !as_expected(v))
        text += paint("; expected " + expected_text(*v.expected), style::bad, look.colour);
    else if (v.expected && v.verdict == verdict_kind::fail && !v.known_finding)
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

std::string count_text(std::span<const scenario_verdict> all) {
    std::string text = counted(all.size(), "scenario") + ":";
    for (const verdict_kind kind :
         {verdict_kind::pass, verdict_kind::fail, verdict_kind::inconclusive, verdict_kind::error}) {
        std::vector<std::string> names;
        std::size_t known = 0;
        for (const scenario_verdict& v : all) {
            if (v.verdict != kind)
                continue;
            known += v.known_finding ? 1 : 0;
            if (!v.known_finding)
                names.push_back(v.name);
        }
        const std::size_t count = names.size() + known;
        if (kind == verdict_kind::error && count == 0)
            continue;
        text += fmt::format("{} {} {}", kind == verdict_kind::pass ? "" : ",", count, name(kind));
        std::string which = known == 0 ? "" : counted(known, "known finding");
        if (kind != verdict_kind::pass && !names.empty())
            which += (which.empty() ? "" : ", ") + joined(names);
        if (!which.empty())
            text += " (" + which + ")";
    }
    const auto unexpected =
        std::count_if(all.begin(), all.end(), [](const scenario_verdict& v) { return !as_expected(v); });
    return text + (unexpected == 0 ? "" : fmt::format("; {} not as expected", unexpected));
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
    if (!v.finding.empty())
        text += "\n" + wrapped((v.known_finding ? "known: " : "looks like: ") + v.finding, options);
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
