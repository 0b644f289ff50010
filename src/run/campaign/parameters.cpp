#include "run/campaign/parameters.hpp"

#include "base/words.hpp"
#include "words/invariant.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace daxtorture {

namespace {

/// Those of which the ledger alone sees some violations.
std::string ledger_invariants() {
    std::vector<std::string> names;
    for (const ledger_check& one : ledger_checks)
        if (one.id != invariant::none)
            names.push_back(name(one.id));
    return joined(distinct(std::move(names)), " ");
}

} // namespace

std::string parameters_text(const run_parameters& p) {
    std::vector<std::string> loads;
    for (const load& l : p.loads)
        loads.push_back((l.scenario.empty() ? "mix " : "scenario ") + l.name + " under " + l.protocol +
                        (l.rules.empty() ? "" : " " + joined(l.rules, " ")) +
                        (l.arch.empty() ? "" : " on " + l.arch));
    std::string text =
        fmt::format("{}; {}, {:g} s, seed {}, hang after {:g} s{}", joined(loads, ", "),
                    p.workers == 0 ? "a worker per processor" : fmt::format("{} workers", p.workers),
                    p.seconds, p.seed, p.hang_after, p.keep_going ? ", keep going" : "");
    if (!p.record)
        text += ", no recorder";
    if (!p.ledger)
        text += ", no ledger (off: some checks of " + ledger_invariants() + ")";
    if (!p.pin)
        text += ", not pinned";
    else if (!p.processors.empty())
        text += fmt::format(", on processors {}", fmt::join(p.processors, ","));
    if (p.loads.size() > 1)
        text += fmt::format(", turns of {:g} s", p.turn);
    if (p.shard_count > 1)
        text += fmt::format(", shard {}/{}", p.shard_index + 1, p.shard_count);
    return text;
}

} // namespace daxtorture
