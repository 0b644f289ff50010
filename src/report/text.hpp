/// Verdicts and failures as text for people. Colours only when asked for.
#pragma once

#include "report/ladder.hpp"
#include "run/verdict.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

struct verdict_look {
    std::size_t name_width = 0; ///< names are padded to it
    bool verbose = false;       ///< which searches ran, what was cut short or run twice
    bool colour = false;
};
/// "pass  break-vs-pin  v6.15, memory weak: every interleaving, 7,191 executions, in 0.3 s": one line per scenario.
std::string verdict_line(const scenario_verdict& what, const verdict_look& look = {});

/// Distinct outcomes, pairs of operations seen inside each other, and by name those never seen.
std::string coverage_text(const coverage_summary& what, const ladder_options& options = {});

/// "2 scenarios: 1 pass, 0 fail, 1 inconclusive (break-vs-pin)": how many came to what, and which of them are no pass.
std::string count_text(std::span<const scenario_verdict> all);

/// "I16 lost wake-up: the page is idle and its waiter sleeps"; without an invariant the cause alone.
std::string short_name(const failure& what);

/// Ladder, invariant and cause; of a hang, or without events, also the state it left.
std::string failure_text(const failure& what, const program& of, const ladder_options& options = {});

/// Invariant, cause, ladder, who sleeps and holds what, and the command that replays it (left out when empty).
std::string failure_summary(const scenario_verdict& what, const program& of, std::string_view replay_command,
                            const ladder_options& options = {});

/// What the run could not see, by invariant: the checks that its options had switched off.
std::vector<std::string> not_checked(const stress_summary& what);

/// Rates per kind of operation, and every failure with the state it left.
std::string stress_table(const stress_summary& what, const ladder_options& options = {});

/// How many failures the distinct ones were; empty when none came twice, or when none is at hand.
std::string repetitions_text(std::uint64_t seen, std::size_t distinct);

/// Every blocked task: operation, what it waits for, where, locks held; then pages, entries and the last wake-ups.
std::string state_text(const snapshot& what, const ladder_options& options = {});

/// 7191 -> "7,191"
std::string grouped(std::uint64_t number);

/// "1 execution", "7,191 executions"
std::string counted(std::uint64_t number, std::string_view thing, std::string_view plural_ending = "s");

} // namespace daxtorture
