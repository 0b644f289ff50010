/// Which memory orders of the model are needed: each is weakened, alone, and the scenarios that meet it are searched.
///
/// needed       a scenario that passes as written fails with the weaker order: the proof is the failure
/// not shown    no scenario fails within the bounds: the order may be redundant, or a scenario is missing
/// Steps of weakening: a fence is left out; an acquire load and a release store become relaxed; a read-modify-write becomes relaxed,
/// and when that fails, each order in between is tried.
#include "cli/commands.hpp"
#include "jobs/checker.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/output.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace daxtorture::cli {
namespace {

constexpr std::uint64_t random_executions = 10'000;

/// A memory order and the scenarios, by number, that meet it.
struct examined_order {
    order_place place;
    std::vector<std::size_t> scenarios;
};

struct weakening {
    std::string order; ///< the weaker one; "none" for a fence
    bool needed = false;
    std::string scenario; ///< that fails
    daxtorture::invariant invariant = daxtorture::invariant::none;
    std::string cause;
    std::uint64_t executions = 0;
};

struct order_result {
    examined_order what;
    std::vector<weakening> tried; ///< empty: a signal came before
};

checker_request request_for(const program& what, double seconds) {
    checker_request r;
    r.scenario = print(what);
    r.file = what.name;
    r.memory = "weak";
    r.seconds = seconds;
    r.bound = 2;
    return r;
}

/// Bounded, then at random: few preemptions and stale loads first, because that is what most failures need.
checker_answer search_twice(checker_request r) {
    r.scheduler = "bound";
    const double all = r.seconds;
    r.seconds = all / 2;
    checker_answer first = ask_checker(r);
    if (first.found.kind != failure_kind::none)
        return first;
    r.scheduler = "pct";
    r.depth = 3;
    r.iterations = random_executions;
    checker_answer second = ask_checker(r);
    second.executions += first.executions;
    second.orders.insert(second.orders.end(), first.orders.begin(), first.orders.end());
    return second;
}

/// Runs work(0) .. work(count - 1) on `jobs` threads, each of which waits for a checker process.
void in_parallel(std::size_t count, unsigned jobs, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr problem;
    std::mutex lock;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < jobs; ++i)
        threads.emplace_back([&] {
            for (std::size_t at = next++; at < count; at = next++) {
                try {
                    work(at);
                } catch (...) {
                    const std::lock_guard held(lock);
                    problem = std::current_exception();
                    next = count;
                }
            }
        });
    threads.clear();
    if (problem)
        std::rethrow_exception(problem);
}

class examination {
  public:
    examination(std::vector<program> programs, const orders_options& options)
        : programs_(std::move(programs)), options_(options),
          jobs_(options.jobs != 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency())) {}

    /// Searches the scenarios as written: which orders they meet, and which fail anyway.
    void collect() {
        try {
            collect_all();
        } catch (const stopped_by_signal&) { // which orders there are is not known
            results_.clear();
        }
    }

    void weaken(const std::function<void(std::size_t done, std::size_t all)>& progress) {
        std::atomic<std::size_t> done{0};
        std::mutex lock;
        in_parallel(results_.size(), jobs_, [&](std::size_t i) {
            try {
                examine(results_[i]);
            } catch (const stopped_by_signal&) { // what was tried stays
            }
            const std::lock_guard held(lock);
            progress(++done, results_.size());
        });
        std::sort(left_out_.begin(), left_out_.end());
    }

    const std::vector<order_result>& results() const { return results_; }
    const std::vector<std::string>& left_out() const { return left_out_; }

  private:
    void collect_all() {
        std::mutex lock;
        std::map<std::tuple<std::string, unsigned, std::string>, examined_order> met;
        in_parallel(programs_.size(), jobs_, [&](std::size_t i) {
            checker_request r = request_for(programs_[i], options_.seconds);
            r.collect_orders = true;
            const checker_answer answer = with_usable_setup(programs_[i], [&] { return search_twice(r); });
            const std::lock_guard held(lock);
            if (answer.found.kind == failure_kind::tool)
                throw std::runtime_error(programs_[i].name + ": " + answer.found.cause);
            if (answer.found.kind != failure_kind::none) {
                left_out_.push_back(programs_[i].name);
                return;
            }
            for (const order_place& place : answer.orders) {
                examined_order& one = met[{place.file, place.line, place.kind}];
                one.place = place;
                if (std::find(one.scenarios.begin(), one.scenarios.end(), i) == one.scenarios.end())
                    one.scenarios.push_back(i);
            }
        });
        for (auto& [key, one] : met) {
            std::sort(one.scenarios.begin(), one.scenarios.end());
            results_.push_back({std::move(one), {}});
        }
        std::sort(left_out_.begin(), left_out_.end());
    }

    void examine(order_result& result) {
        result.tried.push_back(attempt(result.what, "relaxed"));
        if (!result.tried.back().needed || result.what.place.kind != "rmw")
            return;
        if (result.what.place.order == "full")
            result.tried.push_back(attempt(result.what, "acq_rel"));
        if (result.tried.back().order == "acq_rel" && result.tried.back().needed)
            return; // what is weaker still than an order that is not enough is not enough
        if (result.what.place.order == "full" || result.what.place.order == "acq_rel") {
            result.tried.push_back(attempt(result.what, "acquire"));
            result.tried.push_back(attempt(result.what, "release"));
        }
    }

    weakening attempt(const examined_order& what, const std::string& order) {
        weakening w;
        w.order = what.place.kind == "fence" ? "none" : order;
        for (const std::size_t number : what.scenarios) {
            checker_request r = request_for(programs_[number], options_.seconds);
            r.weaken_file = what.place.file;
            r.weaken_line = what.place.line;
            r.weaken_kind = what.place.kind;
            r.weaken_order = order;
            const checker_answer answer = search_twice(r);
            w.executions += answer.executions;
            if (answer.found.kind == failure_kind::none)
                continue;
            if (answer.found.kind == failure_kind::tool)
                throw std::runtime_error(programs_[number].name + ": " + answer.found.cause);
            if (fails_as_written(number, answer.found))
                continue;
            w.needed = true;
            w.scenario = programs_[number].name;
            w.invariant = answer.found.invariant;
            w.cause = answer.found.cause;
            break;
        }
        return w;
    }

    /// Does the schedule that fails with the weaker order fail with the order as written, too? Then the failure shows nothing about it: the
    /// scenario fails anyway, only too rarely for collect() to have seen it.
    bool fails_as_written(std::size_t number, const failure& found) {
        checker_request r = request_for(programs_[number], 0);
        r.what = checker_request::kind::replay;
        r.schedule = found.schedule;
        const checker_answer again = ask_checker(r);
        if (again.diverged || !same_failure(again.found, found))
            return false;
        const std::lock_guard held(left_out_lock_);
        if (std::find(left_out_.begin(), left_out_.end(), programs_[number].name) == left_out_.end())
            left_out_.push_back(programs_[number].name);
        return true;
    }

    std::vector<program> programs_;
    const orders_options& options_;
    unsigned jobs_;
    std::vector<order_result> results_;
    std::vector<std::string> left_out_;
    std::mutex left_out_lock_; ///< while orders are weakened
};

std::string reason(const weakening& w) {
    return fmt::format("{}: {}{}", w.scenario, w.invariant != invariant::none ? name(w.invariant) + ", " : "",
                       w.cause);
}

void print_results(const examination& all) {
    std::size_t needed = 0;
    const auto untried = static_cast<std::size_t>(std::count_if(
        all.results().begin(), all.results().end(), [](const order_result& r) { return r.tried.empty(); }));
    for (const bool wanted : {true, false}) {
        fmt::print("{}\n", wanted ? "shown necessary" : "\nnot shown necessary");
        for (const order_result& r : all.results()) {
            if (r.tried.empty() || r.tried.front().needed != wanted)
                continue;
            needed += wanted ? 1 : 0;
            fmt::print("  {}:{} {}() {}{}\n", r.what.place.file, r.what.place.line, r.what.place.function,
                       r.what.place.kind, r.what.place.kind == "fence" ? "" : " " + r.what.place.order);
            for (const weakening& w : r.tried) {
                if (w.needed)
                    fmt::print("      {} is not enough: {}\n", w.order, reason(w));
                else
                    fmt::print("      {}: {} scenario{} passed {} executions\n", w.order,
                               r.what.scenarios.size(), r.what.scenarios.size() == 1 ? "" : "s",
                               w.executions);
            }
        }
    }
    fmt::print("\n{} memory orders met, {} shown necessary, {} not{}\n", all.results().size(), needed,
               all.results().size() - needed - untried,
               untried == 0 ? "" : fmt::format(", {} not tried", untried));
    if (interrupted())
        fmt::print("stopped by a signal\n");
    if (!all.left_out().empty())
        fmt::print("left out, because they fail as written: {}\n", fmt::join(all.left_out(), ", "));
}

nlohmann::json json_of(const examination& all) {
    nlohmann::json orders = nlohmann::json::array();
    for (const order_result& r : all.results()) {
        nlohmann::json tried = nlohmann::json::array();
        for (const weakening& w : r.tried)
            tried.push_back({{"order", w.order},
                             {"needed", w.needed},
                             {"scenario", w.scenario},
                             {"invariant", name(w.invariant)},
                             {"cause", w.cause},
                             {"executions", w.executions}});
        orders.push_back(
            {{"file", r.what.place.file},
             {"line", r.what.place.line},
             {"function", r.what.place.function},
             {"kind", r.what.place.kind},
             {"order", r.what.place.order},
             {"needed", r.tried.empty() ? nlohmann::json() : nlohmann::json(r.tried.front().needed)},
             {"weaker", tried}});
    }
    return {{"version", 1}, {"orders", orders}, {"left_out", all.left_out()}};
}

} // namespace

exit_code run_orderings(const orders_options& options) {
    examination all(load_scenarios(options.targets), options);
    end_on_signals();
    status_line status;
    status.show("searching the scenarios as written");
    all.collect();
    all.weaken([&](std::size_t done, std::size_t of) {
        status.show(fmt::format("{} of {} memory orders weakened", done, of));
    });
    status.clear();
    if (options.json != "-")
        print_results(all);
    if (!options.json.empty())
        write_result(options.json, json_of(all));
    return interrupted() ? exit_code::inconclusive : exit_code::pass;
}

} // namespace daxtorture::cli
