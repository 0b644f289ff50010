/// A full barrier on every thread at the request of one: fences that the rare side of a protocol makes for the frequent side.
///
/// Ordering  when fence_everybody() returns, each other thread has passed a full barrier since it was called. The frequent side
///           needs no more than light_fence(): what stands before that is seen by the rare side after its call, or else what
///           stands behind it sees what the rare side did before.
/// Source    membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED. Where that is missing, and under ThreadSanitizer, which does not know
///           it, fences_for_others is false and both sides have to fence themselves.
/// Checked   tests/host/lock_test.cpp, tests/host/rcu_test.cpp
#pragma once

#include <arch/atomic.hpp>

#include <atomic>

namespace arch {
inline namespace host {

namespace detail {
/// Set before main and not changed afterwards.
extern bool membarrier_registered;
} // namespace detail

inline bool fences_for_others() {
#if ARCH_TSAN
    return false;
#else
    return detail::membarrier_registered;
#endif
}
void fence_everybody();
inline void light_fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

} // namespace host
} // namespace arch
