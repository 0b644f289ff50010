/// What a task holds and what it waits for: a lockdep in miniature, read by hang reports.
///
/// Each machine's locks push and pop here. The owner alone writes; a watchdog may read from another thread at any time, so the
/// fields are relaxed std::atomics on both machines (they are diagnostics, not part of the model, and order nothing).
/// `would_invert` is invariant I29: locks are taken from outer to inner rank.
#pragma once

#include <arch/site.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace arch {

/// Locks of one class are interchangeable in the lock order. Outer locks have lower ranks.
struct lock_class {
    const char* name;
    unsigned rank;
    bool nests =
        false; ///< two locks of this class may be held at once (by increasing number, the caller's business)
};

struct held_lock {
    std::atomic<const lock_class*> type{nullptr};
    std::atomic<const void*> object{nullptr};
    std::atomic<const char*> function{nullptr};
};

/// Taking a lock and letting go of the innermost one cost a few instructions: what is looked at is the highest rank held, and the last entry.
class held_locks {
  public:
    static constexpr unsigned limit = 16;

    /// The innermost held lock that must not be held when `type` is taken, or nullptr.
    const lock_class* would_invert(const lock_class& type) const {
        return static_cast<int>(type.rank) > highest_ ? nullptr : find_inversion(type);
    }

    void push(const lock_class& type, const void* object, site at) {
        const unsigned n = depth_.load(std::memory_order_relaxed);
        if (n < limit) [[likely]] {
            held_lock& top = locks_[n];
            top.type.store(&type, std::memory_order_relaxed);
            top.object.store(object, std::memory_order_relaxed);
            top.function.store(at.function, std::memory_order_relaxed);
            highest_below_[n] = highest_;
            highest_ = std::max(highest_, static_cast<int>(type.rank));
        }
        depth_.store(n + 1, std::memory_order_relaxed);
    }

    void pop(const void* object) {
        const unsigned n = depth_.load(std::memory_order_relaxed);
        if (n - 1 >= limit || locks_[n - 1].object.load(std::memory_order_relaxed) != object) [[unlikely]] {
            pop_inner(object);
            return;
        }
        highest_ = highest_below_[n - 1];
        depth_.store(n - 1, std::memory_order_relaxed);
    }

    unsigned depth() const { return std::min(depth_.load(std::memory_order_relaxed), limit); }
    const held_lock& operator[](unsigned i) const { return locks_[i]; }

  private:
    static constexpr int none = -1;

    [[gnu::noinline]] const lock_class* find_inversion(const lock_class& type) const {
        for (unsigned i = depth(); i-- > 0;) {
            const lock_class* held = locks_[i].type.load(std::memory_order_relaxed);
            if (held->rank > type.rank || (held->rank == type.rank && !(held == &type && type.nests)))
                return held;
        }
        return nullptr;
    }

    /// Of a lock that is not the last one taken. One that was taken beyond the limit has left no entry.
    [[gnu::noinline]] void pop_inner(const void* object) {
        const unsigned all = depth_.load(std::memory_order_relaxed);
        const unsigned n = depth();
        unsigned i = n;
        while (i > 0 && locks_[i - 1].object.load(std::memory_order_relaxed) != object)
            --i;
        depth_.store(all - 1, std::memory_order_relaxed);
        if (i == 0)
            return;
        for (; i < n; ++i)
            copy(locks_[i - 1], locks_[i]);
        highest_ = none;
        for (i = 0; i + 1 < n; ++i) {
            highest_below_[i] = highest_;
            highest_ = std::max(highest_, rank_of(locks_[i]));
        }
    }

    static int rank_of(const held_lock& lock) {
        return static_cast<int>(lock.type.load(std::memory_order_relaxed)->rank);
    }
    static void copy(held_lock& to, const held_lock& from) {
        to.type.store(from.type.load(std::memory_order_relaxed), std::memory_order_relaxed);
        to.object.store(from.object.load(std::memory_order_relaxed), std::memory_order_relaxed);
        to.function.store(from.function.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }

    std::array<held_lock, limit> locks_{};
    std::array<int, limit> highest_below_{}; ///< the owner's alone, as highest_
    int highest_ = none;                     ///< rank
    std::atomic<unsigned> depth_{0};
};

/// What a blocked task waits for. Locks fill it in themselves; the model does so around schedule().
enum class wait_kind : std::uint8_t { none, lock, page_idle, entry_lock, grace_period, sleep };

class wait_note {
  public:
    void begin(wait_kind kind, const void* object, std::uint64_t key, site at) {
        object_.store(object, std::memory_order_relaxed);
        key_.store(key, std::memory_order_relaxed);
        function_.store(at.function, std::memory_order_relaxed);
        file_.store(at.file, std::memory_order_relaxed);
        line_.store(at.line, std::memory_order_relaxed);
        kind_.store(kind, std::memory_order_relaxed);
    }
    void end() { kind_.store(wait_kind::none, std::memory_order_relaxed); }

    wait_kind kind() const { return kind_.load(std::memory_order_relaxed); }
    const void* object() const { return object_.load(std::memory_order_relaxed); }
    std::uint64_t key() const { return key_.load(std::memory_order_relaxed); }
    site where() const {
        return {file_.load(std::memory_order_relaxed), function_.load(std::memory_order_relaxed),
                line_.load(std::memory_order_relaxed)};
    }

  private:
    std::atomic<wait_kind> kind_{wait_kind::none};
    std::atomic<const void*> object_{nullptr};
    std::atomic<std::uint64_t> key_{0};
    std::atomic<const char*> function_{""};
    std::atomic<const char*> file_{""};
    std::atomic<unsigned> line_{0};
};

} // namespace arch
