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

} // namespace

search_result search(machine& runs, const search_options& options) {
    const std::unique_ptr<strategy> decides = make_strategy(options.scheduler, options);
    exploration_result r = explore(runs, *decides, exploration_of(options));
    search_result result;
    result.found = std::move(r.found);
    result.failed_at = r.failed_at;
    result.executions = r.executions;
    result.repetitions = r.repetitions;
    result.seconds = r.seconds;
    result.exhausted = r.exhausted;
    result.explored = decides->explored();
    result.depth_limit_hits = r.overruns;
    result.steps = r.steps;
    result.rechecked = r.rechecked;
    result.gave_up = r.gave_up;
    result.blocked = std::move(r.blocked);
    result.counts = runs.counts();
    result.orders = std::move(r.orders);
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
