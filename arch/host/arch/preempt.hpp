/// Seeded delays at the places where an interleaving can change: notes, locks, fully ordered exchanges, changes of state.
///
/// Each thread counts down to its next delay; a thread that is not armed counts from a number that it practically never
/// finishes. Where the delays fall, which kind they are and how long depend only on the seed and on the points passed.
///
/// Cost      a decrement of a thread-local word and a branch, about 1 ns
/// Checked   tests/host/preempt_test.cpp
#pragma once

#include <cstdint>

namespace arch {
inline namespace host {

enum class delay_kind : std::uint8_t { spin, yield, sleep };

/// One delay: after `gap` more points, of this kind, `amount` turns of a spin loop or microseconds of sleep.
struct delay {
    std::uint32_t gap = 0;
    delay_kind kind = delay_kind::spin;
    std::uint32_t amount = 0;
    friend bool operator==(const delay&, const delay&) = default;
};

/// The delays of one thread, drawn from a 64-bit seed. Gaps come in phases: the mean gap is drawn anew, from 4 to 1024 points,
/// every 16 delays, so that both dense and rare preemption occur whatever the length of the model's critical windows.
class preemption_plan {
  public:
    constexpr explicit preemption_plan(std::uint64_t seed = 0) : state_(seed) {}
    delay next();

  private:
    std::uint64_t draw();

    std::uint64_t state_;
    std::uint32_t mean_log2_ = 0;
    std::uint32_t left_in_phase_ = 0;
};

/// Makes the calling thread delay by the plan of `seed`, from its first point on.
void arm_preemption(std::uint64_t seed);
void disarm_preemption();
/// Delays that the calling thread has made since it started.
std::uint64_t preemptions_made();

namespace detail {
inline constexpr std::int32_t disarmed_countdown = 0x7fffffff;
inline constinit thread_local std::int32_t preempt_countdown = disarmed_countdown;
void preempt_now() noexcept;
} // namespace detail

/// A place where another thread may come in between. Never throws.
inline void preemption_point() noexcept {
    if (--detail::preempt_countdown <= 0) [[unlikely]]
        detail::preempt_now();
}

} // namespace host
} // namespace arch
