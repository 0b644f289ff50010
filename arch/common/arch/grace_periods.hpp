/// What a domain of read sections is tuned for. Both mean the same.
#pragma once

namespace arch {

enum class grace_periods : unsigned char {
    frequent, ///< as for TLB flushes: both sides pay for a fence
    rare,     ///< as for RCU: readers pay nothing, a grace period interrupts every thread
};

} // namespace arch
