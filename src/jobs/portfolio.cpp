#include "jobs/portfolio.hpp"

#include "jobs/interrupt.hpp"

#include "report/text.hpp"
#include "scenario/printer.hpp"
#include "search/strategies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include <poll.h>

namespace daxtorture::jobs {
namespace {

using clock = std::chrono::steady_clock;

constexpr double default_seconds = 300; ///< cap of the default plan, per scenario: for busy machines
constexpr std::uint64_t early_executions = 50'000;  ///< random ones beside the bounded search
constexpr std::uint64_t whole_executions = 200'000; ///< in which small scenarios are searched to their end
constexpr double whole_seconds = 10;
constexpr double whole_share =
    0.25; ///< of the time, at most, so that the other phases come in a short time too
constexpr std::uint64_t slice = 250'000; ///< random executions that one process runs at a time

/// Processes that share a time end together, some after it: how long their answers are waited for.
constexpr double settling_seconds = 1;

/// Recording coverage costs a quarter of the speed. Unless it is asked for, only a sample of each random phase records it, and what the
/// sample did not meet gets a few executions. First with --coverage, so that a short search is steered, too.
struct coverage_plan {
    std::uint64_t sample; ///< recorded random executions
    std::uint64_t aimed;  ///< at each pair of operations that was not met
    std::uint64_t aimed_max;
};
constexpr coverage_plan by_the_way{5'000, 200, 5'000};
constexpr coverage_plan asked_for{10'000, 1'000, 20'000};

bool walks(const std::string& strategy, walk kind) { return find_strategy(strategy)->walks == kind; }
bool random_strategy(const std::string& name) { return walks(name, walk::random); }
bool tree_strategy(const std::string& name) { return walks(name, walk::tree); }

/// A range of numbers of random executions, of which this shard does its part.
struct random_range {
    std::string scheduler;
    unsigned depth = 0;
    std::uint64_t next = 1; ///< execution
    std::uint64_t left = 0;
    std::uint64_t sample = 0; ///< the first of them, which record coverage
};

/// What is left to search: phases in order, beside them an early range of random executions, then the other ranges, cut into slices when a
/// process is free for one.
class search_plan {
  public:
    search_plan(const checker_request& base, const search_options& options, unsigned jobs)
        : base_(base), options_(options), jobs_(jobs), next_(options.first) {
        if (options.scheduler.empty())
            plan_portfolio();
        else if (random_strategy(options.scheduler))
            add_random(ranges_, options.scheduler, options.depth,
                       options.iterations != 0 ? options.iterations : no_limit);
        else
            add_tree(options.scheduler, options.iterations);
        next_aimed_ = next_ + options.part.index * aimed_of_shard;
    }

    bool empty() const { return phases_.empty() && early_.empty() && ranges_.empty(); }
    search_phase take() {
        const bool turn_of_early = std::exchange(turn_of_early_, !turn_of_early_);
        if (!early_.empty() && (turn_of_early || phases_.empty()))
            return take_slice(early_);
        if (phases_.empty())
            return take_slice(ranges_);
        search_phase front = std::move(phases_.front());
        phases_.pop_front();
        return front;
    }

    /// Parts of the tree of executions that this shard is to exhaust; 0: no exhaustive search.
    unsigned tree_parts() const { return tree_parts_; }

    /// What a phase of the default plan that recorded coverage left out steers the next one.
    void steer_after(const search_phase& ended, std::vector<operation_pair> missing) {
        if (!options_.scheduler.empty() || options_.iterations != 0 || !ended.request.coverage ||
            !random_strategy(ended.request.scheduler) || missing.empty())
            return;
        search_phase p = phase("aim", 0);
        p.request.coverage = true;
        p.request.first = next_aimed_;
        p.request.iterations = std::min(steering().aimed * missing.size(), steering().aimed_max);
        p.request.targets = std::move(missing);
        next_aimed_ += p.request.iterations;
        phases_.push_front(std::move(p));
    }

    /// A random phase ended at a failure that nobody asked for: the rest of it comes next.
    void go_on_after(const search_phase& ended) {
        if (!random_strategy(ended.request.scheduler) || ended.answer.executions >= ended.request.iterations)
            return;
        search_phase rest = ended;
        rest.request.first += ended.answer.executions;
        rest.request.iterations -= ended.answer.executions;
        rest.answer = {};
        phases_.push_back(std::move(rest));
    }

  private:
    static constexpr std::uint64_t no_limit = ~std::uint64_t{0};
    static constexpr std::uint64_t aimed_of_shard = 1'000'000'000; ///< more than there will be
    const coverage_plan& steering() const { return options_.coverage ? asked_for : by_the_way; }

    search_phase phase(const std::string& scheduler, unsigned depth) const {
        search_phase p{base_, scheduler, {}, false};
        p.request.scheduler = scheduler;
        p.request.depth = depth;
        p.request.bound = options_.bound;
        if (scheduler == "pct")
            p.name += " " + std::to_string(depth);
        if (scheduler == "bound")
            p.name += " " + std::to_string(options_.bound);
        return p;
    }

    search_phase take_slice(std::deque<random_range>& ranges) {
        random_range& range = ranges.front();
        search_phase p = phase(range.scheduler, range.depth);
        p.request.first = range.next;
        p.request.iterations = std::min(range.sample != 0 ? range.sample : slice, range.left);
        p.request.coverage = base_.coverage || range.sample != 0;
        range.sample = 0;
        range.next += p.request.iterations;
        range.left -= p.request.iterations;
        if (range.left == 0)
            ranges.pop_front();
        return p;
    }

    /// How many of `count` executions are those of the shards before number `index`.
    std::uint64_t before_shard(std::uint64_t count, unsigned index) const {
        const std::uint64_t each = count / options_.part.count;
        const std::uint64_t rest = count % options_.part.count;
        return each * index + rest * index / options_.part.count;
    }
    std::uint64_t share_of(std::uint64_t count) const {
        return before_shard(count, options_.part.index + 1) - before_shard(count, options_.part.index);
    }

    /// This shard's part of the next `count` random executions of all.
    void add_random(std::deque<random_range>& ranges, const std::string& scheduler, unsigned depth,
                    std::uint64_t count, std::uint64_t sample = 0) {
        if (const std::uint64_t mine = share_of(count); mine != 0)
            ranges.push_back(
                {scheduler, depth, next_ + before_shard(count, options_.part.index), mine, sample});
        next_ += count;
    }

    /// The tree, a part for each process of each shard; in one piece a shard when its executions are counted.
    void add_tree(const std::string& scheduler, std::uint64_t iterations) {
        const unsigned processes = iterations != 0 ? 1 : jobs_;
        const std::uint64_t mine = share_of(iterations);
        tree_parts_ = iterations != 0 && mine == 0 ? 0 : processes;
        for (unsigned i = 0; i < tree_parts_; ++i) {
            search_phase p = phase(scheduler, 0);
            p.request.tree = {options_.part.index * processes + i, options_.part.count * processes};
            p.request.iterations = mine;
            phases_.push_back(std::move(p));
        }
    }

    /// Counted executions are shared: up to a quarter for all executions, a quarter for the bounded ones, the rest at random.
    void plan_portfolio() {
        const bool counted = options_.iterations != 0;
        const std::uint64_t quarter = std::max<std::uint64_t>(options_.iterations / 4, 1);
        std::uint64_t left = options_.iterations;
        const auto grant = [&](std::uint64_t wanted) {
            const std::uint64_t granted = std::min(wanted, left);
            left -= granted;
            return granted;
        };
        if (base_.reduce && options_.part.count == 1) {
            search_phase whole = phase("full", 0);
            whole.request.coverage = false; // where steps commute it shows one order of them
            whole.request.iterations =
                counted ? grant(std::min(quarter, whole_executions)) : whole_executions;
            phases_.push_back(std::move(whole));
        }
        if (base_.coverage && !counted) {
            search_phase sample = phase("pct", 3);
            sample.request.first = next_ + asked_for.sample * options_.part.index;
            sample.request.iterations = asked_for.sample;
            next_ += asked_for.sample * options_.part.count;
            phases_.push_back(std::move(sample));
        }
        if (!counted)
            add_tree("bound", 0);
        else if (const std::uint64_t bounded = grant(quarter); bounded != 0)
            add_tree("bound", bounded);
        struct random_phase {
            const char* scheduler;
            unsigned depth;
        };
        constexpr std::array<random_phase, 6> random{
            {{"pos", 0}, {"pct", 10}, {"surw", 0}, {"pct", 3}, {"uniform", 0}, {"pct", 5}}};
        std::uint64_t phases = random.size();
        for (const auto& [scheduler, depth] : random) {
            const bool early = phases == random.size();
            const std::uint64_t each =
                early ? std::min(early_executions, options_.random_executions) : options_.random_executions;
            add_random(early ? early_ : ranges_, scheduler, depth,
                       counted ? grant(left / phases) : each * options_.part.count,
                       base_.coverage || counted ? 0 : by_the_way.sample);
            --phases;
        }
    }

    const checker_request& base_;
    const search_options& options_;
    std::deque<search_phase> phases_;
    std::deque<random_range> early_; ///< taken in turn with the phases
    std::deque<random_range> ranges_;
    bool turn_of_early_ = false;
    const unsigned jobs_;
    std::uint64_t next_;
    std::uint64_t next_aimed_ = 0;
    unsigned tree_parts_ = 0;
};

struct running_phase {
    search_phase phase;
    std::unique_ptr<checker> worker;
};

/// What was never met; when there is no such pair, what was met in the fewest ways.
std::vector<operation_pair> worth_aiming_at(const program& what, const search_coverage& covered) {
    std::vector<operation_pair> pairs = never_met(what, covered);
    return pairs.empty() ? least_met(covered) : pairs;
}

class portfolio {
  public:
    portfolio(const program& what, const checker_request& base, const search_options& options)
        : what_(what), options_(options),
          jobs_(options.jobs != 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency())),
          limit_(options.seconds > 0 ? options.seconds : default_seconds), plan_(base, options, jobs_) {}

    portfolio_result run(const std::function<void(const std::string&)>& progress) {
        while (!decided() && seconds() < limit_ && start_phases()) {
            wait_for_news();
            collect();
            progress(status());
        }
        settle();
        finish();
        return std::move(result_);
    }

  private:
    double seconds() const { return std::chrono::duration<double>(clock::now() - started_).count(); }
    bool attempts_whole(const search_phase& phase) const {
        return options_.scheduler.empty() && phase.request.scheduler == "full";
    }
    bool searches_tree(const search_phase& phase) const {
        return tree_strategy(phase.request.scheduler) && !attempts_whole(phase);
    }
    /// Nothing more is to be learnt. That all executions pass does not say which pairs of operations they have.
    bool decided() const { return found() || interrupted() || (result_.whole && !options_.coverage); }
    bool found() const { return result_.found.kind != failure_kind::none; }

    std::uint64_t executions() const {
        std::uint64_t total = result_.executions;
        for (const running_phase& one : running_)
            total += one.worker->executions();
        return total;
    }

    /// The share of the tree whose parts the plan has; a part that was cut off counts with what was run of it.
    double explored() const {
        double parts = 0;
        for (const search_phase& phase : result_.phases)
            if (searches_tree(phase))
                parts += phase.answer.exhausted ? 1 : phase.answer.explored;
        for (const running_phase& one : running_)
            if (searches_tree(one.phase))
                parts += one.worker->explored();
        return plan_.tree_parts() == 0 ? 0 : parts / plan_.tree_parts();
    }

    std::string status() const {
        const double now = seconds();
        std::string text = fmt::format(
            "{} executions, {}/s, {:.1f} s", grouped(executions()),
            grouped(static_cast<std::uint64_t>(static_cast<double>(executions()) / std::max(now, 0.001))),
            now);
        for (const running_phase& one : running_)
            if (attempts_whole(one.phase))
                text += fmt::format("; {}: about {:.1f} % of the tree", one.phase.name,
                                    100 * one.worker->explored());
        for (const running_phase& one : running_)
            if (searches_tree(one.phase))
                return text +
                       fmt::format("; {}: about {:.1f} % of the tree", one.phase.name, 100 * explored());
        return text;
    }

    /// Keeps every process busy. False when nothing runs and nothing is left.
    bool start_phases() {
        while (running_.size() < jobs_ && !plan_.empty()) {
            search_phase phase = plan_.take();
            const double left = limit_ - seconds();
            phase.request.seconds =
                std::max(0.01, attempts_whole(phase) ? std::min(left * whole_share, whole_seconds) : left);
            auto worker = std::make_unique<checker>(phase.request);
            running_.push_back({std::move(phase), std::move(worker)});
        }
        return !running_.empty();
    }

    void wait_for_news() const {
        std::vector<pollfd> outputs;
        for (const running_phase& one : running_)
            outputs.push_back({one.worker->output(), POLLIN, 0});
        poll(outputs.data(), outputs.size(), 200);
    }

    void collect() {
        for (std::size_t i = 0; i < running_.size();) {
            if (!has_ended(running_[i])) {
                ++i;
                continue;
            }
            conclude(running_[i]);
            running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }

    /// A checker that fails costs its scenario, and no other.
    bool has_ended(const running_phase& one) {
        try {
            return one.worker->advance();
        } catch (const stopped_by_signal&) {
            return false;
        } catch (const checker_failed& problem) {
            if (found())
                return true;
            result_.found.kind = failure_kind::tool;
            result_.found.cause = problem.what();
            result_.found_by = one.phase.name;
            return true;
        }
    }

    void conclude(running_phase& one) {
        search_phase& phase = one.phase;
        phase.answer = one.worker->answer();
        result_.executions += phase.answer.executions;
        result_.repetitions += phase.answer.repetitions;
        result_.rechecked += phase.answer.rechecked;
        add(result_.counts, phase.answer.counts);
        result_.covered.add(phase.answer.covered);
        result_.sampled = result_.sampled || phase.request.coverage;
        const bool quota =
            phase.request.iterations != 0 && phase.answer.executions >= phase.request.iterations;
        const bool to_its_end = phase.answer.exhausted && phase.answer.depth_limit_hits == 0;
        phase.complete = to_its_end || (quota && phase.answer.depth_limit_hits == 0);
        if (attempts_whole(phase)) {
            result_.whole = to_its_end && phase.answer.found.kind == failure_kind::none;
            phase.complete = !phase.answer.gave_up; // nothing was promised
        } else {
            tree_parts_done_ += searches_tree(phase) && to_its_end;
        }
        if (phase.answer.found.kind != failure_kind::none && options_.wanted &&
            !options_.wanted(phase.answer.found)) {
            if (result_.other.kind == failure_kind::none)
                result_.other = phase.answer.found;
            plan_.go_on_after(phase);
        } else if (!found() && phase.answer.found.kind != failure_kind::none) {
            result_.found = phase.answer.found;
            result_.found_by = phase.name;
            result_.found_at = phase.answer.failed_at;
        }
        if (!found())
            plan_.steer_after(phase, worth_aiming_at(what_, result_.covered));
        result_.phases.push_back(std::move(phase));
    }

    /// Asks no more of the processes, but hears what they have to say: all search up to the same moment, and the loop ends at the first
    /// that says so.
    void settle() {
        const double until = seconds() + settling_seconds;
        while (!decided() && !running_.empty() && seconds() < until) {
            wait_for_news();
            collect();
        }
    }

    void finish() {
        result_.interrupted = interrupted() && !found() && !result_.whole;
        result_.complete =
            result_.whole || (plan_.empty() && running_.empty() &&
                              std::all_of(result_.phases.begin(), result_.phases.end(),
                                          [](const search_phase& phase) { return phase.complete; }));
        result_.exhaustive =
            result_.whole || (plan_.tree_parts() != 0 && tree_parts_done_ == plan_.tree_parts());
        result_.explored = explored();
        for (const running_phase& one : running_)
            result_.executions += one.worker->executions();
        running_.clear();
        result_.seconds = seconds();
    }

    const program& what_;
    const search_options& options_;
    const unsigned jobs_;
    const double limit_;
    search_plan plan_;
    unsigned tree_parts_done_ = 0;
    clock::time_point started_ = clock::now();
    std::vector<running_phase> running_;
    portfolio_result result_;
};

} // namespace

std::vector<operation_pair> never_met(const program& what, const search_coverage& covered) {
    std::vector<operation_pair> missing;
    for (unsigned a = 0; a < what.threads.size(); ++a)
        for (unsigned i = 0; i < what.threads[a].operations.size(); ++i)
            for (unsigned b = 0; b < what.threads.size(); ++b)
                for (unsigned j = 0; a != b && j < what.threads[b].operations.size(); ++j)
                    if (const operation_pair pair{a, i, b, j}; !covered.pairs.contains(pair))
                        missing.push_back(pair);
    return missing;
}

std::vector<operation_pair> least_met(const search_coverage& covered) {
    constexpr std::size_t some = 3;
    const auto share = [&](const operation_pair& pair) {
        return static_cast<double>(covered.ways(pair)) /
               static_cast<double>(std::max<std::uint64_t>(covered.ways_possible(pair), 1));
    };
    std::vector<operation_pair> pairs;
    for (const auto& [pair, rows] : covered.pairs)
        if (covered.ways(pair) < covered.ways_possible(pair))
            pairs.push_back(pair);
    std::ranges::sort(pairs, {}, share);
    pairs.resize(std::min(pairs.size(), some));
    return pairs;
}

portfolio_result search_scenario(const program& what, const std::string& memory,
                                 const search_options& options,
                                 const std::function<void(const std::string&)>& progress) {
    checker_request base;
    base.scenario = print(what);
    base.file = what.name;
    base.memory = memory;
    base.seed = options.seed;
    base.coverage = options.coverage;
    base.reduce = options.reduce;
    return portfolio(what, base, options).run(progress);
}

} // namespace daxtorture::jobs
