/// What a worker sees beside its operations' outcomes: how long they took, what they overlapped with, near misses.
///
/// Cost      one operation in `sample_every` is timed and looks at what the others are in; a prime number, so that a scenario's
///           program does not always have the same operation sampled. The others pay for a countdown
/// Ordering  none: counters of the worker alone, relaxed
#pragma once

#include "run/tally.hpp"
#include "stress/mix.hpp"

#include <arch/histogram.hpp>
#include <arch/near_miss.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace daxtorture::stress {

struct worker_observations {
    static constexpr unsigned sample_every = 17;

    /// Is the operation that begins now a sampled one?
    bool sample() {
        if (--until_sample_ != 0)
            return false;
        until_sample_ = sample_every;
        return true;
    }
    /// `mine` begins while another worker is in `other`.
    void overlap(op mine, op other) {
        std::atomic<std::uint64_t>& count =
            overlaps[static_cast<std::size_t>(mine)][static_cast<std::size_t>(other)];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    std::array<arch::histogram, operation_kinds> latencies;
    std::array<std::array<std::atomic<std::uint64_t>, operation_kinds>, operation_kinds> overlaps{};
    arch::near_miss_tally near_misses;

  private:
    unsigned until_sample_ = sample_every;
};

/// Adds what a worker has seen so far.
void collect(const worker_observations& from, observations& into);

} // namespace daxtorture::stress
