#include <arch/lock.hpp>

#include <arch/check.hpp>

#include <cstdio>

namespace arch {
inline namespace host {

namespace detail {

void report_inversion(const lock_class& taken, const lock_class& held, site at) noexcept {
    char detail[160];
    std::snprintf(detail, sizeof detail, "%s takes %s while holding %s", at.function, taken.name, held.name);
    fail(daxtorture::invariant::I29, "locks taken in the wrong order", detail, at);
}

void exclusive_lock::lock_slowly(task& self, site at) noexcept {
    blocked_note note(self, wait_kind::lock, this, at);
    for (unsigned turn = spin_turns(); turn > 0; --turn) {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        if (seen == free &&
            word_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed))
            return;
        pause_cpu();
    }
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    // Whoever unlocks from here on sees the sleeper; what was unlocked before is seen below.
    if (fences_for_others())
        fence_everybody();
    for (;;) {
        std::uint32_t seen = free;
        if (word_.compare_exchange_strong(seen, taken, std::memory_order_seq_cst))
            break;
        if (!park(self, word_, taken, abort_level::waits))
            break; // without the lock
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace detail

void rwsem::down_read_slowly(task& self, site at) noexcept {
    detail::blocked_note note(self, wait_kind::lock, this, at);
    for (unsigned turn = spin_turns(); turn > 0; --turn) {
        if (try_read())
            return;
        pause_cpu();
    }
    for (;;) {
        // acquire, and before the look at the word: a wake-up after this look changes it
        const std::uint32_t wakes = wakes_.load(std::memory_order_acquire);
        if (try_read())
            return;
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        const bool open = (seen & (writer | writer_waits)) == 0;
        // acq_rel: not before the load of wakes_
        if (open || !word_.compare_exchange_weak(seen, seen | sleepers, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed))
            continue;
        if (!detail::park(self, wakes_, wakes, abort_level::waits))
            return; // without the lock
    }
}

void rwsem::down_write_slowly(task& self, site at) noexcept {
    detail::blocked_note note(self, wait_kind::lock, this, at);
    for (unsigned turn = spin_turns(); turn > 0; --turn) {
        if (try_write())
            return;
        pause_cpu();
    }
    for (;;) {
        const std::uint32_t wakes = wakes_.load(std::memory_order_acquire);
        if (try_write())
            return;
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        const bool open = (seen & (writer | readers)) == 0;
        if (open || !word_.compare_exchange_weak(seen, seen | sleepers | writer_waits,
                                                 std::memory_order_acq_rel, std::memory_order_relaxed))
            continue;
        if (!detail::park(self, wakes_, wakes, abort_level::waits))
            return; // without the lock
    }
}

/// The last reader left: lets the sleepers compete. The bit of the waiting writer stays, so a writer goes first.
void rwsem::wake_sleepers() noexcept {
    if ((word_.fetch_and(~sleepers, std::memory_order_acq_rel) & sleepers) != 0)
        wake_everybody();
}

void rwsem::wake_everybody() noexcept {
    wakes_.fetch_add(1, std::memory_order_release);
    futex_wake(wakes_, wake_all);
}

} // namespace host
} // namespace arch
