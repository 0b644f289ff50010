/// Moments that almost were a failure, counted for the thread that met them; what the numbers mean is the model's.
///
/// Cost      without a tally: one test of a thread-local pointer. A stopwatch reads the time stamp counter twice: slow paths only
/// Ordering  none
/// Checked   tests/host/near_miss_test.cpp
#pragma once

#include <arch/histogram.hpp>
#include <arch/machine.hpp>
#include <arch/recorder.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace arch {
inline namespace host {

/// Nanoseconds per tick of flight_clock(). The first call takes about a millisecond.
double tick_nanoseconds();

/// Counts of one thread, by kind.
class near_miss_tally {
  public:
    static constexpr std::size_t kinds = 16;
    histogram& operator[](std::size_t kind) { return kinds_[kind]; }
    const histogram& operator[](std::size_t kind) const { return kinds_[kind]; }

  private:
    std::array<histogram, kinds> kinds_{};
};

namespace detail {
inline constinit thread_local near_miss_tally* near_misses = nullptr;
}

/// The calling thread counts there from now on; nullptr: not at all.
inline void count_near_misses(near_miss_tally* tally) { detail::near_misses = tally; }

inline std::uint64_t nanoseconds_since(std::uint64_t ticks) {
    const std::uint64_t now = flight_clock();
    return now > ticks ? static_cast<std::uint64_t>(static_cast<double>(now - ticks) * tick_nanoseconds())
                       : 0;
}

/// Time since it was made.
class stopwatch {
  public:
    std::uint64_t nanoseconds() const { return nanoseconds_since(begun_); }

  private:
    std::uint64_t begun_ = flight_clock();
};

template <class Kind> void near_miss(Kind kind) {
    if (near_miss_tally* tally = detail::near_misses)
        (*tally)[static_cast<std::size_t>(kind)].count();
}
/// With how close it was.
template <class Kind> void near_miss(Kind kind, const stopwatch& since) {
    if (near_miss_tally* tally = detail::near_misses)
        (*tally)[static_cast<std::size_t>(kind)].add(since.nanoseconds());
}

} // namespace host
} // namespace arch
