#include "jobs/loads.hpp"

#include "jobs/arch.hpp"
#include "jobs/usage_error.hpp"

#include "protocol/presets.hpp"
#include "scenario/parser.hpp"

namespace daxtorture::jobs {
namespace {

/// Those that were performed.
std::vector<stress_count> by_name(const operation_counts& all) {
    std::vector<stress_count> named;
    for (std::size_t kind = 0; kind < all.size(); ++kind)
        if (all[kind].total != 0)
            named.push_back({std::string(operation_table[kind].name), all[kind].total, all[kind].done});
    return named;
}

} // namespace

protocol rules_of(const load& what) {
    const preset* named = find_preset(what.protocol);
    if (named == nullptr)
        throw usage_error("unknown protocol '" + what.protocol + "'; `daxtorture protocols` lists them");
    protocol rules = named->rules;
    for (const std::string& rule : what.rules)
        if (const auto wrong = set_rule(rules, rule))
            throw usage_error(*wrong);
    return rules;
}

stress_options options_of(const run_parameters& parameters, const load& what) {
    stress_options options;
    options.workers = parameters.workers;
    options.seconds = parameters.seconds;
    options.seed = parameters.seed;
    options.hang_after = parameters.hang_after;
    options.stop_on_failure = !parameters.keep_going;
    options.record = parameters.record;
    options.ledger = parameters.ledger;
    options.pin = parameters.pin;
    options.processors = parameters.processors;
    if (what.scenario.empty()) {
        options.mix = what.name;
        options.rules = rules_of(what);
        if (!what.arch.empty())
            options.machine = arch_named(what.arch);
        return options;
    }
    parse_result parsed = parse_scenario(what.scenario, what.name);
    if (!parsed)
        throw usage_error(parsed.error.text());
    options.scenario = std::move(*parsed.value);
    options.rules = options.scenario->world.rules;
    return options;
}

stress_totals totals_of(const stress_counts& counts) {
    return {counts.seconds,       counts.workers,
            counts.rounds,        counts.quiescent_checks,
            counts.failures_seen, by_name(counts.per_operation),
            counts.seen};
}

} // namespace daxtorture::jobs
