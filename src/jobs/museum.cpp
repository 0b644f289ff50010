#include "jobs/museum.hpp"

#include "jobs/judgement.hpp"
#include "jobs/paths.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/usage_error.hpp"

#include "base/suggest.hpp"
#include "scenario/library.hpp"
#include "scenario/parser.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

namespace daxtorture::jobs {
namespace {

/// How long a fixed protocol is searched, unless the budget says. Most are searched to the end of the default plan in less; the rest
/// would take a minute each, and say that they were cut off.
constexpr double default_fixed_seconds = 5;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool matches(const exhibit& bug, const std::string& wanted) {
    return lower(wanted) == lower(bug.note("bug")) || lower(wanted) == bug.id;
}

std::vector<exhibit> all_exhibits() {
    std::vector<exhibit> all;
    for (const std::filesystem::path& file : museum_files()) {
        parse_result parsed = load_scenario(file);
        if (!parsed)
            throw usage_error(parsed.error.text());
        all.push_back({std::move(*parsed.value), file.stem().string()});
    }
    return all;
}

/// The rule values that bring the fix: words of the note "fixed".
std::vector<std::string> fix_of(const exhibit& bug) {
    std::istringstream words(bug.note("fixed"));
    std::vector<std::string> rules;
    for (std::string word; words >> word;)
        rules.push_back(word);
    return rules;
}

portfolio_result search(const program& scenario, const std::string& memory, double seconds, unsigned jobs,
                        const std::string& stage, const museum_progress& progress) {
    search_options options;
    options.seconds = seconds;
    options.jobs = jobs;
    return search_scenario(scenario, memory, options,
                           [&](const std::string& status) { progress(stage, status); });
}

bool tool_failed(exhibit_result& result, const failure& found) {
    if (found.kind == failure_kind::tool)
        result.tool_failure = found.cause;
    return found.kind == failure_kind::tool;
}

} // namespace

std::string exhibit::note(std::string_view key) const {
    for (const auto& [name, text] : scenario.notes)
        if (name == key)
            return text;
    return "";
}

std::vector<exhibit> exhibits(const std::vector<std::string>& wanted) {
    std::vector<exhibit> all = all_exhibits();
    std::vector<std::string_view> ids;
    for (const exhibit& bug : all)
        ids.push_back(bug.id);
    for (const std::string& id : wanted)
        if (std::ranges::none_of(all, [&](const exhibit& bug) { return matches(bug, id); }))
            throw usage_error("no bug '" + id + "' in the museum" + did_you_mean(id, ids) +
                              "; `daxtorture museum --list` lists them");
    if (!wanted.empty())
        std::erase_if(all, [&](const exhibit& bug) {
            return std::ranges::none_of(wanted, [&](const std::string& id) { return matches(bug, id); });
        });
    return all;
}

exhibit_result examine(const exhibit& bug, const museum_budget& budget, const museum_progress& progress) {
    exhibit_result result;
    result.expected = expectation_of(bug.scenario).value_or(expectation{verdict_kind::fail, {}, ""});
    const std::string memory = bug.scenario.memory.empty() ? "weak" : bug.scenario.memory;
    result.broken = search(bug.scenario, memory, budget.seconds, budget.jobs, "broken", progress);
    if (tool_failed(result, result.broken.found))
        return result;
    result.caught = result.broken.found.kind != failure_kind::none;
    result.right = result.expected.expects_failure_of(result.broken.found.invariant);
    program fixed = bug.scenario;
    override_rules(fixed, "", fix_of(bug));
    const double fixed_seconds =
        budget.fixed_seconds > 0 ? budget.fixed_seconds : std::min(budget.seconds, default_fixed_seconds);
    result.fixed = search(fixed, memory, fixed_seconds, budget.jobs, "fixed", progress);
    if (tool_failed(result, result.fixed.found))
        return result;
    result.fixed_passes = result.fixed.found.kind == failure_kind::none;
    result.fixed_cut_off = result.fixed_passes && !result.fixed.complete;
    if (result.fixed_passes && !result.fixed_cut_off)
        result.fixed_never_done = never_done(fixed, result.fixed.counts);
    return result;
}

std::vector<memory_finding> examine_memory(const exhibit& bug, const museum_budget& budget,
                                           const museum_progress& progress) {
    std::vector<memory_finding> findings;
    for (const std::string memory : {"sc", "tso", "weak"})
        findings.push_back(
            {memory, search(bug.scenario, memory, budget.seconds, budget.jobs, memory, progress)});
    return findings;
}

} // namespace daxtorture::jobs
