/// What a run came to, as plain data: one record per checked scenario, one summary per stress run. std only.
///
/// pass          what was asked was covered; `exhaustive` says whether that means every execution within the bound
/// fail          a violation was found, `found` has it
/// inconclusive  a budget ended first, `note` says which; or an operation never did what it is there for
/// error         the tool failed, `found` says how: nothing was learnt of the protocol
#pragma once

#include "run/exit_code.hpp"
#include "run/totals.hpp"
#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace daxtorture {

constexpr const char* name(verdict_kind v) {
    switch (v) {
    case verdict_kind::pass:
        return "pass";
    case verdict_kind::fail:
        return "fail";
    case verdict_kind::inconclusive:
        return "inconclusive";
    case verdict_kind::error:
        return "error";
    }
    return "?";
}

/// What a search covered of a scenario.
struct coverage_summary {
    std::uint64_t outcomes = 0; ///< distinct results of all operations with the state they left
    std::uint64_t pairs =
        0; ///< pairs of operations of different threads, one met between two steps of the other
    std::uint64_t pairs_possible = 0;
    std::vector<std::string> never; ///< "munmap m0 (unmapper) inside pin m0 0 (pinner)"
    /// Finer: which step of one operation was met between which two steps of the other.
    std::uint64_t ways = 0;
    std::uint64_t ways_possible = 0; ///< with as many steps as were seen: more than can be
    std::vector<std::string>
        least; ///< some pairs met in few ways: "munmap m0 (unmapper) inside pin m0 0 (pinner): 3 of 40 ways"
};

/// How an operation of a scenario ended, over all executions of a search.
struct operation_result {
    std::string operation; ///< "pin m0 0"
    std::string thread;    ///< or "set-up"
    outcome purpose = outcome::done;
    std::array<std::uint64_t, outcome_names.size()> executions{}; ///< by outcome

    /// Did it, in some execution, what it is in the scenario for?
    bool serves() const { return executions[static_cast<std::size_t>(purpose)] != 0; }
    /// "pin m0 0 (pinner): nothing in 7,191 executions"
    std::string text() const;
};

struct scenario_verdict {
    std::string name;
    std::string protocol;
    std::string rules;     ///< what differs from the preset: "NAME=VALUE NAME=VALUE"
    std::string memory;    ///< sc, tso or weak
    std::string scheduler; ///< uniform, pct, bound, full, or several joined by '+'
    verdict_kind verdict = verdict_kind::inconclusive;
    std::uint64_t executions = 0;
    std::uint64_t repetitions = 0; ///< of them: cut short because they repeated others
    double seconds = 0;
    bool exhaustive = false;
    std::string note;                    ///< why it is inconclusive, or what pass means; may be empty
    std::optional<expectation> expected; ///< what the scenario file expects under this protocol
    failure found;                       ///< of a fail
    bool known_finding =
        false; ///< the failure is one that the scenario documents of an unmodified preset: not news
    std::string
        finding; ///< the page in docs/findings that has the failure, or the pages that it looks like; empty: none
    std::uint64_t rechecked = 0; ///< executions that were run twice and were the same
    std::vector<operation_result> operations;
    std::vector<std::string> never_done;     ///< those that never served, without a failure
    std::optional<coverage_summary> covered; ///< when asked for
    std::string coverage_note;               ///< what samples say of it; may be empty
};

/// The verdict is the expected one. An inconclusive run contradicts nothing; without an expectation nothing is unexpected.
inline bool as_expected(const scenario_verdict& v) {
    if (!v.expected || v.verdict == verdict_kind::inconclusive)
        return true;
    if (v.verdict != v.expected->verdict)
        return v.expected->verdict == verdict_kind::inconclusive;
    return v.verdict != verdict_kind::fail || v.expected->expects_failure_of(v.found.invariant);
}

/// The exit code of a check: its worst verdict. Known findings do not count; a scenario that breaks the protocol by rules of its own
/// does, although it expects to fail. A failure of the tool counts before all.
constexpr exit_code exit_code_of(std::span<const scenario_verdict> all) {
    exit_code worst = exit_code::pass;
    for (const scenario_verdict& v : all) {
        if (v.verdict == verdict_kind::error)
            return exit_code::tool_failed;
        if (v.verdict == verdict_kind::fail && !v.known_finding)
            worst = exit_code::violation;
        else if (v.verdict == verdict_kind::inconclusive && worst == exit_code::pass)
            worst = exit_code::inconclusive;
    }
    return worst;
}

struct stress_summary : stress_totals {
    std::string what; ///< the scenario's or the mix's name
    std::string protocol;
    std::string rules;
    std::uint64_t seed = 0;
    verdict_kind verdict = verdict_kind::inconclusive;
    std::string note;
    std::uint64_t operations = 0;
    bool ledger = true;            ///< false: the checks in `ledger_checks` were off
    std::vector<failure> failures; ///< distinct ones
    /// Of each of them: the pages in docs/findings that it looks like; empty: none.
    std::vector<std::string> findings;
};

} // namespace daxtorture
