#include "scenario_body.hpp"

#include "ledger.hpp"
#include "sites.hpp"
#include "worlds.hpp"

#include "scenario/printer.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fmt/format.h>

struct machine_world_config machine_world; // the glue's, too

namespace daxtorture::kernel_machine {
namespace {

constexpr long restart = 512; // ERESTARTSYS, which userspace headers do not have

outcome outcome_of(long result) {
    if (result >= 0)
        return outcome::done;
    switch (-result) {
    case EIO:
        return outcome::sigbus;
    case EINTR:
    case restart:
        return outcome::interrupted;
    case EBUSY:
        return outcome::busy;
    case ENODEV:
    case EALREADY:
        return outcome::nothing;
    default:
        return outcome::refused;
    }
}

/// Open files for the length of an operation.
class open_files {
  public:
    bool open(int file) {
        if (glue_open(file) == 0)
            return false;
        files_[count_++] = file;
        return true;
    }
    ~open_files() {
        while (count_ != 0)
            glue_close(files_[--count_]);
    }

  private:
    std::array<int, machine_areas> files_{}; // no memory that an abandoned execution would keep
    unsigned count_ = 0;
};

constexpr long to_the_end = std::numeric_limits<long>::max();

} // namespace

scenario_body::scenario_body(const program& what)
    : program_(what), scale_(pages_per_page(what)), holds_(machine_tasks) {
    machine_world = make_world(what);
    for (const thread_program& one : what.threads)
        outcomes_.emplace_back(one.operations.size());
    outcomes_.emplace_back(what.setup.size());
}

void scenario_body::begin() {
    ledger::get().begin();
    stored_ = 0;
    for (std::vector<hold>& of_task : holds_)
        of_task.clear();
    kept_.outcomes.clear();
}

void scenario_body::set_up() {
    for (std::size_t i = 0; i < program_.setup.size(); ++i)
        kept_.outcomes.push_back(run_operation(program_.setup, i, machine_threads, program_.threads.size()));
}

void scenario_body::keep() {
    kept_.oracle = ledger::get();
    kept_.stored = stored_;
    kept_.holds = holds_;
}

void scenario_body::go_back() {
    ledger::get() = kept_.oracle;
    stored_ = kept_.stored;
    holds_ = kept_.holds;
    for (std::size_t i = 0; i < kept_.outcomes.size(); ++i) // each execution begins with the set-up
        ++outcomes_.back()[i][static_cast<std::size_t>(kept_.outcomes[i])];
}

void scenario_body::thread(unsigned number) {
    machine& m = machine::get();
    const std::vector<operation>& operations = program_.threads[number].operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        m.begin_operation(number, static_cast<int>(i));
        run_operation(operations, i, number, number);
        m.end_operation(number);
    }
}

void scenario_body::check() { glue_check_quiescent(); }

// ---- operations

outcome scenario_body::run_operation(const std::vector<operation>& of, std::size_t number, unsigned task,
                                     std::size_t row) {
    const outcome result = perform(of[number], task);
    ++outcomes_[row][number][static_cast<std::size_t>(result)];
    return result;
}

outcome scenario_body::perform(const operation& what, unsigned task) {
    const int mm = what.object;
    switch (what.kind) {
    case op::load:
        return outcome_of(glue_load(mm, page(what.first)));
    case op::store:
        return outcome_of(glue_store(mm, page(what.first), ++stored_));
    case op::mmap:
        return map(mm);
    case op::munmap:
        return outcome_of(glue_munmap(mm));
    case op::mremap:
        return outcome_of(glue_mremap(mm));
    case op::fork:
        return outcome_of(glue_fork(mm, what.other));
    case op::mlock:
        return outcome_of(glue_mlock(mm));
    case op::pin:
    case op::get:
        return get_pages(what, task);
    case op::unpin:
    case op::put:
        return put_pages(what.kind == op::unpin, task);
    case op::dma_write:
        return device_writes(task);
    case op::interrupt:
        glue_signal(what.object);
        return outcome::done;
    case op::unbind:
    case op::bind:
    case op::mount:
    case op::umount:
    case op::memory_failure:
        return perform_device(what);
    default:
        return perform_file(what);
    }
}

outcome scenario_body::map(int mm) {
    open_files opened;
    for (const area_config& area : program_.world.mms[mm].areas)
        if (!opened.open(static_cast<int>(area.file)))
            return outcome::refused;
    return outcome_of(glue_mmap(mm));
}

outcome scenario_body::perform_file(const operation& what) {
    open_files opened;
    if (what.kind != op::evict &&
        (!opened.open(what.object) || (what.kind == op::reflink && !opened.open(what.other))))
        return outcome::refused;
    ledger& oracle = ledger::get();
    const int file = what.object;
    const unsigned first = page(what.first), last = page(what.last);
    switch (what.kind) {
    case op::truncate:
        oracle.discard(file, first, to_the_end);
        return outcome_of(glue_truncate(file, first));
    case op::punch:
        oracle.discard(file, first, last);
        return outcome_of(glue_punch(file, first, last));
    case op::zero:
        oracle.discard(file, first, last);
        return outcome_of(glue_zero(file, first, last));
    case op::collapse:
        oracle.discard(file, first, last);
        return outcome_of(glue_collapse(file, first, last));
    case op::insert:
        return outcome_of(glue_insert(file, first, last));
    case op::brk:
        return outcome_of(glue_break(file, first, last, what.has(flag::nowait)));
    case op::reuse:
        return outcome_of(glue_reuse(file));
    case op::evict:
        oracle.discard(file, 0, to_the_end);
        return outcome_of(glue_evict(file));
    case op::writeback:
        return write_back(what);
    case op::invalidate:
        return outcome_of(glue_invalidate(file, first, last));
    case op::write:
        return outcome_of(glue_write(file, first, last));
    case op::reflink:
        oracle.discard(what.other, 0, to_the_end);
        return outcome_of(glue_reflink(file, what.other));
    default:
        return outcome::refused;
    }
}

outcome scenario_body::perform_device(const operation& what) {
    const int device = what.object;
    switch (what.kind) {
    case op::unbind:
        return outcome_of(glue_unbind(device, what.has(flag::unmounted)));
    case op::bind:
        return what.has(flag::fails) ? outcome::refused : outcome_of(glue_bind(device));
    case op::mount:
        return outcome_of(glue_mount());
    case op::umount:
        return outcome_of(glue_umount());
    default:
        return outcome_of(glue_memory_failure(page(what.first)));
    }
}

outcome scenario_body::write_back(const operation& what) {
    ledger& oracle = ledger::get();
    const std::uint64_t before = oracle.now();
    const outcome result = outcome_of(glue_writeback(what.object));
    if (!what.has(flag::background))
        oracle.check_flushed(what.object, before);
    return result;
}

outcome scenario_body::get_pages(const operation& what, unsigned task) {
    const bool pinned = what.kind == op::pin;
    const unsigned first = page(what.first);
    const unsigned count = what.last == 0 ? 1 : page(what.last) - first;
    const area_config* area = nullptr;
    for (const area_config& one : program_.world.mms[what.object].areas)
        if (one.covers(what.first))
            area = &one;
    int flags = pinned ? glue_gup_pin : 0;
    flags |= pinned && area != nullptr && area->writable ? glue_gup_write : 0;
    flags |= what.has(flag::fast) ? glue_gup_lockless : 0;
    flags |= what.has(flag::slow) ? glue_gup_locked : 0;
    flags |= what.has(flag::longterm) ? glue_gup_longterm : 0;
    std::vector<void*> pages(count);
    const long got = glue_get_pages(what.object, first, count, flags, pages.data());
    pages.resize(static_cast<std::size_t>(std::max(got, 0l)));
    hold taken{pinned, {}};
    for (void* one : pages)
        taken.pages.push_back(take_hold(one, pinned, what.object, first + taken.pages.size()));
    if (taken.pages.empty())
        return got < 0 ? outcome_of(got) : outcome::nothing;
    holds_[task].push_back(std::move(taken));
    return outcome::done;
}

/// I7: what was got is a page of the file.
scenario_body::held_page scenario_body::take_hold(void* page, bool pinned, int mm, std::uint64_t at) {
    const long block = glue_block_of(page);
    if (block < 0)
        return {page, -1, 0};
    ledger& oracle = ledger::get();
    if (const long expected = glue_expected_block(mm, at); expected != -2 && expected != block)
        violation(invariant::I7, "got a page of a block that its file does not own",
                  fmt::format("block {}, the file has {} there", block, expected));
    oracle.hold(block, pinned);
    return {page, block, oracle.generation(block)};
}

outcome scenario_body::put_pages(bool pinned, unsigned task) {
    std::vector<hold>& mine = holds_[task];
    const auto oldest = std::ranges::find(mine, pinned, &hold::pinned);
    if (oldest == mine.end())
        return outcome::nothing;
    const hold dropped = std::move(*oldest);
    mine.erase(oldest);
    for (const held_page& one : dropped.pages) {
        if (one.block >= 0)
            ledger::get().drop(one.block, pinned);
        glue_put_page(one.page, pinned);
    }
    return outcome::done;
}

outcome scenario_body::device_writes(unsigned task) {
    outcome result = outcome::nothing;
    for (const hold& one : holds_[task])
        for (const held_page& target : one.pages) {
            if (!one.pinned || target.block < 0)
                continue;
            machine::get().point(machine_point_yield, nullptr, nullptr);
            if (ledger::get().generation(target.block) != target.generation)
                violation(invariant::I7, "DMA wrote to a block that has a new owner",
                          fmt::format("block {}", target.block));
            glue_device_writes(target.page);
            result = outcome::done;
        }
    return result;
}

// ---- hangs

namespace {

/// The innermost function that is not one of sleeping itself.
std::string sleeping_function(unsigned thread) {
    for (const void* place : machine::get().call_stack(thread)) {
        std::string name = function_of(place);
        if (name != "schedule" && name.find("wait_unlocked") == std::string::npos)
            return name;
    }
    return "?";
}

struct awaited {
    std::string text; ///< "page 3 to become idle"
    std::string cause;
    daxtorture::invariant invariant = daxtorture::invariant::none;
};

/// What a sleeper waits for, and why nobody wakes it: the oracle knows who holds what.
awaited awaited_page(long block) {
    const int refcount = glue_refcount(block), mapcount = glue_mapcount(block),
              held = ledger::get().held(block);
    const int idle = glue_one_based[0] != '\0' ? 1 : 0;
    awaited w;
    w.text = fmt::format("page {} to become idle (refcount {}, mapcount {}, {} held)", block, refcount,
                         mapcount, held);
    if (refcount == idle) {
        w.cause = "lost wake-up: the page is idle and its waiter sleeps";
        w.invariant = invariant::I16;
    } else if (held == 0 && refcount == mapcount + idle) {
        w.cause = "mapped again: only page tables hold the awaited page, and no put wakes its waiter before "
                  "they let go";
        w.invariant = invariant::I16;
    } else if (held == 0) {
        w.cause = refcount > mapcount + idle ? "leaked reference: refcount is above what anybody holds"
                                             : "refcount is below what is held";
        w.invariant = idle == 0 ? invariant::I2 : invariant::I3;
    } else {
        w.cause = "held page: whoever holds the awaited page cannot go on";
        w.invariant = invariant::I16;
    }
    return w;
}

} // namespace

failure scenario_body::explain_hang() {
    const machine& m = machine::get();
    failure f;
    f.kind = failure_kind::deadlock;
    f.cause = "lock cycle: each of the threads waits for a lock of another";
    bool named = false;
    for (unsigned t = 0; t < threads(); ++t) {
        if (!m.is_asleep(t) || named)
            continue;
        long block = 0;
        awaited w;
        if (glue_awaited_block(t, &block) != 0) {
            w = awaited_page(block);
        } else if (!glue_an_entry_is_locked()) {
            w = {"an entry lock", "lost wake-up: the entry is not locked and its waiter sleeps",
                 invariant::I17};
        } else {
            w = {"an entry lock", "entry lock: its owner cannot go on", invariant::I17};
        }
        f.kind = w.cause.starts_with("leaked") ? failure_kind::leak : failure_kind::deadlock;
        f.cause = w.cause;
        f.invariant = w.invariant;
        f.detail = fmt::format("{} in {} waits for {} in {}", program_.threads[t].name, operation_text(t),
                               w.text, sleeping_function(t));
        named = true;
    }
    return f;
}

std::string scenario_body::operation_text(unsigned thread) const {
    const int number = machine::get().operation_of(thread);
    if (number < 0)
        return "no operation";
    return print(program_.threads[thread].operations[static_cast<std::size_t>(number)], program_);
}

snapshot scenario_body::take_snapshot() const {
    const machine& m = machine::get();
    snapshot s;
    for (unsigned t = 0; t < threads(); ++t) {
        task_snapshot task;
        task.id = t;
        task.name = program_.threads[t].name;
        task.operation = operation_text(t);
        task.blocked = m.is_asleep(t) || m.is_waiting(t);
        long block = 0;
        if (m.is_asleep(t))
            task.waits_for = glue_awaited_block(t, &block) != 0 ? awaited_page(block).text : "an entry lock";
        else if (m.is_waiting(t))
            task.waits_for = "a lock";
        if (task.blocked)
            task.wait_site = sleeping_function(t);
        if (!m.has_ended(t))
            s.tasks.push_back(std::move(task));
    }
    return s;
}

} // namespace daxtorture::kernel_machine
