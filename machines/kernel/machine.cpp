#include "machine.hpp"

#include "context.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace daxtorture::kernel_machine {
namespace {

constexpr std::uint64_t access_limit = 5'000'000; ///< of one execution; those of PMDs make some 100,000
constexpr std::uint64_t decision_limit = 20'000;
constexpr unsigned spinning = 40; ///< accesses to one word in a row

/// Strategies of the search need none while a pilot decides.
class nobody_decides : public strategy {
    bool begin(std::uint64_t, unsigned) override { return true; }
    unsigned next_thread(const turn& t) override { return t.usual(); }
    unsigned pick(const question&) override { return 0; }
};
nobody_decides idle_strategy;

const void* word_of(std::uintptr_t address) { return reinterpret_cast<const void*>(address & ~7ul); }

failure livelock(const char* cause) {
    failure f;
    f.kind = failure_kind::livelock;
    f.cause = cause;
    return f;
}

} // namespace

machine& machine::make() {
    static machine only;
    only_ = &only;
    return only;
}

machine::machine() {
    turns_.set_limit(decision_limit);
    memory_.each_region([&](region r, std::uintptr_t base, std::size_t size) { shared_.add(r, base, size); });
}

// ---- one execution

void machine::execute(body& what, strategy& decides) {
    strategy_ = &decides;
    pilot_ = nullptr;
    execute(what);
}

void machine::execute(body& what, pilot& decides) {
    strategy_ = &idle_strategy;
    pilot_ = &decides;
    decides.begin();
    execute(what);
}

/// The world of the body, as it is before the threads begin. False: it could not be built, and `found()` says why.
bool machine::prepare(body& what) {
    found_ = {};
    stretches_.clear();
    events_.clear();
    callbacks_.clear();
    std::fill(last_event_of_.begin(), last_event_of_.end(), -1);
    device_removed_ = abandoned_ = false;
    next_.fill({});
    moment_ = 0;
    changed_page_ = 0;
    operations_.fill(-1);
    body_ = &what;
    memory_.restore();
    memory_.use_cpu(set_up_task);
    if (kept_ != &what)
        return build(what);
    what.go_back();
    return true;
}

bool machine::build(body& what) {
    phase_ = phase::building;
    what.begin();
    current_ = set_up_task;
    glue_start_task(set_up_task);
    run_task(build_entry);
    if (found_.kind != failure_kind::none)
        return false;
    phase_ = phase::set_up;
    glue_start_task(set_up_task);
    run_task(set_up_entry);
    if (found_.kind != failure_kind::none)
        return false;
    memory_.keep(what.threads());
    what.keep();
    kept_ = &what;
    return true;
}

void machine::execute(body& what) {
    ++count_.executions;
    if (prepare(what))
        run_threads(what);
    if (found_.kind == failure_kind::none && !abandoned_) {
        phase_ = phase::checks;
        current_ = set_up_task;
        run_task(check_entry);
    }
    phase_ = phase::idle;
}

void machine::run_threads(body& what) {
    const unsigned threads = what.threads();
    for (unsigned t = 0; t < threads; ++t)
        start(t, thread_entry);
    phase_ = phase::threads;
    steps_.fill(0);
    turns_.begin(*strategy_, threads, !tso_);
    turns_.start(steps_.data(), operations_.data(), next_.data());
    const unsigned all = (1u << threads) - 1;
    const unsigned first =
        pilot_ ? pilot_->after(turn::nobody, false, all) : turns_.next(turn::nobody, false);
    current_ = first;
    memory_.use_cpu(first);
    machine_switch_context(&main_context_, threads_[first].context);
    if (found_.kind == failure_kind::none && !abandoned_)
        turns_.end();
}

void machine::start(unsigned task, void (*entry)()) {
    thread_state& t = threads_[task];
    t.context = fresh_context(memory_.stack(task), memory::stack_size, entry);
    t.state = run_state::runnable;
    t.hooks = 0;
    t.rcu_depth = 0;
    t.last_address = 0;
    t.same_address = 0;
    t.unfinished = false;
    t.depth = 0;
    t.stores.clear();
    glue_start_task(task);
}

void machine::run_task(void (*entry)()) {
    thread_state& t = threads_[set_up_task];
    t.context = fresh_context(memory_.stack(set_up_task), memory::stack_size, entry);
    t.state = run_state::runnable;
    t.depth = 0;
    t.rcu_depth = 0;
    t.unfinished = false;
    current_ = set_up_task;
    memory_.use_cpu(set_up_task);
    machine_switch_context(&main_context_, t.context);
}

void machine::build_entry() {
    glue_build_world();
    get().to_main();
}

void machine::set_up_entry() {
    machine& m = get();
    m.body_->set_up();
    m.run_callbacks();
    m.to_main();
}

void machine::thread_entry() {
    machine& m = get();
    m.body_->thread(m.current_);
    m.end_of_task();
}

void machine::check_entry() {
    machine& m = get();
    m.run_callbacks();
    m.body_->check();
    m.to_main();
}

void machine::end_of_task() {
    run_callbacks();
    threads_[current_].state = run_state::ended;
    turns_.finish(current_);
    go_on_elsewhere(true);
    std::abort(); // nobody switches to a task that has ended
}

void machine::to_main() {
    void* unused;
    machine_switch_context(&unused, main_context_);
}

void machine::fail(failure what) {
    if (phase_ == phase::idle) { // there is no execution to end
        std::fprintf(stderr, "daxtorture-kernel: %s\n", what.cause.c_str());
        std::_Exit(4);
    }
    if (phase_ == phase::building)
        what.kind = failure_kind::tool;
    found_ = std::move(what);
    if (phase_ == phase::threads)
        stretches_.insert(stretches_.end(), {current_, threads_[current_].hooks, 0});
    finish_event(current_);
    to_main();
    std::abort();
}

bool machine::is_known(const failure& what) const {
    return std::ranges::any_of(known_, [&](const known_failure& k) {
        return k.invariant == what.invariant && what.cause.starts_with(k.cause);
    });
}

void machine::warn(failure what) {
    if (!is_known(what))
        fail(std::move(what));
}

const void* machine::leak() {
    memory_.restore();
    return memory_.difference();
}

void machine::learn_leaks() {
    memory_.restore();
    memory_.learn();
}

// ---- who goes on

void machine::switch_to(unsigned task) {
    const unsigned from = current_;
    if (task == from)
        return;
    ++count_.switches;
    thread_state& left = threads_[from];
    unsigned kept = 0;
    if (tso_ && left.state == run_state::runnable) {
        left.stores.take();
        const auto buffered = static_cast<unsigned>(left.stores.size());
        if (buffered != 0)
            kept = pilot_ ? std::min(pilot_->kept(buffered), buffered)
                          : turns_.pick(choice_kind::load, buffered + 1, from);
        left.stores.hide(kept);
    } else {
        left.stores.drain();
    }
    stretches_.insert(stretches_.end(), {from, left.hooks, kept});
    left.hooks = 0;
    current_ = task;
    memory_.use_cpu(task);
    if (tso_)
        threads_[task].stores.show();
    machine_switch_context(&left.context, threads_[task].context);
}

void machine::count_step() {
    if (!turns_.reach())
        fail(livelock("livelock: an execution has no end"));
}

void machine::obey(unsigned next) {
    if (next == turn::stop) {
        abandoned_ = true;
        to_main();
    }
    switch_to(next);
}

void machine::choose(hook kind, const void* place, bool yields, daxtorture::access first) {
    next_[current_] = first;
    if (pilot_ != nullptr) {
        const unsigned next = pilot_->at(kind, place, current_, turns_.runnable());
        if (next != current_ && recording_ && last_event_of_[current_] >= 0)
            events_[static_cast<std::size_t>(last_event_of_[current_])].preempted = true;
        switch_to(next);
        return;
    }
    if ((turns_.runnable() & ~(1u << current_)) == 0)
        return;
    ++count_.points;
    ++steps_[current_];
    count_step();
    obey(turns_.next(current_, yields));
}

void machine::go_on_elsewhere(bool ended) {
    if (turns_.runnable() != 0) {
        obey(pilot_ ? pilot_->after(current_, ended, turns_.runnable()) : turns_.next(turn::nobody, false));
        return;
    }
    stretches_.insert(stretches_.end(), {current_, threads_[current_].hooks, 0});
    const unsigned all = (1u << body_->threads()) - 1;
    if (turns_.finished() == all)
        to_main();
    hang();
}

void machine::hang() {
    phase_ = phase::checks; // what the explanation calls is no step of any thread
    found_ = body_->explain_hang();
    to_main();
}

// ---- hooks

bool machine::spins(thread_state& me, std::uintptr_t address) {
    if (me.last_address != address) {
        me.last_address = address;
        me.same_address = 0;
        return false;
    }
    if (++me.same_address < spinning)
        return false;
    me.same_address = 0;
    return true;
}

/// In the memory map of devices?
bool machine::is_page_of_device(std::uintptr_t address) {
    return address - (machine_memmap + machine_ram_pages * page_struct_size) <
           machine_pmem_pages * page_struct_size;
}

/// I6, of the page whose counts the last access may have changed.
void machine::check_changed_page() {
    const std::uintptr_t page = std::exchange(changed_page_, 0);
    if (page == 0 || glue_counts_agree(reinterpret_cast<const void*>(page)) != 0)
        return;
    failure f;
    f.kind = failure_kind::invariant;
    f.invariant = invariant::I6;
    f.cause = "refcount below mapcount";
    fail(std::move(f));
}

/// I22: the memory map of a device that was removed.
void machine::check_memory_map(std::uintptr_t address) {
    if (!is_page_of_device(address))
        return;
    device_removed_ = false; // once is enough
    failure f;
    f.kind = failure_kind::invariant;
    f.invariant = invariant::I22;
    f.cause = "a page was touched after its device was unbound";
    fail(std::move(f));
}

void machine::access(std::uintptr_t address, unsigned long size, int kind, const void* place) {
    ++count_.accesses;
    const bool write = (kind & machine_access_write) != 0;
    if (write)
        memory_.wrote(address, size);
    if (phase_ != phase::threads || memory_.on_stack(current_, address))
        return;
    thread_state& me = threads_[current_];
    ++me.hooks;
    if (++moment_ > access_limit)
        fail(livelock("livelock: an execution makes millions of accesses and does not end"));
    finish_event(current_);
    check_changed_page();
    const footprints::answer word = shared_.touch(address, current_, write, false);
    const bool spinner = spins(me, address);
    if (pilot_ != nullptr || spinner || word.stops)
        choose(spinner ? hook::spin : hook::access, place, spinner, {word_of(address), write});
    if (word.conflicts && notes())
        turns_.this_step().add(address >> 3, write);
    for (std::uintptr_t more = address + 8; more < address + size; more += 8)
        glue_access(more, 1, write); // of a copied struct the first word stands for all where a thread stops
    if (tso_) {
        me.stores.take();
        if ((kind & machine_access_atomic) != 0 || size > 8) {
            if (write)
                me.stores.drain();
        } else if (write) {
            me.stores.expect(address, static_cast<unsigned>(size));
        }
    }
    if (device_removed_)
        check_memory_map(address);
    if (write && !tso_ && is_page_of_device(address))
        changed_page_ = address;
    if (recording_ && shared_.is_shared(address)) {
        raw_event e;
        e.place = place;
        e.address = address;
        e.size = static_cast<unsigned>(std::min(size, 8ul));
        e.write = write;
        record(e);
    }
}

/// Part of a step. What is larger than a few words is a page, which has one user while it is filled.
void machine::glue_access(std::uintptr_t address, unsigned long size, bool write) {
    constexpr unsigned long small = 256;
    if (phase_ != phase::threads || size > small || memory_.on_stack(current_, address))
        return;
    for (std::uintptr_t word = address & ~7ul; word < address + size; word += 8)
        if (shared_.touch(word, current_, write, true).conflicts && notes())
            turns_.this_step().add(word >> 3, write);
}

void machine::touch(unspoken object, bool write, unsigned number) {
    if (notes())
        turns_.this_step().add(static_cast<std::uint64_t>(object) << 8 | number, write);
}

void machine::remove_device() {
    device_removed_ = true;
    if (notes())
        turns_.this_step().everything = true;
}

void machine::point(machine_point_kind kind, const void* object, const void* place) {
    if (phase_ != phase::threads)
        return;
    ++threads_[current_].hooks;
    ++moment_;
    finish_event(current_);
    threads_[current_].stores.drain();
    if (recording_ && kind != machine_point_yield) {
        raw_event e;
        e.what = kind == machine_point_lock ? raw_event::kind::lock : raw_event::kind::unlock;
        e.place = place;
        record(e);
    }
    choose(hook::point, place, false, {object, true});
}

void machine::fence() {
    if (tso_ && phase_ == phase::threads)
        threads_[current_].stores.drain();
}

void machine::enter(const void* place) {
    if (phase_ != phase::threads)
        return;
    thread_state& me = threads_[current_];
    if (me.depth < call_depth)
        me.calls[me.depth] = place;
    ++me.depth;
    if (pilot_ != nullptr)
        choose(hook::enter, place, false);
}

void machine::leave(const void* place) {
    if (phase_ != phase::threads)
        return;
    if (pilot_ != nullptr)
        choose(hook::leave, place, false);
    thread_state& me = threads_[current_];
    if (me.depth != 0)
        --me.depth;
}

std::vector<const void*> machine::call_stack(unsigned thread) const {
    const thread_state& t = threads_[thread];
    std::vector<const void*> stack;
    for (unsigned i = std::min(t.depth, call_depth); i-- > 0;)
        stack.push_back(t.calls[i]);
    return stack;
}

/// Only while the threads run is there somebody who ends a wait.
void machine::require_others(const char* problem) {
    if (phase_ == phase::threads)
        return;
    failure f;
    f.kind = failure_kind::deadlock;
    f.cause = std::string("the set-up or the final check ") + problem;
    fail(std::move(f));
}

void machine::wait(const void* lock, const void* place) {
    thread_state& me = threads_[current_];
    me.awaited = lock;
    me.blocked_at = place;
    me.state = run_state::waits;
    require_others("waits for a lock that nobody will release");
    turns_.block(1u << current_);
    go_on_elsewhere(false);
}

void machine::released(const void* lock) {
    for (unsigned t = 0; t < machine_threads; ++t) {
        if (threads_[t].state != run_state::waits || threads_[t].awaited != lock)
            continue;
        threads_[t].state = run_state::runnable;
        turns_.unblock(1u << t);
    }
}

void machine::sleep(const void* place) {
    thread_state& me = threads_[current_];
    me.blocked_at = place;
    me.state = run_state::asleep;
    touch(unspoken::task, true, current_);
    require_others("sleeps, and nobody will wake it");
    run_callbacks();
    if (me.state == run_state::runnable) // a callback woke it
        return;
    if (recording_)
        record({.what = raw_event::kind::block, .place = place});
    turns_.block(1u << current_);
    go_on_elsewhere(false);
}

void machine::wake(unsigned task) {
    touch(unspoken::task, true, task);
    if (task >= machine_threads || threads_[task].state != run_state::asleep)
        return;
    threads_[task].state = run_state::runnable;
    if (recording_)
        record({.what = raw_event::kind::wake, .address = task});
    turns_.unblock(1u << task);
}

void machine::begin_operation(unsigned thread, int number) {
    operations_[thread] = number;
    if (recording_)
        record({.what = raw_event::kind::begin});
    if (pilot_ != nullptr)
        choose(hook::operation, nullptr, false);
    point(machine_point_yield, nullptr, nullptr);
}

void machine::end_operation(unsigned thread) {
    finish_event(thread);
    run_callbacks();
    if (recording_)
        record({.what = raw_event::kind::end});
}

// ---- events

void machine::record(raw_event what) {
    what.thread = current_;
    what.operation = operations_[current_];
    if (what.what == raw_event::kind::access) {
        std::memcpy(&what.before, reinterpret_cast<const void*>(what.address), what.size);
        threads_[current_].unfinished = what.write;
    }
    last_event_of_[current_] = static_cast<std::ptrdiff_t>(events_.size());
    events_.push_back(what);
}

void machine::finish_event(unsigned thread) {
    if (!recording_ || !threads_[thread].unfinished)
        return;
    threads_[thread].unfinished = false;
    raw_event& last = events_[static_cast<std::size_t>(last_event_of_[thread])];
    std::memcpy(&last.after, reinterpret_cast<const void*>(last.address), last.size);
}

} // namespace daxtorture::kernel_machine
