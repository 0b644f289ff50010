#include "shrink_schedule.hpp"

#include "budget.hpp"
#include "plan.hpp"

namespace daxtorture {

namespace {

/// Forced switches count first, then unusual outcomes, then length.
struct cost {
    unsigned preemptions;
    unsigned unusual;
    std::size_t length;

    explicit cost(const schedule_log& s)
        : preemptions(count_preemptions(s)), unusual(count_unusual(s)), length(s.size()) {}
    friend bool operator<(const cost& a, const cost& b) {
        if (a.preemptions != b.preemptions)
            return a.preemptions < b.preemptions;
        if (a.unusual != b.unusual)
            return a.unusual < b.unusual;
        return a.length < b.length;
    }
};

class schedule_shrinker {
  public:
    schedule_shrinker(const std::function<std::unique_ptr<body>()>& makes, const failure& target,
                      const exploration_options& options, double seconds)
        : makes_(makes), options_(options), time_(seconds) {
        best_.found = target;
        options_.record = false;
        options_.progress = nullptr;
    }

    schedule_shrink run() {
        // A bound below the present number of preemptions, from none up: the first hit is a minimum.
        const cost start(best_.found.schedule);
        bool proved = true;
        for (unsigned bound = 0; bound < start.preemptions && proved; ++bound) {
            const int outcome = search_below(bound, start.unusual, time_.left() / 2);
            if (outcome > 0)
                break;
            proved = outcome == 0;
        }
        while (!time_.over() && remove_one()) {
        }
        // A smaller schedule from the greedy part was searched for only as far as the bounds went.
        best_.minimal = proved;
        return best_;
    }

  private:
    static constexpr unsigned other_failures_limit = 200; ///< each loses the memory of an execution

    /// 1: found a schedule with at most `preemptions`; 0: there is none; -1: not known.
    int search_below(unsigned preemptions, unsigned unusual, double seconds) {
        const budget mine(seconds);
        const auto how = make_bound(preemptions, unusual);
        for (unsigned others = 0; others < other_failures_limit && !mine.over(); ++others) {
            const std::unique_ptr<body> runs = makes_();
            options_.executions = 0;
            options_.seconds = mine.left();
            exploration_result r = explore(*runs, *how, options_);
            best_.executions += r.executions;
            if (r.found.kind == failure_kind::none)
                return r.exhausted ? 0 : -1;
            if (same_failure(r.found, best_.found)) {
                accept(std::move(r.found));
                return 1;
            }
        }
        return -1;
    }

    /// Takes one thing out of the plan of the best schedule. False: nothing can go.
    bool remove_one() {
        plan_writer writer(best_.found.schedule);
        run_once(writer);
        const plan whole = writer.written();
        for (std::size_t i = 0; i < whole.exceptions.size(); ++i) {
            plan less = whole;
            less.exceptions.erase(less.exceptions.begin() + static_cast<std::ptrdiff_t>(i));
            if (try_plan(less))
                return true;
        }
        for (std::size_t i = 0; i < whole.stretches.size(); ++i) {
            plan less = whole;
            less.stretches.erase(less.stretches.begin() + static_cast<std::ptrdiff_t>(i));
            if (try_plan(less))
                return true;
            if (whole.stretches[i].until == plan::no_end)
                continue;
            less = whole;
            less.stretches[i].until = plan::no_end;
            if (try_plan(less))
                return true;
        }
        return false;
    }

    bool try_plan(const plan& candidate) {
        if (time_.over())
            return false;
        plan_strategy how(candidate);
        exploration_result r = run_once(how);
        if (!same_failure(r.found, best_.found) || !(cost(r.found.schedule) < cost(best_.found.schedule)))
            return false;
        accept(std::move(r.found));
        return true;
    }

    exploration_result run_once(strategy& how) {
        const std::unique_ptr<body> runs = makes_();
        options_.executions = 1;
        options_.seconds = 0;
        exploration_result r = explore(*runs, how, options_);
        best_.executions += r.executions;
        return r;
    }

    void accept(failure&& f) { best_.found = std::move(f); }

    const std::function<std::unique_ptr<body>()>& makes_;
    exploration_options options_;
    budget time_;
    schedule_shrink best_;
};

} // namespace

schedule_shrink shrink_schedule(const std::function<std::unique_ptr<body>()>& makes, const failure& target,
                                const exploration_options& options, double seconds) {
    return schedule_shrinker(makes, target, options, seconds).run();
}

} // namespace daxtorture
