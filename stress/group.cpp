#include "stress/group.hpp"

#include "scenario/choices.hpp"
#include "stress/placement.hpp"

#include <arch/check.hpp>
#include <arch/futex.hpp>
#include <arch/preempt.hpp>
#include <arch/task.hpp>

#include <algorithm>
#include <iterator>
#include <sched.h>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

namespace daxtorture::stress {

namespace {

/// Which group and worker the calling thread works for.
struct identity {
    group* of = nullptr;
    unsigned worker = 0;
};
constinit thread_local identity self{};

/// Enough for the last dozens of operations; more would only make bundles large.
constexpr std::size_t events_per_worker = 400;

const named_operation final_check{{}, "check at a quiescent point"};

/// Puts what led to a failure before the events that it already has.
void put_before(std::vector<event>& events, std::vector<event> earlier) {
    for (event& e : events)
        e.time = earlier.empty() ? 0 : earlier.back().time;
    events.insert(events.begin(), std::make_move_iterator(earlier.begin()),
                  std::make_move_iterator(earlier.end()));
}

} // namespace

std::string path_below_root(const char* file) {
    std::string path(file);
    for (const char* top : {"src/", "arch/", "stress/"})
        if (const std::size_t at = path.rfind(top); at != std::string::npos)
            return path.substr(at);
    return path;
}

group::group(std::shared_ptr<plan> what, unsigned number)
    : plan_(std::move(what)), number_(number), workers_(plan_->world.workers), slots_(workers_ + 1),
      gate_(workers_), threads_left_(workers_) {
    arch::flight_nanoseconds(0); // time begins
}

std::string group::name(unsigned worker) const { return worker < workers_ ? plan_->names[worker] : "setup"; }

void group::work(unsigned worker) {
    self = {this, worker};
    if (plan_->record)
        arch::record_into(&slots_[worker].flight);
    arch::count_near_misses(&slots_[worker].seen.near_misses);
    // Short sleeps of preemption points shall be short; the default slack of a thread's timers is 50 us.
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    // From a start that differs between processes: runs side by side share the processors evenly.
    if (const std::vector<unsigned>& cpus = plan_->processors; plan_->pin && !cpus.empty())
        stay_on_processor(
            cpus[(number_ * workers_ + worker + static_cast<unsigned>(getpid())) % cpus.size()]);
    while (next_round(worker)) {
        const std::uint64_t round = round_.load(std::memory_order_relaxed);
        arch::bind_current(world_->task(worker));
        line_up(worker, round);
        try {
            if (is_mix())
                run_mix(worker);
            else
                run_program(worker);
            if (!is_mix() || plan_->stopping.load(std::memory_order_relaxed))
                leave(worker);
        } catch (const arch::round_aborted&) {
            // The watchdog tears this round down: back to the barrier.
        }
        arch::disarm_preemption();
        slots_[worker].inside.store(nullptr, std::memory_order_release);
    }
    arch::record_into(nullptr);
    arch::count_near_misses(nullptr);
    arch::unbind_current();
    threads_left_.fetch_sub(1);
}

/// Waits until all workers are here; the last one checks, prepares the next round and lets the others go.
bool group::next_round(unsigned worker) {
    const std::uint32_t before = gate_.openings();
    const std::uint64_t round_of_wait = round(); // before the last one arrives and begins another
    bool has_let_go = false;
    const auto shall_let_go = [&] {
        return !has_let_go && drop_holds_.load(std::memory_order_acquire) && !doomed_.load();
    };
    while (!gate_.arrive()) {
        if (gate_.wait(before, shall_let_go))
            return !ended_.load(std::memory_order_acquire);
        let_go(worker, round_of_wait);
        has_let_go = true;
    }
    between_rounds();
    gate_.open();
    return !ended_.load(std::memory_order_acquire);
}

/// Called away from the gate: gives back what somebody may be waiting for.
void group::let_go(unsigned worker, std::uint64_t round) {
    try {
        leave(worker);
    } catch (const arch::round_aborted&) {
        // The world is torn down while it does so: back to the gate all the same.
    }
    slots_[worker].inside.store(nullptr, std::memory_order_release);
    slots_[worker].let_go.store(round, std::memory_order_relaxed);
}

void group::drop_holds() {
    drop_holds_.store(true, std::memory_order_release);
    gate_.call();
    relieve();
}

void group::relieve() {
    if (relief_over_)
        return; // everybody has arrived
    if (relief_.joinable())
        relief_.join(); // the watchdog saw it end its operation
    relief_ = std::thread([this] {
        self = {this, workers_};
        arch::bind_current(world_->task(workers_));
        try {
            unmap_all();
        } catch (const arch::round_aborted&) {
        }
        arch::unbind_current();
        slots_[workers_].inside.store(nullptr, std::memory_order_release);
    });
}

void group::unmap_all() {
    for (std::size_t mm = 0; mm < plan_->unmaps.size(); ++mm)
        perform(workers_, plan_->unmaps[mm], -1);
}

/// Runs on one worker's thread while all others wait.
void group::between_rounds() {
    worker_slot& slot = slots_[workers_];
    bool fresh_world = !is_mix();
    std::thread relief;
    {
        const std::lock_guard held(world_mutex);
        relief.swap(relief_);
        relief_over_ = true;
    }
    if (relief.joinable())
        relief.join();
    if (world_ != nullptr) {
        if (!doomed_.load() && !violated_.load()) {
            arch::bind_current(world_->task(workers_));
            slot.inside.store(&final_check, std::memory_order_release);
            world_->label(workers_, "setup", final_check.text.c_str());
            try {
                world_->check_quiescent();
                checks_.fetch_add(1, std::memory_order_relaxed);
            } catch (const arch::round_aborted&) {
            }
            slot.inside.store(nullptr, std::memory_order_release);
        }
        std::vector<failure> found;
        {
            const std::lock_guard held(failures_mutex_);
            found.swap(fresh_);
        }
        for (failure& f : found) {
            f.state = world_->take_snapshot();
            put_before(f.events, recorded());
            add_failure(std::move(f));
        }
        fresh_world = fresh_world || doomed_.load() || violated_.load();
        if (!doomed_.load())
            rounds_ended_.fetch_add(1, std::memory_order_relaxed);
    } else {
        fresh_world = true;
    }

    // A worker is never left without a task while the world is exchanged.
    arch::unbind_current();
    const std::uint64_t round = round_.load(std::memory_order_relaxed) + 1;
    const bool enough = plan_->rounds_max != 0 && round > plan_->rounds_max;
    if (plan_->stopping.load() || enough) {
        ended_.store(true, std::memory_order_release);
        return;
    }
    round_.store(round, std::memory_order_relaxed);
    do {
        if (fresh_world)
            build_world();
        else
            continue_world();
        fresh_world = true;
        // A set-up that hangs was torn down: the next try finds `stopping`, unless failures are to be collected.
    } while (doomed_.load() && !plan_->stopping.load());
    if (doomed_.load())
        ended_.store(true, std::memory_order_release);
}

void group::build_world() {
    auto built = std::make_unique<world>(plan_->world);
    {
        const std::lock_guard held(world_mutex);
        world_.swap(built);
        violated_.store(false);
        doomed_.store(false);
        drop_holds_.store(false);
        round_over_.store(false, std::memory_order_relaxed);
        relief_over_ = false;
    }
    built.reset();
    for (unsigned i = 0; i < workers_; ++i) {
        world_->label(i, plan_->names[i].c_str(), "");
        slots_[i].holds_nothing();
        slots_[i].flight.forget(); // its objects are gone
    }
    arch::bind_current(world_->task(workers_));
    try {
        for (std::size_t i = 0; i < plan_->setup.size(); ++i)
            perform(workers_, plan_->setup[i], static_cast<int>(i));
    } catch (const arch::round_aborted&) {
    }
    slots_[workers_].inside.store(nullptr, std::memory_order_release);
    arch::unbind_current();
}

void group::continue_world() {
    const std::lock_guard held(world_mutex);
    drop_holds_.store(false);
    round_over_.store(false, std::memory_order_relaxed);
    relief_over_ = false;
}

/// The workers leave the barrier at different times, up to tens of microseconds apart, and their operations take less than
/// one: so they meet once more, awake, and start within nanoseconds, each after a small random delay.
void group::line_up(unsigned worker, std::uint64_t round) {
    generator random(derive(plan_->seed, number_, worker, round));
    lined_up_.fetch_add(1, std::memory_order_acq_rel);
    const std::uint64_t all = round * workers_;
    for (unsigned turn = 1; lined_up_.load(std::memory_order_acquire) < all; ++turn) {
        if (turn % 64 == 0)
            sched_yield();
        else
            arch::pause_cpu();
    }
    if (!plan_->preempt)
        return;
    for (std::uint32_t i = random.below(1U << random.below(7)); i > 0; --i)
        arch::pause_cpu();
    arch::arm_preemption(random());
}

void group::run_program(unsigned worker) {
    const std::vector<named_operation>& operations = plan_->threads[worker];
    for (std::size_t i = 0; i < operations.size() && !round_over(); ++i)
        perform(worker, operations[i], static_cast<int>(i));
}

void group::run_mix(unsigned worker) {
    constexpr unsigned holds_max = 8; // more would only make everybody wait
    worker_slot& slot = slots_[worker];
    // Not from the round: where a round ends is a matter of time.
    const std::uint64_t seed = derive(plan_->seed, number_, worker);
    while (!round_over()) {
        const std::uint64_t step = slot.drawn++;
        generator random(derive(seed, step));
        const named_operation* next = &plan_->mixed->draw(random);
        if (next->what.kind == op::pin && slot.pins >= holds_max)
            next = &plan_->mixed->draw(op::unpin, random);
        else if (takes_reference(next->what.kind) && slot.gets >= holds_max)
            next = &plan_->mixed->draw(op::put, random);
        if (slot.may_hold_something() && may_wait_for_holders(next->what.kind))
            leave(worker);
        const outcome became = perform(worker, *next, static_cast<int>(step & 0x7fffffff));
        if (became != outcome::done)
            continue;
        slot.pins += next->what.kind == op::pin;
        slot.gets += takes_reference(next->what.kind);
        slot.pins -= next->what.kind == op::unpin && slot.pins != 0;
        slot.gets -= next->what.kind == op::put && slot.gets != 0;
        slot.leased = (slot.leased || next->what.kind == op::lease) && next->what.kind != op::unlease;
    }
}

outcome group::perform(unsigned worker, const named_operation& what, int index) {
    worker_slot& slot = slots_[worker];
    const auto count = [](std::atomic<std::uint64_t>& counter) {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    };
    world_->label(worker, worker < workers_ ? plan_->names[worker].c_str() : "setup", what.text.c_str());
    slot.index.store(index, std::memory_order_relaxed);
    slot.inside.store(&what, std::memory_order_release);
    arch::record(arch::step::begin, what.text.c_str(), nullptr, 0, index & 0x7ffffff);
    const bool sampled = slot.seen.sample();
    if (sampled)
        note_overlaps(worker, what);
    const std::uint64_t begun = sampled ? arch::flight_clock() : 0;
    const outcome became = world_->perform(worker, what.what);
    if (sampled)
        slot.seen.latencies[static_cast<std::size_t>(what.what.kind)].add(arch::nanoseconds_since(begun));
    arch::record(arch::step::end, what.text.c_str(), nullptr, 0, static_cast<std::int32_t>(became));
    slot.inside.store(nullptr, std::memory_order_release);
    count(slot.steps);
    const auto kind = static_cast<std::size_t>(what.what.kind);
    count(slot.total[kind]);
    if (became == outcome::done)
        count(slot.done[kind]);
    return became;
}

/// What are the others in, on the same file, while this operation begins?
void group::note_overlaps(unsigned worker, const named_operation& what) {
    for (unsigned i = 0; i < workers_; ++i) {
        // acquire: the operation may have been named by the worker that is in it
        const named_operation* other = slots_[i].inside.load(std::memory_order_acquire);
        if (i != worker && other != nullptr && (other->touches & what.touches) != 0)
            slots_[worker].seen.overlap(what.what.kind, other->what.kind);
    }
}

/// The worker gives back what it holds.
void group::leave(unsigned worker) {
    static const named_operation leaving{{}, "release"};
    world_->label(worker, plan_->names[worker].c_str(), leaving.text.c_str());
    slots_[worker].inside.store(&leaving, std::memory_order_release);
    world_->release(worker);
    slots_[worker].holds_nothing();
    slots_[worker].inside.store(nullptr, std::memory_order_release);
}

void group::on_violation(const arch::violation& what) {
    if (self.of != nullptr)
        self.of->record(what);
}

/// Keeps the first violation of a round: later ones are its consequences.
void group::record(const arch::violation& what) {
    if (doomed_.load() || violated_.exchange(true))
        return;
    arch::record(arch::step::violation, what.at.function);
    const unsigned worker = what.task <= workers_ ? what.task : self.worker;
    const worker_slot& slot = slots_[worker];
    const named_operation* inside = slot.inside.load(std::memory_order_relaxed);
    failure found;
    found.kind = failure_kind::invariant;
    found.invariant = what.invariant;
    found.cause = what.cause;
    found.detail = what.detail;
    found.detail += found.detail.empty() ? "" : "; ";
    found.detail += name(worker) + (inside != nullptr ? " in '" + inside->text + "'" : "") + ", " +
                    what.at.function + " at " + path_below_root(what.at.file) + ":" +
                    std::to_string(what.at.line);
    event met;
    met.thread = worker;
    met.operation = slot.index.load(std::memory_order_relaxed);
    met.function = what.at.function;
    met.file = path_below_root(what.at.file);
    met.line = what.at.line;
    met.kind = "violation";
    met.object = what.detail;
    found.events.push_back(std::move(met));
    {
        const std::lock_guard held(failures_mutex_);
        fresh_.push_back(std::move(found));
    }
    if (plan_->stop_on_failure)
        plan_->stopping.store(true);
    end_round();
}

std::vector<event> group::recorded() const {
    struct stamped {
        unsigned worker;
        arch::flight_record what;
    };
    std::vector<stamped> all;
    std::uint64_t until = ~std::uint64_t{0};
    for (unsigned i = 0; i < workers_; ++i) {
        std::vector<arch::flight_record> one = slots_[i].flight.read();
        // What follows a violation is its consequence.
        const auto broken = std::ranges::find(one, arch::step::violation, &arch::flight_record::kind);
        if (broken != one.end()) {
            until = std::min(until, broken->time);
            one.erase(broken, one.end());
        }
        const std::size_t skip = one.size() > events_per_worker ? one.size() - events_per_worker : 0;
        for (std::size_t n = skip; n < one.size(); ++n)
            all.push_back({i, one[n]});
    }
    std::erase_if(all, [&](const stamped& s) { return s.what.time > until; });
    std::ranges::stable_sort(all, {}, [](const stamped& s) { return s.what.time; });
    std::vector<event> events;
    std::vector<int> operations(workers_, -1);
    for (const stamped& s : all) {
        if (s.what.kind == arch::step::begin)
            operations[s.worker] = s.what.after;
        events.push_back(as_event(s.worker, s.what));
        events.back().operation = operations[s.worker];
        if (events.size() > 1) // each conversion looks at the clocks anew and may round otherwise
            events.back().time = std::max(events.back().time, events[events.size() - 2].time);
        if (s.what.kind == arch::step::end)
            operations[s.worker] = -1;
    }
    return events;
}

/// A record with names for its numbers.
event group::as_event(unsigned worker, const arch::flight_record& what) const {
    event made;
    made.thread = worker;
    made.time = arch::flight_nanoseconds(what.time);
    if (what.object != nullptr)
        made.object = world_->describe(what.object);
    if (what.kind != arch::step::begin && what.kind != arch::step::end)
        made.function = what.where;
    switch (what.kind) {
    case arch::step::begin:
        made.kind = "begin";
        made.object = what.where;
        break;
    case arch::step::end:
        made.kind = "end";
        made.object = what.where;
        made.after = daxtorture::name(static_cast<outcome>(what.after));
        break;
    case arch::step::rmw:
        made.kind = "rmw";
        made.before = std::to_string(what.before);
        made.after = std::to_string(what.after);
        break;
    case arch::step::block:
        made.kind = "block";
        break;
    case arch::step::resume:
        made.kind = "resume";
        break;
    case arch::step::wake:
        made.kind = "wake";
        made.object = name(static_cast<unsigned>(what.after));
        break;
    case arch::step::note:
    case arch::step::violation:
    case arch::step::clock:
        made.kind = "note";
        made.object = what.where;
        made.after = std::to_string(what.after);
        break;
    }
    return made;
}

void group::add_failure(failure found) {
    const std::lock_guard held(failures_mutex_);
    failures_seen_.fetch_add(1, std::memory_order_relaxed);
    const bool known = std::any_of(failures_.begin(), failures_.end(), [&](const failure& f) {
        return f.kind == found.kind && f.invariant == found.invariant && f.cause == found.cause;
    });
    if (!known && failures_.size() < plan_->failures_max)
        failures_.push_back(std::move(found));
    if (plan_->stop_on_failure)
        plan_->stopping.store(true);
}

std::vector<failure> group::failures() const {
    const std::lock_guard held(failures_mutex_);
    return failures_;
}

} // namespace daxtorture::stress
