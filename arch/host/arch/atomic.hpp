/// Atomic variables of the model over std::atomic, at no cost beyond it: the sites vanish when inlined.
///
/// Ordering  as named at each access. `full` has the strength of a value-returning kernel atomic: a seq_cst read-modify-write,
///           which is a full barrier on x86; elsewhere with a fence on both sides, because there it does not order the
///           relaxed accesses around it. A failed compare_exchange is a relaxed load.
///           smp_mb() is a full fence. ThreadSanitizer does not model fences: under it, smp_mb is a read-modify-write of one
///           dummy that all threads share. That orders more than the fence does (races may be missed, none is invented).
/// Blocking  never; a full exchange or compare_exchange is a preemption point.
#pragma once

#include <arch/machine.hpp>
#include <arch/order.hpp>
#include <arch/preempt.hpp>
#include <arch/recorder.hpp>
#include <arch/site.hpp>

#include <atomic>
#include <cstdint>
#include <type_traits>

#if defined(__SANITIZE_THREAD__)
#define ARCH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ARCH_TSAN 1
#endif
#endif
#ifndef ARCH_TSAN
#define ARCH_TSAN 0
#endif

namespace arch {
inline namespace host {

namespace detail {

constexpr std::memory_order std_order(order o) {
    switch (o) {
    case order::relaxed:
        return std::memory_order_relaxed;
    case order::acquire:
        return std::memory_order_acquire;
    case order::release:
        return std::memory_order_release;
    case order::acq_rel:
        return std::memory_order_acq_rel;
    case order::full:
        break;
    }
    return std::memory_order_seq_cst;
}

/// What a seq_cst read-modify-write lacks of a full barrier: nothing on x86 but the compiler's attention.
inline void fence_beside_rmw() {
#if defined(__x86_64__) || defined(__i386__) || ARCH_TSAN
    std::atomic_signal_fence(std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

inline constinit std::atomic<unsigned> fence_dummy{0};

} // namespace detail

template <class T> class atomic {
    static_assert(std::atomic<T>::is_always_lock_free);

  public:
    constexpr atomic() : value_(T{}) {}
    constexpr explicit atomic(T value) : value_(value) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(order o, site = site::here()) const { return value_.load(detail::std_order(o)); }
    void store(T value, order o, site = site::here()) { value_.store(value, detail::std_order(o)); }

    T exchange(T value, order o, site = site::here()) {
        if (o == order::full)
            preemption_point();
        return rmw(o, [&](std::memory_order m) { return value_.exchange(value, m); });
    }
    T fetch_add(T value, order o, site at = site::here()) {
        const T before = rmw(o, [&](std::memory_order m) { return value_.fetch_add(value, m); });
        note_change(before, static_cast<T>(before + value), at);
        return before;
    }
    T fetch_sub(T value, order o, site at = site::here()) {
        const T before = rmw(o, [&](std::memory_order m) { return value_.fetch_sub(value, m); });
        note_change(before, static_cast<T>(before - value), at);
        return before;
    }
    T fetch_or(T value, order o, site = site::here()) {
        return rmw(o, [&](std::memory_order m) { return value_.fetch_or(value, m); });
    }
    T fetch_and(T value, order o, site = site::here()) {
        return rmw(o, [&](std::memory_order m) { return value_.fetch_and(value, m); });
    }

    /// Strong. A failure is a relaxed load of the newest value into `expected`.
    bool compare_exchange(T& expected, T desired, order o, site at = site::here()) {
        // A delay before: the reads that led to this step may be old by the time it is made.
        if (o == order::full)
            preemption_point();
        const bool done = rmw(o, [&](std::memory_order m) {
            return value_.compare_exchange_strong(expected, desired, m, std::memory_order_relaxed);
        });
        if (done)
            note_change(expected, desired, at);
        return done;
    }

    /// For the oracle: the newest value, ordering nothing.
    T peek() const { return value_.load(std::memory_order_relaxed); }

  private:
    /// For the flight recorder: counts, not pointers or packed words.
    void note_change([[maybe_unused]] T before, [[maybe_unused]] T after, [[maybe_unused]] site at) const {
        if constexpr (std::is_same_v<T, int> || std::is_same_v<T, unsigned>)
            record(step::rmw, at.function, this, static_cast<std::int32_t>(before),
                   static_cast<std::int32_t>(after));
    }
    template <class F> static auto rmw(order o, F operate) {
        if (o != order::full)
            return operate(detail::std_order(o));
        detail::fence_beside_rmw();
        auto result = operate(std::memory_order_seq_cst);
        detail::fence_beside_rmw();
        return result;
    }

    std::atomic<T> value_;
};

inline void smp_mb(site = site::here()) {
#if ARCH_TSAN
    detail::fence_dummy.fetch_add(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// smp_mb() right after a read-modify-write, which on x86 is a full barrier itself: there only the compiler needs telling.
inline void smp_mb_after_atomic(site at = site::here()) {
#if (defined(__x86_64__) || defined(__i386__)) && !ARCH_TSAN
    static_cast<void>(at);
    std::atomic_signal_fence(std::memory_order_seq_cst);
#else
    smp_mb(at);
#endif
}

} // namespace host
} // namespace arch
