/// Locks of the model: spinlock, mutex and rwsem, and their guards.
///
/// States    spinlock, mutex: 0 free, 1 taken; and beside that how many may sleep.
///           rwsem: writer bit, a bit that a writer waits (holds new readers off), a bit that somebody sleeps, reader count.
/// Ordering  lock acquires, unlock releases. unlock then looks for sleepers, and a sleeper looks at the lock after it has announced
///           itself; the full barrier between the two steps is made for both sides by the sleeper (arch/membarrier.hpp)
/// Blocking  spins about 2 us, then sleeps on a futex; a blocked task shows in current().waiting. Unlock of an uncontended lock
///           makes no system call. A writer of an rwsem waits for the readers inside, not for later ones; after it
///           unlocks or is demoted, waiting readers and writers compete, so neither starves. Linux lets them in by age: where the oldest is a
///           writer, a demotion wakes nobody (rwsem_mark_wake); who is the oldest is left to chance here.
/// Lifetime  unlock still reads the lock after it has let go of it: a lock outlives whoever used it, as the model's do.
/// Lock order  would_invert is asked before waiting; an inversion is reported as invariant 29, then the lock is taken.
///           try_ forms cannot deadlock and are not asked.
/// Ending    locks never throw; a wait that the engine ends goes on without the lock, see arch/task.hpp.
/// Checked   tests/host/lock_test.cpp
#pragma once

#include <arch/guard.hpp>
#include <arch/held_locks.hpp>
#include <arch/machine.hpp>
#include <arch/membarrier.hpp>
#include <arch/preempt.hpp>
#include <arch/site.hpp>
#include <arch/task.hpp>

#include <atomic>
#include <cstdint>

namespace arch {
inline namespace host {

namespace detail {

void report_inversion(const lock_class& taken, const lock_class& held, site at) noexcept;

inline void check_lock_order(const task& self, const lock_class& type, site at) {
    if (const lock_class* held = self.held.would_invert(type)) [[unlikely]]
        report_inversion(type, *held, at.here_only());
}

class exclusive_lock {
  public:
    using drop_site = hold::nowhere;

    explicit exclusive_lock(const lock_class& type) : type_(&type) {}
    exclusive_lock(const exclusive_lock&) = delete;
    exclusive_lock& operator=(const exclusive_lock&) = delete;

    void lock(site at = site::here()) {
        task& self = current();
        check_lock_order(self, *type_, at);
        preemption_point();
        std::uint32_t seen = free;
        if (!word_.compare_exchange_strong(seen, taken, std::memory_order_acquire, std::memory_order_relaxed))
            [[unlikely]]
            lock_slowly(self, at.here_only());
        self.held.push(*type_, this, at);
    }
    bool try_lock(site at = site::here()) {
        std::uint32_t seen = free;
        if (!word_.compare_exchange_strong(seen, taken, std::memory_order_acquire, std::memory_order_relaxed))
            return false;
        current().held.push(*type_, this, at);
        return true;
    }
    void unlock(site = site::here()) {
        current().held.pop(this);
        if (fences_for_others()) {
            word_.store(free, std::memory_order_release);
            light_fence(); // the other half is in lock_slowly
        } else {
            word_.exchange(free, std::memory_order_seq_cst);
        }
        if (sleepers_.load(std::memory_order_seq_cst) != 0) [[unlikely]]
            futex_wake(word_, 1);
        preemption_point();
    }
    bool is_locked() const { return word_.load(std::memory_order_relaxed) != free; }

  private:
    enum : std::uint32_t { free, taken };

    void lock_slowly(task& self, site at) noexcept;

    std::atomic<std::uint32_t> word_{free};
    std::atomic<std::uint32_t> sleepers_{0}; ///< tasks that sleep or are about to
    const lock_class* const type_;
};

} // namespace detail

class spinlock : public detail::exclusive_lock {
    using exclusive_lock::exclusive_lock;
};
class mutex : public detail::exclusive_lock {
    using exclusive_lock::exclusive_lock;
};

class rwsem {
  public:
    using drop_site = hold::nowhere;

    explicit rwsem(const lock_class& type) : type_(&type) {}
    rwsem(const rwsem&) = delete;
    rwsem& operator=(const rwsem&) = delete;

    void down_read(site at = site::here()) {
        task& self = current();
        detail::check_lock_order(self, *type_, at);
        preemption_point();
        if (!try_read()) [[unlikely]]
            down_read_slowly(self, at.here_only());
        self.held.push(*type_, this, at);
    }
    void up_read(site = site::here()) {
        current().held.pop(this);
        // release: a writer that finds no reader sees what the readers did
        const std::uint32_t left = word_.fetch_sub(1, std::memory_order_release) - 1;
        if ((left & (readers | sleepers)) == sleepers) [[unlikely]]
            wake_sleepers();
        preemption_point();
    }
    void down_write(site at = site::here()) {
        task& self = current();
        detail::check_lock_order(self, *type_, at);
        preemption_point();
        if (!try_write()) [[unlikely]]
            down_write_slowly(self, at.here_only());
        self.held.push(*type_, this, at);
    }
    bool try_down_write(site at = site::here()) {
        if (!try_write())
            return false;
        current().held.push(*type_, this, at);
        return true;
    }
    void up_write(site = site::here()) {
        current().held.pop(this);
        // The bit of waiting writers goes too: they set it again if a reader is faster.
        if ((word_.exchange(0, std::memory_order_release) & sleepers) != 0) [[unlikely]]
            wake_everybody();
        preemption_point();
    }

    /// downgrade_write: the writer goes on as a reader, and no other writer comes in between.
    void downgrade(site = site::here()) {
        if ((word_.exchange(1, std::memory_order_release) & sleepers) != 0) [[unlikely]]
            wake_everybody();
        preemption_point();
    }

  private:
    static constexpr std::uint32_t writer = 1U << 31;
    static constexpr std::uint32_t writer_waits = 1U << 30;
    static constexpr std::uint32_t sleepers = 1U << 29;
    static constexpr std::uint32_t readers = sleepers - 1;

    bool try_read() {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while ((seen & (writer | writer_waits)) == 0) {
            if (word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                            std::memory_order_relaxed))
                return true;
        }
        return false;
    }
    bool try_write() {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while ((seen & (writer | readers)) == 0) {
            if (word_.compare_exchange_weak(seen, writer | (seen & sleepers), std::memory_order_acquire,
                                            std::memory_order_relaxed))
                return true;
        }
        return false;
    }
    void down_read_slowly(task& self, site at) noexcept;
    void down_write_slowly(task& self, site at) noexcept;
    void wake_sleepers() noexcept;
    void wake_everybody() noexcept;

    std::atomic<std::uint32_t> word_{0};
    std::atomic<std::uint32_t> wakes_{0}; ///< sleepers wait for it to change
    const lock_class* const type_;
};

using read_guard = guard<rwsem, hold::for_reading>;
using write_guard = guard<rwsem, hold::for_writing>;

} // namespace host
} // namespace arch
