/// What a domain of read sections is tuned for. Both mean the same.
#pragma once

namespace arch {

enum class grace_periods : unsigned char {
    frequent, ///< as for TLB flushes: both sides pay for a fence
    rare,     ///< as for RCU: readers pay nothing, a grace period interrupts every thread
};

/// When a callback runs after its grace period, on a machine that decides such things: at once, or at any moment, so that its caller may be
/// elsewhere by then.
enum class callback_moment : unsigned char { first, any };

} // namespace arch
