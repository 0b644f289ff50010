#include "shrink_schedule.hpp"

#include "budget.hpp"
#include "plan.hpp"
#include "strategies.hpp"

#include <algorithm>
#include <tuple>

namespace daxtorture {

namespace {

/// Forced switches count first, then unusual outcomes, then switches of any kind, then length.
struct cost {
    unsigned preemptions;
    unsigned unusual;
    unsigned switches;
    std::size_t length;

    cost(const schedule_log& s, unsigned all_switches)
        : preemptions(count_preemptions(s)), unusual(count_unusual(s)), switches(all_switches),
          length(s.size()) {}
    friend bool operator<(const cost& a, const cost& b) {
        return std::tie(a.preemptions, a.unusual, a.switches, a.length) <
               std::tie(b.preemptions, b.unusual, b.switches, b.length);
    }
};

class schedule_shrinker {
  public:
    schedule_shrinker(machine& runs, const failure& target, const exploration_options& options,
                      double seconds, bool by_executions)
        : machine_(runs), options_(options), executions_(by_executions ? &best_.executions : nullptr),
          time_(seconds, executions_) {
        best_.found = target;
        options_.record = false;
        options_.progress = nullptr;
    }

    schedule_shrink run() {
        best_.switches = switches_of(best_.found.schedule);
        find_fewest_preemptions();
        find_fewest_unusual();
        remove_all();
        find_fewer_switches();
        remove_all();
        return std::move(best_);
    }

  private:
    static constexpr unsigned other_failures_limit = 200; ///< each loses the memory of an execution
    static constexpr unsigned same_failures_limit = 50;
    static constexpr unsigned stale_limit = 3;
    static constexpr double proof_seconds = 0.4;
    static constexpr double search_seconds = 0.1;

    /// Bounds below the present number of preemptions, from none up: the first hit is a minimum.
    void find_fewest_preemptions() {
        const unsigned start = count_preemptions(best_.found.schedule);
        const budget mine(std::min(time_.left() / 2, proof_seconds), executions_);
        unsigned shown = stale_limit; // of all bounds so far
        for (unsigned bound = 0; bound < start; ++bound) {
            for (unsigned stale = 0; stale <= shown; ++stale) {
                const outcome came = search_below(bound, stale, mine.left());
                if (came == outcome::hit) {
                    if (bound > 0)
                        best_.shown_stale = shown;
                    return;
                }
                if (came == outcome::unknown) {
                    if (stale == 0)
                        return;
                    shown = stale - 1;
                }
            }
        }
        if (start > 0)
            best_.shown_stale = shown;
    }

    void find_fewest_unusual() {
        const budget mine(std::min(time_.left() / 2, search_seconds), executions_);
        for (unsigned stale = 0; stale < count_unusual(best_.found.schedule); ++stale)
            if (search_below(count_preemptions(best_.found.schedule), stale, mine.left()) != outcome::none)
                return;
    }

    /// Other schedules that fail so at no higher cost, in the order of the tree.
    void find_fewer_switches() {
        const budget mine(std::min(time_.left() / 2, search_seconds), executions_);
        const auto how =
            make_bound(count_preemptions(best_.found.schedule), count_unusual(best_.found.schedule));
        for (unsigned i = 0; i < same_failures_limit && !mine.over(); ++i) {
            const exploration_result r = search(*how, mine.left());
            if (r.found.kind == failure_kind::none)
                return;
            if (same_failure(r.found, best_.found))
                keep_if_cheaper(r.found, switches_of(r.found.schedule));
        }
    }

    enum class outcome { hit, none, unknown };

    /// A schedule with at most `preemptions` and `unusual`.
    outcome search_below(unsigned preemptions, unsigned unusual, double seconds) {
        const budget mine(seconds, executions_);
        const auto how = make_bound(preemptions, unusual);
        for (unsigned others = 0; others < other_failures_limit && !mine.over(); ++others) {
            exploration_result r = search(*how, mine.left());
            if (r.found.kind == failure_kind::none)
                return r.exhausted && r.overruns == 0 ? outcome::none : outcome::unknown;
            if (same_failure(r.found, best_.found)) {
                best_.switches = switches_of(r.found.schedule);
                best_.found = std::move(r.found);
                return outcome::hit;
            }
        }
        return outcome::unknown;
    }

    exploration_result search(strategy& how, double seconds) {
        const double some = std::max(seconds, 0.001);
        options_.executions =
            time_.by_executions() ? static_cast<std::uint64_t>(some * budget::executions_in_a_second) : 0;
        options_.seconds = time_.by_executions() ? 0 : some;
        exploration_result r = explore(machine_, how, options_);
        best_.executions += r.executions;
        return r;
    }

    unsigned switches_of(const schedule_log& schedule) {
        plan_writer writer(schedule);
        run_once(writer);
        return writer.switches();
    }

    void remove_all() {
        while (!time_.over() && remove_one()) {
        }
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
            less.stretches.resize(i + 1);
            if (try_plan(less))
                return true;
        }
        return false;
    }

    bool try_plan(const plan& candidate) {
        if (time_.over())
            return false;
        plan_strategy how(candidate);
        const exploration_result r = run_once(how);
        return same_failure(r.found, best_.found) && keep_if_cheaper(r.found, how.switches());
    }

    bool keep_if_cheaper(const failure& other, unsigned switches) {
        if (!(cost(other.schedule, switches) < cost(best_.found.schedule, best_.switches)))
            return false;
        best_.found = other;
        best_.switches = switches;
        return true;
    }

    exploration_result run_once(strategy& how) {
        options_.executions = 1;
        options_.seconds = 0;
        exploration_result r = explore(machine_, how, options_);
        best_.executions += r.executions;
        return r;
    }

    machine& machine_;
    exploration_options options_;
    schedule_shrink best_;
    const std::uint64_t* executions_; ///< what counts the seconds; null: the clock
    budget time_;
};

} // namespace

schedule_shrink shrink_schedule(machine& runs, const failure& target, const exploration_options& options,
                                double seconds, bool by_executions) {
    return schedule_shrinker(runs, target, options, seconds, by_executions).run();
}

} // namespace daxtorture
