#include "checker.hpp"

#include "replay.hpp"

#include <utility>

namespace daxtorture {

namespace {

exploration_options exploration_of(const search_options& options) {
    exploration_options e;
    e.memory = options.memory;
    e.first = options.first;
    e.executions = options.iterations;
    e.seconds = options.seconds;
    e.depth_limit = options.depth_limit;
    e.cover = options.cover;
    e.weaken = options.weaken;
    e.collect_orders = options.collect_orders;
    e.progress = options.progress;
    return e;
}

bool is_passed_by(const failure& found, const failure* wanted) {
    return wanted != nullptr && found.kind != failure_kind::none && found.kind != failure_kind::tool &&
           !same_failure(found, *wanted);
}

void add(search_result& sum, exploration_result& r) {
    sum.executions += r.executions;
    sum.repetitions += r.repetitions;
    sum.seconds += r.seconds;
    sum.depth_limit_hits += r.overruns;
    sum.steps += r.steps;
    sum.rechecked += r.rechecked;
    sum.failed_at = r.failed_at;
    sum.exhausted = r.exhausted;
    sum.gave_up = r.gave_up;
    sum.blocked = std::move(r.blocked);
    sum.orders = std::move(r.orders);
}

/// From a failure on. False: nothing is left.
bool go_on(exploration_options& e, const exploration_result& r) {
    const bool counted = e.executions != 0;
    const bool timed = e.seconds > 0;
    e.first = r.failed_at + 1;
    e.executions -= counted ? r.executions : 0;
    e.seconds -= timed ? r.seconds : 0;
    return !(counted && e.executions == 0) && !(timed && e.seconds <= 0);
}

} // namespace

search_result search(machine& runs, const search_options& options) {
    const std::unique_ptr<strategy> decides = make_strategy(options.scheduler, options);
    exploration_options e = exploration_of(options);
    search_result result;
    for (bool more = true; more;) {
        exploration_result r = explore(runs, *decides, e);
        add(result, r);
        const bool other = is_passed_by(r.found, options.wanted);
        result.passed_by += other ? 1 : 0;
        if (!other)
            result.found = std::move(r.found);
        more = other && go_on(e, r);
    }
    result.explored = decides->explored();
    result.counts = runs.counts();
    return result;
}

replay_result replay(machine& runs, const schedule_log& schedule, memory_class memory, bool record_events,
                     std::uint64_t depth_limit) {
    replay_strategy follows(schedule);
    exploration_options e;
    e.memory = memory;
    e.executions = 1;
    e.depth_limit = depth_limit;
    e.record = record_events;
    exploration_result r = explore(runs, follows, e);
    replay_result result;
    result.found = std::move(r.found);
    result.diverged = !follows.followed_all();
    result.divergence = follows.step();
    result.events = std::move(r.events);
    result.schedule = std::move(r.schedule);
    return result;
}

} // namespace daxtorture
