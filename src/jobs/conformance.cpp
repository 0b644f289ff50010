#include "jobs/conformance.hpp"

#include "jobs/interrupt.hpp"
#include "jobs/judgement.hpp"
#include "jobs/paths.hpp"
#include "jobs/portfolio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

namespace daxtorture::jobs {
namespace {

/// A line of kernel/differences: SCENARIO PRESET[,PRESET]... REASON
struct difference {
    std::string scenario;
    std::vector<std::string> presets;
    std::string reason;
};

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    std::istringstream from(list);
    for (std::string part; std::getline(from, part, ',');)
        parts.push_back(part);
    return parts;
}

std::vector<difference> known_differences() {
    const std::filesystem::path path = kernel_directory() / "differences";
    std::ifstream from(path);
    if (!from)
        throw usage_error(fmt::format("{} cannot be read", path.string()));
    std::vector<difference> all;
    unsigned number = 0;
    for (std::string line; std::getline(from, line);) {
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        std::istringstream words(line);
        difference one;
        std::string presets;
        words >> one.scenario >> presets >> std::ws;
        std::getline(words, one.reason);
        if (one.reason.empty())
            throw usage_error(
                fmt::format("{}:{}: expected SCENARIO PRESET[,PRESET]... REASON", path.string(), number));
        one.presets = split(presets);
        all.push_back(std::move(one));
    }
    return all;
}

/// What the table says of a scenario under a preset.
std::optional<std::string> reason_for(const std::vector<difference>& all, const std::string& scenario,
                                      const std::string& preset) {
    for (const difference& one : all)
        if (one.scenario == scenario && std::ranges::find(one.presets, preset) != one.presets.end())
            return one.reason;
    return {};
}

bool is_conclusive(const scenario_verdict& v) {
    return v.verdict == verdict_kind::pass || v.verdict == verdict_kind::fail;
}

/// Of two that fail each may meet another of the failures that the protocol has first.
bool agree(const scenario_verdict& model, const scenario_verdict& kernel) {
    if (model.verdict != kernel.verdict)
        return false;
    return model.verdict == verdict_kind::pass || model.found.invariant == kernel.found.invariant ||
           kernel.known_finding ||
           (model.expected && model.expected->expects_failure_of(kernel.found.invariant));
}

/// `complete`: the kernel's search did all that it was to do. Otherwise what passes within the bound may fail beyond it.
void judge_row(conformance_row& row, bool complete, const std::optional<std::string>& reason) {
    const bool may_fail = row.kernel.verdict == verdict_kind::pass && !complete;
    if (!is_conclusive(row.model) || !is_conclusive(row.kernel) ||
        (may_fail && row.model.verdict == verdict_kind::fail))
        row.result = agreement::open;
    else if (agree(row.model, row.kernel))
        row.result = reason ? agreement::outdated : agreement::same;
    else
        row.result = reason ? agreement::explained : agreement::differs;
    row.reason = reason.value_or("");
}

} // namespace

const char* name(agreement a) {
    switch (a) {
    case agreement::same:
        return "same";
    case agreement::explained:
        return "explained";
    case agreement::differs:
        return "differs";
    case agreement::outdated:
        return "outdated";
    case agreement::open:
        return "open";
    case agreement::not_run:
        return "not-run";
    }
    return "?";
}

std::vector<conformance_row> compare_with_model(std::span<const kernel_verdict> kernel,
                                                const kernel_search& search,
                                                const std::function<void(const conformance_row&)>& done,
                                                const std::function<void(const std::string&)>& progress) {
    const std::vector<difference> differences = known_differences();
    search_options options;
    options.seconds = search.seconds;
    options.seed = search.seed;
    std::vector<conformance_row> rows;
    for (const kernel_verdict& v : kernel) {
        conformance_row row;
        row.kernel = v.verdict;
        if (!v.unsupported.empty()) {
            row.reason = v.unsupported;
        } else if (!interrupted()) {
            const portfolio_result found =
                search_scenario(v.what, search.memory, options, [&](const std::string& status) {
                    progress(fmt::format("[{}/{}] model: {} {}", rows.size() + 1, kernel.size(), v.what.name,
                                         status));
                });
            row.model = judge(v.what, search.memory, found, options);
            judge_row(row, v.complete, reason_for(differences, v.what.name, v.what.protocol));
        } else {
            row.result = agreement::open;
        }
        rows.push_back(std::move(row));
        done(rows.back());
    }
    return rows;
}

} // namespace daxtorture::jobs
