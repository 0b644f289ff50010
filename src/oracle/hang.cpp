#include "oracle/hang.hpp"

#include "dax/entry.hpp"
#include "fs/lease.hpp"
#include "oracle/describe.hpp"
#include "oracle/state.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

const char* key_name(wait_key key) { return key == wait_key::page ? "page" : "refcount"; }
std::string page_name(std::uint64_t pfn) { return "page " + std::to_string(pfn); }
std::string name_of(const worker_state& worker) { return worker.name.get(); }

std::string place(arch::site at) {
    std::string_view file = at.file;
    if (const std::size_t src = file.rfind("src/"); src != std::string_view::npos)
        file.remove_prefix(src);
    return std::string(at.function) + " at " + std::string(file) + ":" + std::to_string(at.line);
}

/// Which file's mapping stands at this address, or nullptr.
const inode* file_at(const world_state& w, const void* mapping) {
    for (const std::unique_ptr<inode>& file : w.files)
        if (&file->mapping == mapping)
            return file.get();
    return nullptr;
}

/// Is the file's entry at that index locked now?
bool entry_is_locked(const inode& file, std::uint64_t index) {
    bool locked = false;
    file.mapping.i_pages.for_each_peek([&](std::uint64_t at, unsigned, std::uint64_t entry, unsigned) {
        if (at == index && xa_is_value(entry))
            locked = dax_entry(entry).locked();
    });
    return locked;
}

/// A hang's name: what `waits` is about, with the invariant it breaks. Empty cause: this wait alone explains nothing.
struct diagnosis {
    std::string cause;
    daxtorture::invariant invariant = daxtorture::invariant::none;
};

/// Does a holder of the page that `waiter` sleeps for wait for one of the locks that the waiter holds?
bool holds_what_somebody_waits_for(const world_state& w, const worker_state& waiter) {
    for (unsigned i = 0; i < w.worker_count(); ++i) {
        const worker_state& other = w.workers[i];
        if (other.task.waiting.kind() != arch::wait_kind::lock)
            continue;
        const bool holder = other.held.peek_holds(waiter.task.waiting.object());
        for (unsigned lock = 0; holder && lock < waiter.task.held.depth(); ++lock)
            if (waiter.task.held[lock].object.load(std::memory_order_relaxed) == other.task.waiting.object())
                return true;
    }
    return false;
}

/// What the ledger says that threads hold of a folio, as the head's refcount counts it.
int held_references(const world_state& w, const folio& head) {
    const unsigned word = head.order_and_head.peek();
    const bool large = (word & folio::head_bit) != 0;
    const std::uint64_t first = w.k.mem.pfn(head);
    const std::uint64_t pages = std::uint64_t{1} << (word & folio::order_mask);
    int held = 0;
    for (std::uint64_t pfn = first; pfn < first + pages; ++pfn) {
        const page_ledger& page = w.k.mem.ledger(pfn);
        held += page.gets.get() + page.pins.get() * gup_weight(gup_kind::pin, large);
    }
    return held;
}

diagnosis diagnose_page_wait(const world_state& w, const worker_state& waiter) {
    const folio& f = *static_cast<const folio*>(waiter.task.waiting.object());
    const int awaited = static_cast<int>(waiter.task.waiting.key());
    const int now = f.refcount.peek();
    const std::uint64_t pfn = w.k.mem.pfn(f);
    if (now == w.k.idle_count() && now != awaited)
        return {"wrong idle value: the waiter sleeps for refcount " + std::to_string(awaited) +
                    " on a page whose idle refcount is " + std::to_string(now),
                invariant::I16};
    if (now == awaited) {
        // Later wake-ups may have taken the place of the one that went astray; but no other could have come.
        if (w.k.rules.waker_key != w.k.rules.waiter_key)
            return {std::string("wrong queue: the wake-up went to the key '") +
                        key_name(w.k.rules.waker_key) + "', the waiter sleeps on '" +
                        key_name(w.k.rules.waiter_key) + "'",
                    invariant::I28};
        for (unsigned i = 0; i < w.worker_count(); ++i) {
            const last_wake& wake = w.k.wakes[i];
            if (wake.any.get() && wake.pfn.get() == pfn && wake.key.get() != w.k.rules.waiter_key)
                return {std::string("wrong queue: the wake-up went to the key '") + key_name(wake.key.get()) +
                            "', the waiter sleeps on '" + key_name(w.k.rules.waiter_key) + "'",
                        invariant::I28};
        }
        return {"lost wake-up: the page is idle and its waiter sleeps", invariant::I16};
    }
    const int held = held_references(w, f);
    const int accounted = w.k.idle_count(f) + f.mapcount.peek() + held;
    if (f.mapcount.peek() != 0 && held == 0 && now == accounted)
        return {"mapped again: only page tables hold the awaited page, and no put wakes its waiter before "
                "they let go",
                invariant::I16};
    const bool holder_waits = holds_what_somebody_waits_for(w, waiter);
    if (!w.k.ledger && !holder_waits)
        return {"ledger off: nobody counted who holds the awaited page, or whether its reference leaked",
                invariant::I16};
    if (w.k.ledger && now > accounted)
        return {"leaked reference: refcount is above what anybody holds",
                w.k.idle_count() == 0 ? invariant::I2 : invariant::I3};
    if (w.k.ledger && now < accounted)
        return {"refcount is below what is held", w.k.idle_count() == 0 ? invariant::I2 : invariant::I3};
    if (holder_waits)
        return {"held page: whoever holds the awaited page waits for a lock that the sleeper keeps",
                invariant::I16};
    return {"held page: whoever holds the awaited page cannot go on", invariant::I16};
}

diagnosis diagnose_entry_wait(const world_state& w, const worker_state& waiter) {
    const inode* file = file_at(w, waiter.task.waiting.object());
    if (file != nullptr && !entry_is_locked(*file, waiter.task.waiting.key()))
        return {"lost wake-up: the entry is not locked and its waiter sleeps", invariant::I17};
    return {"entry lock: its owner cannot go on", invariant::I17};
}

/// A fault or a write that sleeps until a dmap range is free.
diagnosis diagnose_range_wait(const worker_state& waiter) {
    for (unsigned lock = 0; lock < waiter.task.held.depth(); ++lock)
        if (waiter.task.held[lock].type.load(std::memory_order_relaxed) == &lock_classes::invalidate_lock)
            return {"lock kept over a wait: a fault waits for a dmap range with the lock that reclaim needs",
                    invariant::I29};
    return {"nobody frees a dmap range that is waited for", invariant::I16};
}

/// Is it a recalled layout lease that the worker waits for?
bool waits_for_lease(const world_state& w, const worker_state& waiter) {
    return waiter.task.waiting.kind() == arch::wait_kind::sleep &&
           std::any_of(w.files.begin(), w.files.end(), [&](const std::unique_ptr<inode>& file) {
               return file->leases != nullptr && waiter.task.waiting.object() == file->leases.get();
           });
}

diagnosis diagnose(const world_state& w, const worker_state& waiter) {
    if (waiter.task.waiting.kind() == arch::wait_kind::sleep &&
        waiter.task.waiting.object() == &w.sb.range_waitq)
        return diagnose_range_wait(waiter);
    if (waits_for_lease(w, waiter))
        return {"held lease: whoever has the recalled layout lease cannot give it back", invariant::I29};
    switch (waiter.task.waiting.kind()) {
    case arch::wait_kind::page_idle:
        return diagnose_page_wait(w, waiter);
    case arch::wait_kind::entry_lock:
        return diagnose_entry_wait(w, waiter);
    default:
        return {};
    }
}

std::string describe_wait(const world_state& w, const worker_state& worker) {
    const arch::wait_note& waiting = worker.task.waiting;
    switch (waiting.kind()) {
    case arch::wait_kind::none:
        return "";
    case arch::wait_kind::page_idle: {
        const folio& f = *static_cast<const folio*>(waiting.object());
        return page_name(w.k.mem.pfn(f)) + " to become idle (refcount " + std::to_string(f.refcount.peek()) +
               ", awaits " + std::to_string(waiting.key()) + ", key '" + key_name(w.k.rules.waiter_key) +
               "')";
    }
    case arch::wait_kind::entry_lock: {
        const inode* file = file_at(w, waiting.object());
        const std::string name =
            file == nullptr ? "?" : w.config.files[static_cast<std::size_t>(file->mapping.number)].name;
        return "entry lock " + name + "[" + std::to_string(waiting.key()) + "]";
    }
    case arch::wait_kind::grace_period:
        return "a grace period";
    case arch::wait_kind::lock:
    case arch::wait_kind::sleep:
        return describe(w, waiting.object());
    }
    return "";
}

task_snapshot snapshot_task(const world_state& w, unsigned i) {
    const worker_state& worker = w.workers[i];
    task_snapshot task;
    task.id = i;
    task.name = name_of(worker);
    task.operation = worker.operation.get();
    task.waits_for = describe_wait(w, worker);
    task.blocked = !task.waits_for.empty();
    if (task.blocked)
        task.wait_site = place(worker.task.waiting.where());
    const diagnosis found = diagnose(w, worker);
    task.predicate_true = found.cause.starts_with("lost wake-up") || found.cause.starts_with("wrong ");
    for (unsigned lock = 0; lock < worker.task.held.depth(); ++lock)
        task.held.push_back(describe(w, worker.task.held[lock].object.load(std::memory_order_relaxed)));
    return task;
}

folio_snapshot snapshot_folio(const world_state& w, unsigned pfn) {
    const folio& f = w.k.mem[pfn];
    folio_snapshot page;
    page.pfn = pfn;
    page.refcount = f.refcount.peek();
    page.mapcount = f.mapcount.peek();
    page.pins = w.k.mem.ledger(pfn).pins.get();
    page.index = f.index_or_share.peek();
    if (const inode* file = file_at(w, f.mapping.peek()); file != nullptr)
        page.mapping = w.config.files[static_cast<std::size_t>(file->mapping.number)].name;
    for (unsigned i = 0; i < w.worker_count(); ++i)
        for (const held_page& held : w.workers[i].held)
            if (held.head == &f)
                page.holders.push_back(
                    name_of(w.workers[i]) + (held.kind == gup_kind::pin ? " (pin" : " (get") +
                    (held.taken == nullptr ? "" : std::string(", taken in ") + held.taken) + ")");
    return page;
}

void snapshot_entries(const world_state& w, snapshot& all) {
    for (const std::unique_ptr<inode>& file : w.files)
        file->mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t value,
                                                unsigned) {
            const dax_entry entry(value);
            all.entries.push_back({w.config.files[static_cast<std::size_t>(file->mapping.number)].name, index,
                                   static_cast<unsigned>(entry.pfn()), entry.locked(), !entry.has_folio()});
        });
}

} // namespace

snapshot take_snapshot(const world_state& w) {
    snapshot all;
    all.ledger = w.k.ledger;
    for (unsigned i = 0; i < w.config.workers; ++i)
        all.tasks.push_back(snapshot_task(w, i));
    if (task_snapshot setup = snapshot_task(w, w.config.workers); setup.blocked)
        all.tasks.push_back(std::move(setup));
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if ((w.k.mem[pfn].compound_head.peek() & folio::tail_bit) == 0 &&
            w.k.mem[pfn].refcount.peek() != w.k.idle_count(w.k.mem[pfn]))
            all.folios.push_back(snapshot_folio(w, pfn));
    snapshot_entries(w, all);
    for (unsigned i = 0; i < w.worker_count(); ++i)
        if (const last_wake& wake = w.k.wakes[i]; wake.any.get())
            all.wakes.push_back({name_of(w.workers[i]),
                                 page_name(wake.pfn.get()) + ", key '" + key_name(wake.key.get()) + "'",
                                 wake.woken.get()});
    for (unsigned i = 0; i < w.config.workers && all.cause.empty(); ++i) {
        diagnosis found = diagnose(w, w.workers[i]);
        all.cause = std::move(found.cause);
        all.invariant = found.invariant;
    }
    for (unsigned i = 0; i < w.config.workers && all.cause.empty(); ++i)
        for (const std::unique_ptr<dev_pagemap>& pgmap : w.k.pgmaps)
            if (w.workers[i].task.waiting.object() == &pgmap->done &&
                w.workers[i].task.waiting.kind() == arch::wait_kind::sleep) {
                all.cause = "leaked pagemap reference: unbind waits for one that is not dropped";
                all.invariant = invariant::I23;
            }
    if (all.cause.empty())
        for (const task_snapshot& task : all.tasks)
            if (task.blocked) {
                all.cause = "lock cycle: every blocked thread waits for a lock";
                all.invariant = invariant::I29;
            }
    return all;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
