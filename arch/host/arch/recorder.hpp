/// The flight recorder: the last steps of each worker, in a ring that only its owner writes.
///
/// States    a thread without a ring records nothing: one test of a thread-local pointer
/// Ordering  none: relaxed stores to the owner's own cache lines, so that recording neither orders threads nor hides their races.
///           The ring's head is released after its record; a reader takes only records that were not overwritten meanwhile
/// Time      a time stamp costs more than all the rest, so only every eighth record has one, and those around a pause: a wait, a
///           wake-up, a seeded delay. A reader places the others evenly between their neighbours
/// Cost      four stores, docs/recorder.md has the numbers
/// Checked   tests/host/recorder_test.cpp
#pragma once

#include <arch/machine.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>
#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace arch {
inline namespace host {

/// `clock` is nothing but a time stamp; readers do not see it.
enum class step : std::uint8_t { begin, end, rmw, block, resume, wake, note, violation, clock };

/// Is its time looked at whatever the records around it have?
constexpr bool takes_time_stamp(step kind) {
    return kind == step::block || kind == step::resume || kind == step::wake || kind == step::violation ||
           kind == step::clock;
}

/// One step. What `object` and the values mean depends on its kind.
struct flight_record {
    std::uint64_t time = 0; ///< ticks of flight_clock(), of most records estimated
    const char* where =
        ""; ///< function, or the text of an operation or note; lives as long as the program or the run
    const void* object = nullptr;
    step kind = step::note;
    std::int32_t before = 0; ///< 28 bits
    std::int32_t after = 0;
};

inline std::uint64_t flight_clock() {
#if defined(__x86_64__) || defined(__i386__)
    return __rdtsc();
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}
/// Nanoseconds since the first call; ticks of flight_clock() since then in proportion. For readers: it looks at two clocks.
std::uint64_t flight_nanoseconds(std::uint64_t ticks);

class flight_ring {
  public:
    static constexpr std::size_t size = 512;

    /// By the owner alone.
    [[gnu::noinline]] void put(step kind, const char* where, const void* object, std::int32_t before,
                               std::int32_t after) noexcept {
        constexpr std::uint64_t value_bits = (1U << 28) - 1;
        const std::uint64_t n = head_.load(std::memory_order_relaxed); // relaxed: only the owner writes it
        slot& to = slots_[n % size];
        std::uint64_t packed = static_cast<std::uint64_t>(kind) |
                               (static_cast<std::uint64_t>(before) & value_bits) << 8 |
                               (static_cast<std::uint64_t>(after) & value_bits) << 36;
        if (takes_time_stamp(kind) || n % stamp_every == 0) {
            to.time.store(flight_clock(), std::memory_order_relaxed);
            packed |= stamped;
        }
        to.where.store(where, std::memory_order_relaxed);
        to.object.store(object, std::memory_order_relaxed);
        to.packed.store(packed, std::memory_order_relaxed);
        // release: a reader that sees this head sees the record
        head_.store(n + 1, std::memory_order_release);
    }
    /// Oldest first. From any thread, also while the owner records.
    std::vector<flight_record> read() const;
    /// What was recorded so far is not read any more. Not while the owner records.
    void forget() { first_.store(head_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  private:
    static constexpr std::uint64_t stamp_every = 8;
    static constexpr std::uint64_t stamped = 0x80; ///< beside the kind

    struct slot {
        std::atomic<std::uint64_t> time{0}; ///< of a stamped record
        std::atomic<const char*> where{""};
        std::atomic<const void*> object{nullptr};
        std::atomic<std::uint64_t> packed{0};
    };

    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::atomic<std::uint64_t> first_{0};
    alignas(64) std::array<slot, size> slots_{};
};

namespace detail {
inline constinit thread_local flight_ring* recorder = nullptr;
}

/// The calling thread records there from now on; nullptr: not at all.
inline void record_into(flight_ring* ring) { detail::recorder = ring; }

inline void record(step kind, const char* where, const void* object = nullptr, std::int32_t before = 0,
                   std::int32_t after = 0) noexcept {
    if (flight_ring* ring = detail::recorder)
        ring->put(kind, where, object, before, after);
}

} // namespace host
} // namespace arch
