#include "dax/entry_lock.hpp"

#include "dax/hole_page.hpp"
#include "mm/unlocked.hpp"
#include "words/near_miss.hpp"

#include <arch/check.hpp>
#include <arch/near_miss.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// The queue of an entry's waiters and the key they sleep under.
struct entry_wait {
    wait_queue_head& queue;
    wait_on key;
};

/// dax_entry_waitqueue: hashed by file and index, the index aligned down to the PMD when the entry given is one (X19).
entry_wait dax_entry_waitqueue(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry) {
    const bool aligned = k.rules.entry_key == entry_key_index::aligned;
    const std::uint64_t index =
        aligned && dax_entry(entry).pmd() ? xas.xa_index & ~k.pmd_colour() : xas.xa_index;
    return {k.entry_waits[index ^ static_cast<std::uint64_t>(mapping.number)], {&mapping, index}};
}

/// Queues on the entry's queue, drops xa_lock, sleeps once and takes the lock again.
void sleep_on_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry) {
    const entry_wait wait = dax_entry_waitqueue(k, mapping, xas, entry);
    wait_queue_entry waiter(arch::current(), wait.key, true);
    queued_wait queued(wait.queue, waiter);
    const arch::stopwatch since_queueing;
    wait.queue.prepare_to_wait_event(waiter, arch::task_state::uninterruptible, full_fence::full);
    const unlocked dropped(mapping.i_pages.xa_lock);
    xas_reset(xas);
    arch::current().waiting.begin(arch::wait_kind::entry_lock, &mapping, wait.key.number, arch::site::here());
    arch::schedule();
    arch::current().waiting.end();
    arch::near_miss(near_miss::entry_wake, since_queueing);
    queued.finish();
}

} // namespace

std::uint64_t get_next_unlocked_entry(kernel& k, address_space& mapping, xa_state& xas, unsigned order) {
    for (;;) {
        const std::uint64_t entry = xas_find_conflict(xas);
        if (entry == 0 || !xa_is_value(entry))
            return entry;
        const bool smaller = dax_entry_order(k, dax_entry(entry)) < order;
        if (smaller && k.rules.conflict == pmd_conflict::fall_back)
            return dax_conflict;
        if (!dax_entry(entry).locked())
            return smaller && k.rules.conflict == pmd_conflict::wait ? dax_conflict : entry;
        sleep_on_entry(k, mapping, xas, entry);
    }
}

std::uint64_t wait_entry_unlocked_exclusive(kernel& k, address_space& mapping, xa_state& xas,
                                            std::uint64_t entry) {
    while (entry != 0 && xa_is_value(entry) && dax_entry(entry).locked()) {
        sleep_on_entry(k, mapping, xas, entry);
        entry = xas_load(xas);
    }
    return entry;
}

void wait_entry_unlocked(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry) {
    const entry_wait wait = dax_entry_waitqueue(k, mapping, xas, entry);
    wait_queue_entry waiter(arch::current(), wait.key, false);
    queued_wait queued(wait.queue, waiter);
    wait.queue.prepare_to_wait_event(waiter, arch::task_state::uninterruptible, full_fence::full);
    mapping.i_pages.xa_lock.unlock();
    arch::current().waiting.begin(arch::wait_kind::entry_lock, &mapping, xas.xa_index, arch::site::here());
    arch::schedule();
    arch::current().waiting.end();
    queued.finish();
}

void put_unlocked_entry(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry,
                        wake_mode mode) {
    if (entry != 0 && xa_is_value(entry) && k.rules.entry_baton == baton::pass)
        dax_wake_entry(k, mapping, xas, entry, mode);
}

wake_mode removal_wake(const kernel& k) {
    return k.rules.removal_wakes == entry_wake::all ? wake_mode::all : wake_mode::next;
}

std::uint64_t dax_lock_entry(xa_state& xas, std::uint64_t entry) {
    return xas_store(xas, dax_entry(entry).with_lock().store_form());
}

void dax_unlock_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry) {
    if (is_hole_page(mapping, entry)) { // put_locked_mapping_entry
        unlock_hole_page(mapping, xas.xa_index);
        return;
    }
    xas_reset(xas);
    std::uint64_t old = 0;
    {
        arch::guard held(mapping.i_pages.xa_lock);
        old = xas_store(xas, dax_entry(entry).without_lock().store_form());
    }
    if (old == 0 || !dax_entry(old).locked())
        arch::fail(invariant::I10, "unlocked an entry that was not locked", "dax_unlock_entry");
    dax_wake_entry(k, mapping, xas, entry, wake_mode::next);
}

void dax_wake_entry(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry,
                    wake_mode mode) {
    const entry_wait wait = dax_entry_waitqueue(k, mapping, xas, entry);
    if (wait.queue.waitqueue_active())
        wait.queue.wake_up(wait.key, mode == wake_mode::all ? wake_everybody : 1);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
