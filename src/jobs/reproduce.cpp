#include "jobs/reproduce.hpp"

#include "jobs/portfolio.hpp"
#include "jobs/usage_error.hpp"

#include "report/text.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace daxtorture::jobs {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr double shrink_seconds = 10;
constexpr double first_look_seconds = 1.5;

bundle load(const fs::path& place) {
    bundle_result read = read_bundle(place);
    if (!read)
        throw usage_error(read.error);
    return std::move(*read.value);
}

/// Hangs share a cause between engines; a kind may differ (a hang that one of them calls a leak).
bool same_cause(const failure& a, const failure& b) {
    return a.invariant == b.invariant && a.cause == b.cause;
}

/// What a search is to stop at. A failure of the tool is none of the protocol's, whatever was looked for.
bool ends_search(const failure& found, const failure& wanted) {
    return found.kind == failure_kind::tool || same_cause(found, wanted);
}

void refuse_tool_failure(const portfolio_result& result) {
    if (result.found.kind == failure_kind::tool)
        throw std::runtime_error(result.found.cause);
}

/// The failing scenario itself, then what is lifted from it.
std::vector<lifted> candidates_of(const bundle& kept) {
    std::vector<lifted> all;
    if (kept.what.geometry == "tiny")
        all.push_back({kept.what, "the scenario that ran"});
    for (lifted& one : lift(kept.what, kept.found))
        all.push_back(std::move(one));
    return all;
}

class search_for_schedule {
  public:
    search_for_schedule(bundle original, const reproduce_budget& budget,
                        const std::function<void(const std::string&)>& progress)
        : budget_(budget), progress_(progress), candidates_(candidates_of(original)) {
        result_.original = std::move(original);
        result_.candidates = candidates_.size();
    }

    /// Small candidates are soon done; what is large gets a first look, and what is left of the time.
    reproduction run() {
        std::vector<std::size_t> unfinished;
        for (std::size_t i = 0; i < candidates_.size() && time_left(); ++i)
            if (!search(i, first_look_seconds))
                unfinished.push_back(i);
        for (std::size_t n = 0; n < unfinished.size() && time_left(); ++n)
            search(unfinished[n],
                   std::max(first_look_seconds, left() / static_cast<double>(unfinished.size() - n)));
        result_.seconds = spent();
        return std::move(result_);
    }

  private:
    double spent() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
    double left() const { return budget_.seconds - spent(); }
    bool time_left() const { return !result_.found && left() > 0; }

    /// False when the time ended before all of it was searched.
    bool search(std::size_t number, double seconds) {
        const lifted& candidate = candidates_[number];
        search_options options;
        options.seconds = std::min(seconds, std::max(left(), 0.1));
        options.jobs = budget_.jobs;
        options.seed = result_.original.seed + 1;
        options.wanted = [this](const failure& f) { return ends_search(f, result_.original.found); };
        const portfolio_result searched =
            search_scenario(candidate.what, "weak", options, [&](const std::string& status) {
                progress_(
                    fmt::format("[{}/{}] {}: {}", number + 1, candidates_.size(), candidate.how, status));
            });
        refuse_tool_failure(searched);
        result_.found = searched.found.kind != failure_kind::none;
        result_.attempts.push_back(
            {candidate, searched.executions, searched.seconds, result_.found,
             searched.other.kind == failure_kind::none ? "" : short_name(searched.other)});
        if (result_.found)
            conclude(candidate, searched, options.seed);
        return result_.found || searched.complete;
    }

    void conclude(const lifted& candidate, const portfolio_result& searched, std::uint64_t seed) {
        progress_("found, shrinking");
        told_failure& told = result_.told;
        told = shrink_failure(candidate.what, "weak", searched.found, shrink_seconds);
        told.kept.what.name = "lifted-" + result_.original.what.name;
        told.kept.scheduler = searched.found_by;
        told.kept.seed = seed;
        told.kept.execution = searched.found_at;
        progress_("shrunk, searching it with other seeds");
        for (unsigned other = 1; other <= budget_.searches; ++other)
            measure(other);
    }

    void measure(unsigned seed) {
        search_options options;
        options.scheduler = "pct";
        options.depth = 3;
        options.seed = seed;
        options.iterations = reliability::executions;
        options.seconds = 5;
        options.jobs = budget_.jobs;
        options.wanted = [this](const failure& f) { return ends_search(f, result_.original.found); };
        const portfolio_result searched =
            search_scenario(result_.told.kept.what, "weak", options, [](const std::string&) {});
        refuse_tool_failure(searched);
        ++result_.reliable.searches;
        result_.reliable.found += searched.found.kind != failure_kind::none;
    }

    const reproduce_budget& budget_;
    const std::function<void(const std::string&)>& progress_;
    const clock::time_point start_ = clock::now();
    const std::vector<lifted> candidates_;
    reproduction result_;
};

} // namespace

std::vector<fs::path> reproducible_bundles(const fs::path& place) {
    std::error_code error;
    if (fs::exists(place / "bundle.json", error))
        return {place};
    std::vector<fs::path> all;
    for (fs::recursive_directory_iterator at(place, error), end; !error && at != end; at.increment(error))
        if (at->path().filename() == "bundle.json")
            all.push_back(at->path().parent_path());
    if (error)
        throw usage_error(place.string() + ": " + error.message());
    std::ranges::sort(all);
    std::erase_if(all, [&](const fs::path& one) { return all.size() > 1 && load(one).engine != "stress"; });
    if (all.empty())
        throw usage_error(place.string() + ": has no bundle of real threads");
    return all;
}

reproduction reproduce(const fs::path& place, const reproduce_budget& budget,
                       const std::function<void(const std::string&)>& progress) {
    bundle original = load(place);
    spdlog::info("reproduce: {}: {}, {:.0f} s", place.string(), short_name(original.found), budget.seconds);
    return search_for_schedule(std::move(original), budget, progress).run();
}

} // namespace daxtorture::jobs
