/// A count and a distribution of nanoseconds in powers of two, written by one thread and read by any.
///
/// Ordering  none: relaxed loads and stores; only the owner writes, so nothing is locked
#pragma once

#include <arch/machine.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace arch {
inline namespace host {

class histogram {
  public:
    /// Bucket i holds [2^i, 2^(i+1)) ns, the first from 0, the last without end.
    static constexpr std::size_t buckets = 36;

    void count() { grow(total_); }
    void add(std::uint64_t nanoseconds) {
        count();
        const auto bucket = static_cast<std::size_t>(std::bit_width(nanoseconds | 1)) - 1;
        grow(buckets_[bucket < buckets ? bucket : buckets - 1]);
    }
    std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
    std::uint64_t bucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }

  private:
    static void grow(std::atomic<std::uint64_t>& what) {
        what.store(what.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> total_{0};
    std::array<std::atomic<std::uint64_t>, buckets> buckets_{};
};

} // namespace host
} // namespace arch
