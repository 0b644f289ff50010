#include "stress/watchdog.hpp"

#include <arch/task.hpp>

#include <algorithm>

namespace daxtorture::stress {

watchdog::watchdog(std::shared_ptr<group> watched, watch_limits limits)
    : group_(std::move(watched)), limits_(limits), last_(group_->workers() + 1),
      conditions_(group_->workers() + 1) {}

void watchdog::look(clock::time_point now, clock::time_point stopping_since) {
    const std::lock_guard held(group_->world_mutex);
    if (group_->current_world() == nullptr || group_->threads_left() == 0)
        return;
    if (group_->doomed()) {
        notice_moves(now);
        tear_down(now);
        return;
    }
    notice_moves(now);
    const bool stopping = stopping_since <= now;
    if (group_->is_mix())
        pace_mix(now, stopping);

    if (group_->violated()) {
        if (stuck(now, limits_.grace_violated))
            doom(now);
    } else if (deadlocked(now) && group_->is_mix() && !relieved_ &&
               conditions_.back() == condition::outside) {
        relieved_ = true;
        group_->relieve();
    } else if (deadlocked(now)) {
        report_hang(false);
        doom(now);
    } else if (stuck(now, limits_.hang_after)) {
        report_hang(true);
        doom(now);
    } else if (stopping && now - stopping_since >= limits_.grace_deadline &&
               stuck(now, limits_.grace_violated)) {
        cut_short_ = true;
        doom(now);
    }
}

/// Ends a mix's round in time, or early when somebody sleeps: the load would stall behind it. Most such sleepers wait for a page
/// that a stopped worker pins or a re-fault mapped, and are helped. Before that a lost wake-up must show: later traffic on
/// the same page would wake the sleeper after all.
void watchdog::pace_mix(clock::time_point now, bool stopping) {
    bool stall = false;
    for (std::size_t i = 0; i < last_.size(); ++i)
        stall = stall || (conditions_[i] == condition::asleep && now - last_[i].since >= limits_.grace_holds);
    if (!group_->round_over()) {
        if (stopping || stall || now - round_began_ >= limits_.quiescent_every)
            group_->end_round();
        return;
    }
    if (!(stall || stuck(now, limits_.grace_violated)) || group_->holds_dropped() || group_->violated() ||
        conditions_.back() != condition::outside)
        return;
    const bool nobody_runs = std::none_of(conditions_.begin(), conditions_.end(),
                                          [](condition c) { return c == condition::running; });
    lost_wake_up_ = nobody_runs && quiet(now, limits_.grace_holds) && sleeps_for_nothing();
    if (!lost_wake_up_ && (nobody_runs || stuck(now, limits_.grace_violated)))
        group_->drop_holds();
}

/// Has nothing moved for that long?
bool watchdog::quiet(clock::time_point now, clock::duration limit) const {
    return std::all_of(last_.begin(), last_.end(), [&](const seen& s) { return now - s.since >= limit; });
}

/// Is somebody asleep although what it waits for holds already? Only while nobody runs.
bool watchdog::sleeps_for_nothing() {
    const snapshot state = group_->current_world()->take_snapshot();
    return std::any_of(state.tasks.begin(), state.tasks.end(), [&](const task_snapshot& task) {
        return task.predicate_true && task.id < conditions_.size() &&
               conditions_[task.id] == condition::asleep;
    });
}

void watchdog::notice_moves(clock::time_point now) {
    const bool new_round = group_->round() != round_;
    if (new_round) {
        round_ = group_->round();
        round_began_ = now;
        relieved_ = false;
        lost_wake_up_ = false;
    }
    for (unsigned i = 0; i < last_.size(); ++i) {
        const worker_slot& slot = group_->slot(i);
        const std::uint64_t steps = slot.steps.load(std::memory_order_relaxed);
        const named_operation* inside = slot.inside.load(std::memory_order_acquire);
        if (new_round || steps != last_[i].steps || inside != last_[i].inside)
            last_[i] = {steps, inside, now, last_[i].waits, last_[i].object, last_[i].waits_since};
        conditions_[i] = condition_of(i);
        // Without a processor an operation takes long, and at any moment it may be in some wait or other
        const arch::wait_note& waiting = group_->task(i).waiting;
        if (waiting.kind() != last_[i].waits || waiting.object() != last_[i].object) {
            last_[i].waits = waiting.kind();
            last_[i].object = waiting.object();
            last_[i].waits_since = now;
        }
    }
}

watchdog::condition watchdog::condition_of(unsigned i) {
    if (last_[i].inside == nullptr)
        return condition::outside;
    const arch::task& task = group_->task(i);
    if (task.state.peek() != arch::task_state::running)
        return condition::asleep;
    const arch::wait_kind kind = task.waiting.kind();
    return kind == arch::wait_kind::lock || kind == arch::wait_kind::grace_period ? condition::blocked
                                                                                  : condition::running;
}

/// Has some worker been inside one operation for that long?
bool watchdog::stuck(clock::time_point now, clock::duration limit) const {
    return std::any_of(last_.begin(), last_.end(),
                       [&](const seen& s) { return s.inside != nullptr && now - s.since >= limit; });
}

bool watchdog::deadlocked(clock::time_point now) {
    // In a mix a worker between operations may hold pins that somebody waits for: first it has to drop them.
    if (group_->is_mix() && !group_->holds_dropped() && !lost_wake_up_)
        return false;
    clock::duration grace = limits_.grace_sleep;
    bool somebody = false;
    clock::time_point quiet_since{};
    for (unsigned i = 0; i < last_.size(); ++i) {
        quiet_since = std::max({quiet_since, last_[i].since, last_[i].waits_since});
        switch (conditions_[i]) {
        case condition::outside:
            // Whoever sleeps may wait for what it holds
            if (group_->is_mix() && i < group_->workers() && !lost_wake_up_ && !group_->has_let_go(i))
                return false;
            continue;
        case condition::running:
            return false;
        case condition::blocked:
            grace = limits_.grace_lock;
            break;
        case condition::asleep:
            break;
        }
        somebody = true;
    }
    return somebody && now - quiet_since >= grace;
}

/// What can be said of a world in which somebody still runs: nothing that needs a consistent look at the model.
snapshot watchdog::describe_running() {
    snapshot state;
    for (unsigned i = 0; i < last_.size(); ++i) {
        const arch::task& task = group_->task(i);
        task_snapshot who;
        who.id = i;
        who.name = group_->name(i);
        who.operation = last_[i].inside == nullptr ? "" : last_[i].inside->text;
        who.blocked = conditions_[i] == condition::asleep || conditions_[i] == condition::blocked;
        if (who.blocked) {
            const arch::site at = task.waiting.where();
            who.wait_site =
                std::string(at.function) + " at " + path_below_root(at.file) + ":" + std::to_string(at.line);
        }
        for (unsigned n = 0; n < task.held.depth(); ++n)
            if (const arch::lock_class* type = task.held[n].type.load(std::memory_order_relaxed))
                who.held.emplace_back(type->name);
        state.tasks.push_back(std::move(who));
    }
    return state;
}

void watchdog::report_hang(bool endless) {
    const bool running = std::any_of(conditions_.begin(), conditions_.end(),
                                     [](condition c) { return c == condition::running; });
    failure found;
    found.events = group_->recorded();
    found.state = running ? describe_running() : group_->current_world()->take_snapshot();
    found.kind = endless && running ? failure_kind::livelock : failure_kind::deadlock;
    found.invariant = found.state.invariant;
    found.cause = found.state.cause;
    if (found.cause.starts_with("leaked reference"))
        found.kind = failure_kind::leak;
    if (found.cause.empty())
        found.cause =
            found.kind == failure_kind::livelock ? "an operation does not end" : "no task can go on";
    for (unsigned i = 0; i < last_.size(); ++i) {
        if (conditions_[i] == condition::outside)
            continue;
        event met;
        met.thread = i;
        met.operation = group_->slot(i).index.load(std::memory_order_relaxed);
        const arch::site at = group_->task(i).waiting.where();
        met.function = at.function;
        met.file = at.file;
        met.line = at.line;
        met.kind = "block";
        std::string where =
            conditions_[i] == condition::running ? "runs" : std::string("waits in ") + at.function;
        for (const task_snapshot& task : found.state.tasks) {
            if (task.id != i || !task.blocked)
                continue;
            met.object = task.waits_for;
            if (!task.wait_site.empty())
                where = "waits in " + task.wait_site;
            if (!task.waits_for.empty())
                where += " for " + task.waits_for;
        }
        found.detail += found.detail.empty() ? "" : "; ";
        found.detail += group_->name(i) + " in '" + last_[i].inside->text + "' " + where;
        if (conditions_[i] != condition::running)
            found.events.push_back(std::move(met));
    }
    group_->add_failure(std::move(found));
}

void watchdog::doom(clock::time_point now) {
    doomed_since_ = now;
    group_->doom();
    group_->end_round();
    tear_down(now);
}

/// Ends sleeps first, which gives back the locks that the sleepers hold. What still blocks then are cycles of locks: one worker
/// at a time is let through.
void watchdog::tear_down(clock::time_point now) {
    constexpr auto sleeps_only = std::chrono::milliseconds(300);
    constexpr auto each_wait = std::chrono::milliseconds(100);
    constexpr auto give_up_after = std::chrono::seconds(3);
    const auto passed = now - doomed_since_;
    std::vector<unsigned> blocked;
    bool anybody = false;
    for (unsigned i = 0; i < last_.size(); ++i) {
        if (conditions_[i] == condition::outside)
            continue;
        anybody = true;
        arch::task& task = group_->task(i);
        if (task.aborted.load() != arch::abort_level::waits)
            arch::abort_task(task, arch::abort_level::sleeps);
        else
            arch::abort_task(task, arch::abort_level::waits);
        if (conditions_[i] == condition::blocked && task.aborted.load() != arch::abort_level::waits)
            blocked.push_back(i);
    }
    if (passed >= sleeps_only && !blocked.empty()) {
        const auto turn = static_cast<std::size_t>((passed - sleeps_only) / each_wait);
        unsigned let_through = 0;
        for (unsigned i = 0; i < last_.size(); ++i)
            let_through += group_->task(i).aborted.load() == arch::abort_level::waits;
        if (let_through <= turn)
            arch::abort_task(group_->task(blocked.front()), arch::abort_level::waits);
    }
    // Not while nobody is inside: whoever is outside is on its way to the barrier.
    if (anybody && passed >= give_up_after)
        gave_up_ = true;
}

} // namespace daxtorture::stress
