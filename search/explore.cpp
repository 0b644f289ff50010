#include "explore.hpp"

#include "replay.hpp"

#include <chrono>
#include <stdexcept>

namespace daxtorture {

namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class explorer {
  public:
    explorer(machine& runs, strategy& decides, const exploration_options& options)
        : machine_(runs), strategy_(decides), options_(options), number_(options.first) {
        machine_.configure(options_);
        turns_.set_limit(options_.depth_limit);
    }

    exploration_result run() {
        started_ = reported_ = seconds_now();
        bool more = true;
        if (strategy_.wants_probe())
            more = run_one(true);
        for (; more; ++number_)
            more = run_one(false) && !limit_reached();
        result_.seconds = seconds_now() - started_;
        result_.orders = machine_.orders_met();
        return std::move(result_);
    }

  private:
    /// False: the exploration ends here. A probe is not counted.
    bool run_one(bool probe) {
        if (!strategy_.begin(number_, machine_.threads())) {
            result_.exhausted = true;
            return false;
        }
        const bool recheck =
            !probe && options_.recheck_every != 0 && (result_.executions + 1) % options_.recheck_every == 0;
        told_.counts = !probe;
        told_.wants_outcome = recheck || options_.cover != nullptr;
        turns_.set_coverage(options_.cover);
        if (options_.cover != nullptr)
            options_.cover->begin();
        const ending end = run(strategy_);
        if (!turns_.error().empty()) { // the strategy threw: what came after is no execution of its tree
            report_tool_failure(turns_.error(), "");
            return false;
        }
        result_.executions += probe ? 0 : 1;
        result_.steps += turns_.steps();
        result_.repetitions += end == ending::abandoned ? 1 : 0;
        if (options_.record)
            keep_record();
        if (told_.blocked) {
            result_.blocked = std::move(told_.blocked);
            return false;
        }
        if (end == ending::failed || end == ending::endless) {
            report_failure(end);
            return false;
        }
        strategy_.end(turns_.steps());
        result_.overruns += turns_.overran() ? 1 : 0;
        if (end == ending::completed && options_.cover != nullptr)
            options_.cover->end(told_.outcome);
        return !recheck || end == ending::abandoned || turns_.overran() || is_the_same_again();
    }

    ending run(strategy& decides) {
        turns_.begin(decides, machine_.threads(), options_.memory == memory_class::sc);
        return machine_.run(turns_, told_);
    }

    void keep_record() {
        result_.schedule = turns_.log();
        result_.events = told_.events;
    }

    bool limit_reached() {
        if (options_.executions != 0 && result_.executions >= options_.executions)
            return true;
        if (result_.executions % 32 != 0 || (options_.seconds <= 0 && !options_.progress))
            return false;
        const double now = seconds_now();
        if (options_.seconds > 0 && now - started_ >= options_.seconds)
            return true;
        if (options_.progress && now - reported_ >= 0.5) {
            reported_ = now;
            options_.progress(result_.executions, now - started_, strategy_.explored());
        }
        return false;
    }

    /// The execution that just completed is run once more.
    bool is_the_same_again() {
        const schedule_log log = turns_.log();
        const std::uint64_t steps = turns_.steps();
        const std::uint64_t outcome = told_.outcome;
        replay_strategy again(log);
        static_cast<void>(again.begin(number_, machine_.threads()));
        turns_.set_coverage(nullptr);
        told_.counts = false;
        if (run(again) != ending::completed) {
            report_difference("it fails now, and did not before");
            return false;
        }
        if (!again.followed_all() || turns_.log() != log || turns_.steps() != steps ||
            told_.outcome != outcome) {
            report_difference("other decisions, steps or outcome");
            return false;
        }
        ++result_.rechecked;
        return true;
    }

    void report_failure(ending end) {
        if (end == ending::endless) {
            if (!turns_.never_ends()) {
                result_.gave_up = true;
                result_.overruns += 1;
                return;
            }
            describe_livelock(told_.found);
        }
        result_.found = std::move(told_.found);
        result_.found.schedule = result_.schedule = turns_.log();
        if (options_.record)
            result_.found.events = result_.events;
        result_.failed_at = number_;
    }

    void describe_livelock(failure& f) const {
        const livelock_watch& seen = turns_.watched_end();
        f.kind = failure_kind::livelock;
        f.invariant = f.state.invariant;
        f.cause = f.state.cause.empty() ? "every thread that can run goes round in circles" : f.state.cause;
        f.detail = std::to_string(turns_.steps()) + " steps without an end; in the last " +
                   std::to_string(seen.length()) + ", under fair turns, shared values went round " +
                   std::to_string(seen.states()) + (seen.states() == 1 ? " state" : " states") +
                   " while every thread that can run made hundreds of steps for each";
    }

    void report_tool_failure(std::string cause, const std::string& detail) {
        failure& f = result_.found;
        f = {};
        f.kind = failure_kind::tool;
        f.cause = std::move(cause);
        f.detail = "execution " + std::to_string(number_) + detail;
        result_.failed_at = number_;
    }

    void report_difference(const char* difference) {
        report_tool_failure("an execution was not the same when it was run again: the model or the checker "
                            "depends on something beside the schedule",
                            std::string(": ") + difference);
    }

    machine& machine_;
    strategy& strategy_;
    const exploration_options& options_;
    turns turns_;
    execution told_;
    exploration_result result_;
    std::uint64_t number_; ///< of the current execution
    double started_ = 0;
    double reported_ = 0;
};

} // namespace

exploration_result explore(machine& runs, strategy& decides, const exploration_options& options) {
    if (runs.threads() < 1 || runs.threads() > max_threads)
        throw std::invalid_argument("the checker runs 1 to " + std::to_string(max_threads) + " threads");
    return explorer(runs, decides, options).run();
}

} // namespace daxtorture
