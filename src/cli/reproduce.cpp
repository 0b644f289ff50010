/// From a failure of real threads to an exact schedule: candidates of growing size, searched until one fails in the same way.
#include "cli/commands.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/output.hpp"
#include "jobs/portfolio.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"
#include "run/bundle.hpp"
#include "run/lift.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace daxtorture::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double shrink_seconds = 10;
constexpr double first_look_seconds = 1.5;
constexpr std::uint64_t search_executions = 20'000; ///< of each search that measures reliability

/// One candidate and what its search came to.
struct attempt {
    lifted candidate;
    std::uint64_t executions = 0;
    double seconds = 0;
    bool found = false;
    std::string other; ///< a different failure that it found
};

struct reliability {
    unsigned found = 0;
    unsigned searches = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The bundles of a directory: itself, or those anywhere below it that real threads wrote.
std::vector<fs::path> bundles_in(const fs::path& place) {
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
    return all;
}

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
bool ends_search(const failure& f, const failure& wanted) {
    return f.kind == failure_kind::tool || same_cause(f, wanted);
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

reliability measure(const program& what, const std::string& memory, const failure& wanted,
                    const reproduce_options& options) {
    reliability count;
    for (unsigned seed = 1; seed <= options.searches; ++seed) {
        search_options search;
        search.scheduler = "pct";
        search.depth = 3;
        search.seed = seed;
        search.iterations = search_executions;
        search.seconds = 5;
        search.jobs = options.jobs;
        search.wanted = [&](const failure& f) { return ends_search(f, wanted); };
        const portfolio_result result = search_scenario(what, memory, search, [](const std::string&) {});
        refuse_tool_failure(result);
        ++count.searches;
        count.found += result.found.kind != failure_kind::none;
    }
    return count;
}

json json_of(const attempt& one) {
    return {{"how", one.candidate.how},     {"scenario", print(one.candidate.what)},
            {"executions", one.executions}, {"seconds", one.seconds},
            {"found", one.found},           {"other_failure", one.other}};
}

class reproduction {
  public:
    reproduction(const fs::path& place, const reproduce_options& options)
        : options_(options), place_(place), kept_(load(place)) {}

    exit_code run() {
        const bool quiet = options_.json == "-";
        const std::vector<lifted> all = candidates_of(kept_);
        spdlog::info("reproduce: {}: {}, {} candidates, {:.0f} s", place_.string(), short_name(kept_.found),
                     all.size(), options_.seconds);
        // Small candidates are soon done; what is large gets a first look, and what is left of the time.
        std::vector<std::size_t> unfinished;
        for (std::size_t i = 0; i < all.size() && time_left(); ++i)
            if (!search(all[i], i, all.size(), first_look_seconds))
                unfinished.push_back(i);
        for (std::size_t n = 0; n < unfinished.size() && time_left(); ++n)
            search(all[unfinished[n]], unfinished[n], all.size(),
                   std::max(first_look_seconds, left() / static_cast<double>(unfinished.size() - n)));
        status_.clear();
        if (found_)
            tell(quiet);
        else if (!quiet)
            tell_attempts(all.size());
        return found_ ? exit_code::violation : exit_code::inconclusive;
    }

    json result() const {
        json tried = json::array();
        for (const attempt& one : attempts_)
            tried.push_back(json_of(one));
        json all{{"bundle", place_.string()},        {"invariant", name(kept_.found.invariant)},
                 {"cause", kept_.found.cause},       {"reproduced", found_.has_value()},
                 {"seconds", seconds_since(start_)}, {"attempts", std::move(tried)}};
        if (found_) {
            all["threads"] = told_.kept.what.threads.size();
            all["preemptions"] = told_.preemptions;
            all["searches"] = reliable_.searches;
            all["searches_found"] = reliable_.found;
        }
        return all;
    }

  private:
    double left() const { return options_.seconds - seconds_since(start_); }
    bool time_left() const { return !found_ && left() > 0; }

    /// False when the time ended before all of it was searched.
    bool search(const lifted& candidate, std::size_t index, std::size_t total, double seconds) {
        search_options search;
        search.seconds = std::min(seconds, std::max(left(), 0.1));
        search.jobs = options_.jobs;
        search.seed = kept_.seed + 1;
        search.wanted = [this](const failure& f) { return ends_search(f, kept_.found); };
        const portfolio_result result =
            search_scenario(candidate.what, "weak", search, [&](const std::string& progress) {
                status_.show(fmt::format("[{}/{}] {}: {}", index + 1, total, candidate.how, progress));
            });
        refuse_tool_failure(result);
        attempts_.push_back({candidate, result.executions, result.seconds,
                             result.found.kind != failure_kind::none,
                             result.other.kind == failure_kind::none ? "" : short_name(result.other)});
        if (result.found.kind == failure_kind::none)
            return result.complete;
        found_ = result.found;
        status_.show("found, shrinking");
        told_ = shrink_failure(candidate.what, "weak", result.found, shrink_seconds);
        told_.kept.what.name = "lifted-" + kept_.what.name;
        told_.kept.scheduler = result.found_by;
        told_.kept.seed = search.seed;
        told_.kept.execution = result.found_at;
        status_.show("shrunk, searching it with other seeds");
        reliable_ = measure(told_.kept.what, "weak", kept_.found, options_);
        return true;
    }

    void tell(bool quiet) {
        scenario_verdict verdict;
        verdict.name = told_.kept.what.name;
        verdict.protocol = told_.kept.what.protocol;
        verdict.rules = print_rules(told_.kept.what);
        verdict.memory = "weak";
        verdict.scheduler = told_.kept.scheduler;
        verdict.verdict = verdict_kind::fail;
        const kept_failure kept = keep_failure(told_, verdict, options_.out, colours_on_stdout());
        if (!kept.problem.empty())
            spdlog::error("{}", kept.problem);
        if (quiet)
            return;
        fmt::print("{}\n", kept.report);
        fmt::print("reproduced from: {}\n", attempts_.back().candidate.how);
        fmt::print(
            "reliability: {} of {} searches with other seeds found it (pct 3, up to {} executions each)\n",
            reliable_.found, reliable_.searches, grouped(search_executions));
        fmt::print("found in {:.1f} s, candidate {}\n", seconds_since(start_), attempts_.size());
    }

    void tell_attempts(std::size_t candidates) const {
        fmt::print("not reproduced in {:.0f} s: {}\n", seconds_since(start_), short_name(kept_.found));
        for (const attempt& one : attempts_)
            fmt::print("  {}: {} threads, {} executions in {:.1f} s{}\n", one.candidate.how,
                       one.candidate.what.threads.size(), grouped(one.executions), one.seconds,
                       one.other.empty() ? "" : "; it fails, but otherwise: " + one.other);
        if (attempts_.size() < candidates)
            fmt::print("  {} larger candidates were not tried: the time ended\n",
                       candidates - attempts_.size());
        if (candidates == 0)
            fmt::print("  the bundle has no operations to lift: was it recorded with --no-recorder?\n");
    }

    const reproduce_options& options_;
    const fs::path place_;
    const bundle kept_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    status_line status_;
    std::vector<attempt> attempts_;
    std::optional<failure> found_;
    told_failure told_;
    reliability reliable_;
};

} // namespace

exit_code run_reproduce(const reproduce_options& options) {
    std::vector<fs::path> places = bundles_in(options.from);
    std::erase_if(places,
                  [&](const fs::path& place) { return places.size() > 1 && load(place).engine != "stress"; });
    if (places.empty())
        throw usage_error(options.from + ": has no bundle of real threads");
    json results = json::array();
    exit_code worst = exit_code::violation;
    for (const fs::path& place : places) {
        reproduction one(place, options);
        if (one.run() == exit_code::inconclusive)
            worst = exit_code::inconclusive;
        results.push_back(one.result());
    }
    if (!options.json.empty())
        write_result(options.json, json{{"version", 1}, {"reproductions", results}});
    return worst;
}

} // namespace daxtorture::cli
