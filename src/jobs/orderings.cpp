#include "jobs/orderings.hpp"

#include "jobs/interrupt.hpp"

#include "scenario/printer.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>

namespace daxtorture::jobs {
namespace {

constexpr std::uint64_t random_executions = 10'000;

checker_request request_for(const program& scenario, double seconds) {
    checker_request r;
    r.scenario = print(scenario);
    r.file = scenario.name;
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

} // namespace

order_examination::order_examination(std::vector<program> programs, double seconds, unsigned jobs)
    : programs_(std::move(programs)), seconds_(seconds),
      jobs_(jobs != 0 ? jobs : std::max(1U, std::thread::hardware_concurrency())) {}

void order_examination::collect() {
    try {
        collect_all();
    } catch (const stopped_by_signal&) { // which orders there are is not known
        results_.clear();
    }
}

void order_examination::weaken(const std::function<void(std::size_t done, std::size_t all)>& progress) {
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

void order_examination::collect_all() {
    std::mutex lock;
    std::map<std::tuple<std::string, unsigned, std::string>, examined_order> met;
    in_parallel(programs_.size(), jobs_, [&](std::size_t i) {
        checker_request r = request_for(programs_[i], seconds_);
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

void order_examination::examine(order_result& result) {
    result.tried.push_back(attempt(result.examined, "relaxed"));
    if (!result.tried.back().needed || result.examined.place.kind != "rmw")
        return;
    if (result.examined.place.order == "full")
        result.tried.push_back(attempt(result.examined, "acq_rel"));
    if (result.tried.back().order == "acq_rel" && result.tried.back().needed)
        return; // what is weaker still than an order that is not enough is not enough
    if (result.examined.place.order == "full" || result.examined.place.order == "acq_rel") {
        result.tried.push_back(attempt(result.examined, "acquire"));
        result.tried.push_back(attempt(result.examined, "release"));
    }
}

weakening order_examination::attempt(const examined_order& examined, const std::string& order) {
    weakening w;
    w.order = examined.place.kind == "fence" ? "none" : order;
    for (const std::size_t number : examined.scenarios) {
        checker_request r = request_for(programs_[number], seconds_);
        r.weaken_file = examined.place.file;
        r.weaken_line = examined.place.line;
        r.weaken_kind = examined.place.kind;
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
bool order_examination::fails_as_written(std::size_t number, const failure& found) {
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

} // namespace daxtorture::jobs
