#include "checker.hpp"

#include <algorithm>

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
    return e;
}

void add(search_result& total, exploration_result&& part) {
    total.found = std::move(part.found);
    total.failed_at = part.failed_at;
    total.executions += part.executions;
    total.repetitions += part.repetitions;
    total.seconds += part.seconds;
    total.exhausted = part.exhausted;
    total.depth_limit_hits += part.overruns;
    total.steps += part.steps;
    total.rechecked += part.rechecked;
    total.gave_up = total.gave_up || part.gave_up;
    total.blocked = std::move(part.blocked);
    for (met_order& one : part.orders)
        if (std::none_of(total.orders.begin(), total.orders.end(), [&](const met_order& o) {
                return o.line == one.line && o.kind == one.kind && o.file == one.file;
            }))
            total.orders.push_back(std::move(one));
}

std::unique_ptr<strategy> strategy_of(const search_options& options) {
    switch (options.scheduler) {
    case search_kind::uniform:
        return make_uniform(options.seed);
    case search_kind::pct:
        return make_pct(options.seed, options.depth);
    case search_kind::bound:
        return make_bound(options.bound, options.bound, options.part);
    case search_kind::full:
        return options.reduce ? make_reduced(options.part) : make_bound(unlimited, unlimited, options.part);
    case search_kind::aim:
        return make_aim(options.seed, options.targets);
    }
    return nullptr;
}

/// Lower bounds are all that was searched.
search_result unfinished(search_result total) {
    total.exhausted = false;
    return total;
}

/// Bounds one after the other: the first failure has the fewest preemptions.
search_result search_bounds(body& runs, const search_options& options) {
    search_result total;
    for (unsigned bound = 0; bound <= options.bound; ++bound) {
        const bool last = bound == options.bound; // the trees before it are small, and parts of it
        exploration_options e = exploration_of(options);
        if (options.iterations != 0) {
            if (total.executions >= options.iterations)
                return unfinished(std::move(total));
            e.executions = options.iterations - total.executions;
        }
        if (options.seconds > 0) {
            if (total.seconds >= options.seconds)
                return unfinished(std::move(total));
            e.seconds = options.seconds - total.seconds;
        }
        if (options.progress)
            e.progress = [&](std::uint64_t executions, double seconds, double explored) {
                options.progress(total.executions + executions, total.seconds + seconds, last ? explored : 0);
            };
        const std::uint64_t before = total.executions;
        const auto how = make_bound(bound, bound, options.part);
        add(total, explore(runs, *how, e));
        total.explored = last ? how->explored() : 0;
        if (total.found.kind != failure_kind::none)
            total.failed_at += before;
        if (total.found.kind != failure_kind::none || !total.exhausted)
            break;
    }
    return total;
}

search_result search_once(body& runs, const search_options& options) {
    const std::unique_ptr<strategy> how = strategy_of(options);
    exploration_options e = exploration_of(options);
    e.progress = options.progress;
    search_result total;
    add(total, explore(runs, *how, e));
    total.explored = how->explored();
    return total;
}

} // namespace

search_result search(const program& what, const search_options& options) {
    operation_counts counts;
    const std::unique_ptr<body> runs = make_world_body(what, &counts);
    search_result total =
        options.scheduler == search_kind::bound ? search_bounds(*runs, options) : search_once(*runs, options);
    total.counts = std::move(counts);
    return total;
}

replay_result replay(const program& what, const schedule_log& schedule, memory_class memory,
                     bool record_events, std::uint64_t depth_limit) {
    const std::unique_ptr<body> runs = make_world_body(what);
    replay_strategy how(schedule);
    exploration_options e;
    e.memory = memory;
    e.executions = 1;
    e.depth_limit = depth_limit;
    e.record = record_events;
    exploration_result r = explore(*runs, how, e);
    replay_result result;
    result.found = std::move(r.found);
    result.diverged = !how.followed_all();
    result.divergence = how.step();
    result.events = std::move(r.events);
    result.schedule = std::move(r.schedule);
    return result;
}

} // namespace daxtorture
