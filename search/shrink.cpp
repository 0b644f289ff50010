#include "shrink.hpp"

#include "budget.hpp"
#include "plan.hpp"
#include "shrink_schedule.hpp"
#include "smaller_programs.hpp"

#include <algorithm>
#include <string_view>

namespace daxtorture {

namespace {

unsigned count_switches(const std::vector<event>& events, std::size_t threads) {
    switch_counter switches;
    for (const event& e : events)
        if (e.thread < threads)
            switches.stepped(e.thread);
    return switches.count;
}

class program_shrinker {
  public:
    program_shrinker(const machine_factory& make, const shrink_options& options, const budget& time)
        : make_(make), options_(options), time_(time) {}

    void run(shrink_result& best) {
        const bool leaks =
            best.found.kind == failure_kind::leak || best.found.cause.compare(0, leaked.size(), leaked) == 0;
        for (bool smaller = true; smaller && !time_.over();) {
            smaller = false;
            best.undecided = 0;
            for (program& candidate : smaller_programs(best.what, leaks)) {
                failure found;
                const answer fails = fails_the_same(candidate, best.found, best.executions, found);
                best.undecided += fails == answer::unknown;
                if (fails != answer::yes)
                    continue;
                best.what = std::move(candidate);
                best.found = std::move(found);
                smaller = true;
                break;
            }
        }
    }

  private:
    enum class answer { yes, no, unknown };
    static constexpr std::string_view leaked = "leaked reference";
    static constexpr std::uint64_t executions_of_one = 4000;

    /// All executions if they are few, else some at random: what fails at all fails often in a small program.
    answer fails_the_same(const program& candidate, const failure& target, std::uint64_t& executions,
                          failure& found) {
        search_options s;
        s.memory = options_.memory;
        s.depth_limit = options_.depth_limit;
        for (const bool whole : {true, false}) {
            s.scheduler = whole ? "full" : "pct";
            for (s.seed = 1; s.seed <= 3 && !time_.over(); ++s.seed) {
                const double seconds = std::max(0.01, std::min(0.25, time_.left()));
                s.iterations = executions_of_one;
                if (time_.by_executions())
                    s.iterations = std::min(
                        s.iterations, static_cast<std::uint64_t>(seconds * budget::executions_in_a_second));
                else
                    s.seconds = seconds;
                search_result r = search(*make_(candidate), s);
                executions += r.executions;
                if (same_failure(r.found, target)) {
                    found = std::move(r.found);
                    return answer::yes;
                }
                if (r.found.kind == failure_kind::none && whole && r.exhausted && r.depth_limit_hits == 0)
                    return answer::no;
                // The tree has one first failure, and a search that found none need not be tried again.
                if (r.found.kind == failure_kind::none || whole)
                    break;
            }
        }
        return answer::unknown;
    }

    const machine_factory& make_;
    const shrink_options& options_;
    const budget& time_;
};

} // namespace

shrink_result shrink(const machine_factory& make, const program& what, const failure& target,
                     const shrink_options& options) {
    shrink_result best;
    const auto budget_of = [&](double seconds) {
        return budget(seconds, options.by_executions ? &best.executions : nullptr);
    };
    const budget time = budget_of(options.seconds);
    best.what = what;
    best.found = replay(*make(what), target.schedule, options.memory, false, options.depth_limit).found;
    best.executions = 1;
    best.reproduced = same_failure(best.found, target);
    if (!best.reproduced)
        return best;
    if (options.reduce_program) {
        const budget first_half = budget_of(options.seconds / 2);
        program_shrinker(make, options, first_half).run(best);
    }
    if (options.progress)
        options.progress(best.executions, options.seconds - time.left());
    exploration_options e;
    e.memory = options.memory;
    e.depth_limit = options.depth_limit;
    const std::unique_ptr<machine> runs = make(best.what);
    schedule_shrink s = shrink_schedule(*runs, best.found, e, time.left(), options.by_executions);
    best.executions += s.executions;
    best.shown_stale = s.shown_stale;
    best.found = replay(*runs, s.found.schedule, options.memory, true, options.depth_limit).found;
    best.preemptions = count_preemptions(best.found.schedule);
    best.switches = count_switches(best.found.events, best.what.threads.size());
    best.stale = count_unusual(best.found.schedule);
    best.seconds = options.seconds - time.left();
    return best;
}

} // namespace daxtorture
