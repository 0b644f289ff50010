#include "cli/commands.hpp"
#include "jobs/campaign.hpp"
#include "jobs/checker.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/loads.hpp"
#include "jobs/output.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "base/seed.hpp"
#include "base/suggest.hpp"
#include "protocol/presets.hpp"
#include "report/json.hpp"
#include "report/text.hpp"
#include "run/campaign/codec.hpp"
#include "run/campaign/journal.hpp"
#include "run/lift/lift.hpp"
#include "scenario/known.hpp"
#include "scenario/printer.hpp"
#include "stress/mix.hpp"
#include "stress/stress.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace daxtorture::cli {
namespace {

/// Short enough to type.
std::uint64_t short_seed() { return fresh_seed() >> 16; }

/// One load per scenario or mix and protocol, checked.
std::vector<load> loads_of(const stress_command& command) {
    std::vector<load> loads;
    std::vector<std::string> protocols = command.protocols;
    if (protocols.empty())
        protocols.emplace_back();
    if (!command.scenarios.empty())
        for (const program& read : load_scenarios(command.scenarios))
            for (const std::string& protocol : protocols) {
                program what = read;
                override_arch(what, command.arch);
                override_rules(what, protocol, command.rules);
                if (what.threads.empty())
                    throw usage_error("scenario '" + what.name + "' has no threads");
                check_setup(what);
                load one{what.name, print(what), what.protocol, {}, ""};
                for (const auto& [rule, value] : what.rules)
                    one.rules.push_back(fmt::format("{}={}", rule, value));
                loads.push_back(std::move(one));
            }
    std::vector<std::string> mixes = command.mixes;
    if (mixes.empty() && command.scenarios.empty())
        mixes = {"default"};
    for (const std::string& mix : mixes) {
        if (stress::find_mix(mix) == nullptr) {
            const std::vector<std::string_view> names = names_of(stress::mix_table());
            throw usage_error(fmt::format("unknown mix '{}'{}; known: {}", mix, did_you_mean(mix, names),
                                          fmt::join(names, ", ")));
        }
        for (const std::string& protocol : protocols) {
            named_protocol named = find_protocol(protocol);
            named.rules.insert(named.rules.end(), command.rules.begin(), command.rules.end());
            load one{mix, "", named.preset.empty() ? "v7.3" : named.preset, std::move(named.rules),
                     command.arch};
            rules_of(one);
            loads.push_back(std::move(one));
        }
    }
    return loads;
}

run_parameters parameters_from(const stress_command& command, std::vector<load> loads) {
    run_parameters p;
    p.loads = std::move(loads);
    p.workers = command.workers == 0 ? 0 : stress::worker_count(command.workers);
    if (p.workers != command.workers)
        spdlog::warn("--workers {}: the model has tasks for {} at most, and so many run", command.workers,
                     p.workers);
    p.seconds = command.seconds;
    if (command.until)
        p.until = std::time(nullptr) + static_cast<std::int64_t>(command.seconds);
    p.seed = command.seed != 0 ? command.seed : short_seed();
    p.hang_after = command.hang_after;
    p.keep_going = command.keep_going;
    p.record = command.record;
    p.ledger = command.ledger;
    p.pin = command.pin;
    p.processors = command.processors;
    p.turn = command.turn;
    p.slice = command.slice > 0 ? command.slice : std::clamp(command.seconds / 600, 1.0, 5.0);
    p.shard_index = command.part.index;
    p.shard_count = command.part.count;
    return p;
}

/// Is what the directory holds a run as it is asked for now? What was not asked for may differ: a fresh seed, and what follows from the
/// time that is left until the same time of day.
void require_same_run(const stress_command& asked, run_parameters wanted) {
    const run_parameters kept = read_journal(asked.out).begin.parameters;
    if (asked.seed == 0)
        wanted.seed = kept.seed;
    constexpr std::int64_t rounding = 2;
    if (wanted.until != 0 && std::abs(wanted.until - kept.until) <= rounding) {
        wanted.until = kept.until;
        wanted.seconds = kept.seconds;
        if (asked.slice <= 0)
            wanted.slice = kept.slice;
    }
    const std::vector<std::string> differ = differing_parameters(kept, wanted);
    if (!differ.empty())
        throw usage_error(
            fmt::format("{}: holds a run with other parameters ({}): {}; choose another directory", asked.out,
                        fmt::join(differ, ", "), parameters_text(kept)));
}

/// A job of a Slurm array does its share without being told.
shard shard_of_slurm(shard given) {
    const auto number = [](const char* variable, unsigned& value) {
        const char* text = std::getenv(variable);
        if (text == nullptr)
            return false;
        const char* end = text + std::strlen(text);
        return std::from_chars(text, end, value).ptr == end && end != text;
    };
    unsigned id = 0;
    unsigned count = 0;
    if (!number("SLURM_ARRAY_TASK_ID", id) || !number("SLURM_ARRAY_TASK_COUNT", count) || count == 0)
        return given;
    unsigned first = 0;
    unsigned step = 1;
    number("SLURM_ARRAY_TASK_MIN", first);
    number("SLURM_ARRAY_TASK_STEP", step);
    if (id < first || step == 0 || (id - first) / step >= count) {
        spdlog::warn("Slurm array task {} of {} from {} makes no shard; give --shard i/n", id, count, first);
        return given;
    }
    const shard part{(id - first) / step, count};
    spdlog::info("Slurm array task {}: shard {}/{}", id, part.index + 1, part.count);
    return part;
}

stress_summary summarise(const load& what, const stress_options& options, stress_result result) {
    stress_summary all;
    static_cast<stress_totals&>(all) = totals_of(result);
    all.what = options.scenario ? options.scenario->name : "mix " + options.mix;
    all.protocol = what.protocol;
    all.rules = differences(find_preset(all.protocol)->rules, options.rules);
    all.seed = options.seed;
    all.ledger = options.ledger;
    all.verdict = result.verdict;
    all.note = result.note;
    if (result.cancelled)
        all.note = "stopped by a signal" + (all.note.empty() ? "" : "; " + all.note);
    all.operations = result.operations;
    all.failures = std::move(result.failures);
    return all;
}

exit_code exit_code_of_stress(verdict_kind verdict) {
    switch (verdict) {
    case verdict_kind::pass:
        return exit_code::pass;
    case verdict_kind::fail:
        return exit_code::violation;
    case verdict_kind::inconclusive:
        return exit_code::inconclusive;
    case verdict_kind::error:
        break;
    }
    return exit_code::tool_failed;
}

/// What ran when a failure came: the scenario, or the end of the mix that the recorders have.
program program_of(const stress_options& options, const program& mix, const failure& found) {
    return options.scenario ? *options.scenario : window_of(mix, found.events);
}

/// Each distinct failure as a bundle without a schedule, and what to do with it.
void keep_failures(const stress_options& options, const stress_summary& all, const program& mix, bool quiet) {
    for (std::size_t i = 0; i < all.failures.size(); ++i) {
        const failure& found = all.failures[i];
        told_failure told;
        told.kept.what = program_of(options, mix, found);
        told.kept.engine = "stress";
        told.kept.command = own_command();
        told.kept.seed = options.seed;
        told.kept.found = found;
        told.kept.source_hash = checker_fingerprint();
        scenario_verdict verdict;
        verdict.name = "stress-" + told.kept.what.name;
        verdict.protocol = all.protocol;
        verdict.rules = all.rules;
        verdict.memory = "host";
        verdict.verdict = verdict_kind::fail;
        verdict.found = found;
        const kept_failure kept = keep_failure(told, verdict, default_failure_directory, {});
        tell_unkept(kept);
        if (quiet || !kept.problem.empty())
            continue;
        fmt::print("\n");
        if (!all.findings[i].empty())
            fmt::print("looks like: {}\n", all.findings[i]);
        fmt::print("next: daxtorture reproduce {}\n", kept.bundle.string());
    }
}

exit_code run_campaign(const stress_command& command, const std::vector<load>& loads,
                       campaign_options lasting) {
    lasting.directory = command.out;
    const run_parameters parameters = parameters_from(command, loads);
    try {
        if (command.or_resume && holds_run(command.out)) {
            require_same_run(command, parameters);
            return resume_campaign(lasting);
        }
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
    return begin_campaign(parameters, lasting);
}

} // namespace

exit_code run_stress_command(const stress_command& given) {
    campaign_options lasting;
    lasting.json = given.json;
    lasting.prometheus = given.prometheus;
    lasting.cancel = &interruption();
    if (!given.resume.empty()) {
        lasting.directory = given.resume;
        end_on_signals();
        return resume_campaign(lasting);
    }
    stress_command command = given;
    if (!command.part_given)
        command.part = shard_of_slurm(command.part);
    const std::vector<load> loads = loads_of(command);
    end_on_signals();
    if (!command.out.empty())
        return run_campaign(command, loads, lasting);
    if (command.or_resume)
        throw usage_error("--or-resume needs a campaign: name its directory with --out DIR");
    if (loads.size() != 1)
        throw usage_error(fmt::format(
            "{} loads take turns in a campaign only: name its directory with --out DIR", loads.size()));
    if (!command.prometheus.empty())
        throw usage_error("--prometheus needs a campaign: name its directory with --out DIR");
    require_writable(command.json);
    const load& what = loads.front();
    run_parameters parameters = parameters_from(command, loads);
    // Shards share a seed and differ by their number.
    parameters.seed += parameters.shard_index * 0x9e3779b97f4a7c15U;
    stress_options options = options_of(parameters, what);
    options.cancel = &interruption();
    status_line status;
    options.on_progress = [&](const stress_progress& now) {
        status.show(fmt::format("{:.0f}/{:.0f} s  {} operations  {} rounds  {} failures", now.seconds,
                                now.seconds_total, grouped(now.operations), grouped(now.rounds),
                                now.failures_seen));
    };
    spdlog::info("stress: {}", parameters_text(parameters));
    stress_result result;
    try {
        result = run_stress(options);
    } catch (const std::invalid_argument& wrong) {
        throw usage_error(wrong.what());
    }
    status.clear();
    const bool abandoned = result.abandoned_workers;
    const program mix = options.scenario ? program{}
                                         : stress::mix_program(what.name, what.protocol, what.rules,
                                                               options.machine, result.workers);
    stress_summary all = summarise(what, options, std::move(result));
    for (const failure& found : all.failures)
        all.findings.push_back(findings_like(program_of(options, mix, found), found.invariant, found.cause));
    const ladder_options look = screen_look();
    if (command.json != "-")
        fmt::print("{}", stress_table(all, look));
    if (!command.json.empty())
        write_result(command.json, stress_json(all));
    keep_failures(options, all, mix, command.json == "-");
    parameters.workers = all.workers;
    spdlog::info("stress: {}{}: {}", name(all.verdict), all.note.empty() ? "" : " (" + all.note + ")",
                 parameters_text(parameters));
    const exit_code code = exit_code_of_stress(all.verdict);
    if (abandoned) { // a worker still runs: leave without destroying what it uses
        std::fflush(nullptr);
        std::_Exit(static_cast<int>(code));
    }
    return code;
}

} // namespace daxtorture::cli
