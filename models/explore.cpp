#include "explore.hpp"

#include "context.hpp"

#include <chrono>
#include <stdexcept>

namespace daxtorture {

exploration* exploring = nullptr;

extern template void run_exploration<1>(exploration&);
extern template void run_exploration<2>(exploration&);
extern template void run_exploration<3>(exploration&);
extern template void run_exploration<4>(exploration&);
extern template void run_exploration<5>(exploration&);
extern template void run_exploration<6>(exploration&);
extern template void run_exploration<7>(exploration&);
extern template void run_exploration<8>(exploration&);

namespace {

constexpr std::uint64_t stack_mark = 0x6b636174736c6f77u;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string describe(const void* address) { return exploring->what.describe(address); }

/// "../src/mm/gup.cpp" and the like -> "src/mm/gup.cpp"
std::string path_below_root(const char* file) {
    std::string path = file;
    for (const char* top : {"src/", "models/", "tests/", "arch/"}) {
        const std::size_t at = path.rfind(top);
        if (at != std::string::npos && (at == 0 || path[at - 1] == '/'))
            return path.substr(at);
    }
    return path;
}

/// "walk_area<...>" -> "walk_area": the kernel has no templates.
std::string function_name(const char* function) {
    const std::string name = function;
    return name.rfind("operator", 0) == 0 ? name : name.substr(0, name.find('<'));
}

std::vector<event> named_events() {
    std::vector<event> events;
    events.reserve(machine::state.events.size());
    for (const machine::raw_event& raw : machine::state.events) {
        event e;
        e.thread = raw.thread;
        e.operation = raw.operation;
        e.function = function_name(raw.at.function);
        e.file = path_below_root(raw.at.file);
        e.line = raw.at.line;
        e.kind = raw.kind;
        e.object = raw.object != nullptr ? describe(raw.object) : std::string();
        e.before = raw.before;
        e.after = raw.after;
        e.decisions = raw.decisions;
        // These have no value before; the wrappers pass a name there: the lock's class, what is noted, the operation.
        for (const char* named : {"lock", "unlock", "lock-fail", "downgrade", "note", "begin", "end"}) {
            if (e.kind != named)
                continue;
            if (e.object.empty())
                e.object = raw.before;
            e.before.clear();
        }
        if (raw.object != nullptr && e.kind != "lock" && e.kind != "unlock" && e.kind != "lock-fail" &&
            e.kind != "downgrade") {
            if (!e.before.empty())
                e.before = exploring->what.value_text(raw.object, e.before);
            if (!e.after.empty() && e.kind != "wake")
                e.after = exploring->what.value_text(raw.object, e.after);
        }
        e.stale = raw.stale;
        e.preempted = raw.preempted;
        events.push_back(std::move(e));
    }
    return events;
}

arch::order order_named(const std::string& text) {
    for (const arch::order one : {arch::order::relaxed, arch::order::acquire, arch::order::release,
                                  arch::order::acq_rel, arch::order::full})
        if (text == arch::name(one))
            return one;
    throw std::invalid_argument("no memory order '" + text + "'");
}

bool starts_with(const std::string& text, const char* head) { return text.rfind(head, 0) == 0; }

} // namespace

bool exploration::begin_execution() {
    machine::machine_state& s = machine::state;
    s.special = true;
    s.special_spins = 0;
    s.stored = false;
    s.recording = options.record;
    s.violation = {};
    s.tracking = false;
    s.touches.clear();
    s.steps_read = 0;
    s.events.clear();
    std::fill(std::begin(s.operation), std::end(s.operation), -1);
    std::fill(std::begin(s.steps), std::end(s.steps), 0u);
    if (recycle)
        recycle();
    strategy& decides = again != nullptr ? static_cast<strategy&>(*again) : how;
    if (!decides.begin(number, what.threads()))
        return false;
    s.watching = false;
    s.shared = 0;
    watch.begin();
    if (options.cover != nullptr)
        options.cover->begin();
    turn.begin(decides, what.threads(), options.memory == memory_class::sc, s.steps, s.operation);
    return true;
}

bool exploration::run_again() {
    first_log = turn.log();
    first_steps = turn.steps();
    first_outcome = outcome;
    again = std::make_unique<replay_strategy>(first_log);
    return begin_execution();
}

bool exploration::differs() const {
    return !again->followed_all() || turn.log() != first_log || turn.steps() != first_steps ||
           outcome != first_outcome;
}

void exploration::report_tool_failure(std::string cause, const std::string& detail) {
    failure& f = result.found;
    f = {};
    f.kind = failure_kind::tool;
    f.cause = std::move(cause);
    f.detail = "execution " + std::to_string(number) + detail;
    result.failed_at = number;
}

void exploration::report_difference(const char* difference) {
    report_tool_failure(
        "an execution was not the same when it was run again: the model or the checker depends on "
        "something beside "
        "the schedule",
        std::string(": ") + difference);
}

void exploration::watch_step(unsigned thread) {
    machine::state.watching = true;
    watch.see(machine::state.shared, thread);
}

bool exploration::end_execution() {
    if (!turn.error().empty()) { // the strategy threw: what came after is no execution of its tree
        report_tool_failure(turn.error(), "");
        return true;
    }
    if (again != nullptr) {
        if (differs()) {
            report_difference("other decisions, steps or outcome");
            return true;
        }
        again.reset();
        ++result.rechecked;
        if (options.executions != 0 && result.executions >= options.executions)
            return true;
        ++number;
        if (begin_execution())
            return false;
        result.exhausted = true;
        return true;
    }
    how.end(turn.steps());
    if (options.cover != nullptr)
        options.cover->end(outcome);
    result.steps += turn.steps();
    result.overruns += turn.overran() ? 1 : 0;
    result.executions += probing ? 0 : 1;
    result.repetitions += how.repeats() ? 1 : 0;
    if (options.record)
        result.schedule = turn.log();
    if (!probing && options.recheck_every != 0 && result.executions % options.recheck_every == 0 &&
        !turn.overran())
        return !run_again();
    if (!probing)
        ++number;
    probing = false;
    if (options.executions != 0 && result.executions >= options.executions)
        return true;
    if (result.executions % 32 == 0 && (options.seconds > 0 || options.progress)) {
        const double now = seconds_now();
        if (options.seconds > 0 && now - started >= options.seconds)
            return true;
        if (options.progress && now - reported >= 0.5) {
            reported = now;
            options.progress(result.executions, now - started, how.explored());
        }
    }
    if (begin_execution())
        return false;
    result.exhausted = true;
    return true;
}

/// The step ends here: what it touched, by names that outlive the execution.
void exploration::note_step() {
    machine::machine_state& s = machine::state;
    footprint& did = turn.this_step();
    for (const machine::touched& one : s.touches)
        did.add(blocks.number(one.object), one.written);
    did.steps_of = s.steps_read;
    s.touches.clear();
    s.steps_read = 0;
}

void exploration::set_up() {
    const bool watched = turn.watched();
    blocks.clear();
    recycler::log = watched ? &blocks : nullptr;
    setting_up = true;
    what.set_up();
    setting_up = false;
    recycler::log = nullptr;
    if (watched && !blocks.finish())
        machine::stop(rl::test_result_inconsistent_test_suite, "set-up takes other memory than the last time",
                      {});
    machine::state.special = false;
    machine::state.tracking = watched && how.notes();
}

void exploration::thread(unsigned i) {
    if (stacks[i] == nullptr) {
        stacks[i] = machine::self().fiber_.fib.uc_stack.ss_sp;
        std::memcpy(stacks[i], &stack_mark, sizeof stack_mark);
    }
    what.thread(i);
}

void exploration::finish() {
    if (turn.watched())
        note_step();
    turn.end();
    machine::state.special = true;
    machine::state.tracking = false;
    for (const void* stack : stacks) {
        if (stack != nullptr && std::memcmp(stack, &stack_mark, sizeof stack_mark) != 0)
            machine::stop(rl::test_result_inconsistent_test_suite, "a fibre used up its stack", {});
    }
    if (options.cover != nullptr || again != nullptr ||
        (options.recheck_every != 0 && (result.executions + 1) % options.recheck_every == 0))
        outcome = what.outcome_hash();
    if (options.record) // while what they name still stands
        result.events = named_events();
    what.finish();
    if (again == nullptr && !probing)
        what.count();
}

bool exploration::setup_is_blocked(const snapshot& state) {
    if (!setting_up)
        return false;
    for (const task_snapshot& one : state.tasks)
        if (one.blocked)
            result.blocked = {static_cast<unsigned>(machine::state.operation[machine::max_threads]),
                              one.waits_for};
    return result.blocked.has_value();
}

void exploration::failed(rl::test_result_e kind, const char* text, rl::debug_info_param at) {
    if (failing)
        return; // the checks of a failure met another one
    failing = true;
    recycler::log = nullptr; // set-up does not return
    machine::machine_state& s = machine::state;
    s.tracking = false;
    s.special = true; // whatever the snapshot reads, it reads without the simulation
    if (again != nullptr) {
        report_difference("it fails now, and did not before");
        return;
    }
    if (kind == rl::test_result_livelock && !watch.proves(turn.runnable())) {
        result.gave_up = true;
        result.overruns += 1;
        result.executions += 1;
        return;
    }
    if (!turn.error().empty()) {
        kind = rl::test_result_inconsistent_test_suite;
        text = turn.error().c_str();
    }
    failure& f = result.found;
    f.state = what.take_snapshot();
    if (kind == rl::test_result_inconsistent_test_suite && setup_is_blocked(f.state))
        return;
    f.invariant = s.violation.invariant;
    f.cause = s.violation.cause;
    f.detail = s.violation.detail;
    switch (kind) {
    case rl::test_result_user_assert_failed:
        f.kind = starts_with(f.cause, "leaked reference") ? failure_kind::leak : failure_kind::invariant;
        break;
    case rl::test_result_data_race:
        f.kind = failure_kind::data_race;
        break;
    case rl::test_result_access_to_freed_memory:
        f.kind = failure_kind::invariant;
        f.cause = "use after free";
        f.detail = std::string(text) + " in " + at.func_;
        break;
    case rl::test_result_deadlock:
        f.kind = failure_kind::deadlock;
        f.invariant = f.state.invariant;
        f.cause = f.state.cause.empty() ? "every task sleeps" : f.state.cause;
        break;
    case rl::test_result_livelock:
        f.kind = failure_kind::livelock;
        f.invariant = f.state.invariant;
        f.cause = f.state.cause.empty() ? "every thread that can run goes round in circles" : f.state.cause;
        f.detail = std::to_string(turn.steps()) + " steps without an end; in the last " +
                   std::to_string(watch.length) + ", under fair turns, shared values went round " +
                   std::to_string(watch.count) + (watch.count == 1 ? " state" : " states") +
                   " while every thread that can run made hundreds of steps for each";
        break;
    default:
        f.kind = failure_kind::tool;
        f.cause = text != nullptr && text[0] != 0 ? text : rl::test_result_str(kind);
        break;
    }
    f.schedule = turn.log();
    if (options.record) {
        f.events = named_events();
        result.events = f.events;
    }
    result.schedule = turn.log();
    result.steps += turn.steps();
    result.executions += 1;
    result.failed_at = number;
}

exploration_result explore(body& what, strategy& how, const exploration_options& options) {
    const unsigned threads = what.threads();
    if (threads < 1 || threads > machine::max_threads)
        throw std::invalid_argument("the checker runs 1 to 8 threads");
    machine::state = {};
    machine::state.threads = threads;
    machine::state.memory = static_cast<machine::memory_class>(options.memory);
    machine::state.describe = describe;
    machine::state.orders.collecting = options.collect_orders;
    if (options.weaken != nullptr) {
        machine::state.orders.weakening = true;
        machine::state.orders.file = options.weaken->file;
        machine::state.orders.line = options.weaken->line;
        machine::state.orders.kind = options.weaken->kind;
        machine::state.orders.weaker = order_named(options.weaken->order);
    }
    machine::state.probing_orders = options.collect_orders || options.weaken != nullptr;

    exploration e(what, how, options);
    exploring = &e;
    machine::state.schedule = &e.turn.log();
    e.turn.set_limit(options.depth_limit);
    e.probing = how.wants_probe();
    e.started = e.reported = seconds_now();
    if (!e.begin_execution()) {
        e.result.exhausted = true;
    } else {
        using run = void (*)(exploration&);
        constexpr run runs[] = {run_exploration<1>, run_exploration<2>, run_exploration<3>,
                                run_exploration<4>, run_exploration<5>, run_exploration<6>,
                                run_exploration<7>, run_exploration<8>};
        runs[threads - 1](e);
    }
    e.result.seconds = seconds_now() - e.started;
    for (const machine::order_site& one : machine::state.orders.seen)
        e.result.orders.push_back({path_below_root(one.at.file), one.at.function, one.at.line, one.kind,
                                   arch::name(one.as_written)});
    machine::state.schedule = nullptr;
    exploring = nullptr;
    machine::state.host = nullptr;
    return std::move(e.result);
}

} // namespace daxtorture
