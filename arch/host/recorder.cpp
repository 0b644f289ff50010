#include <arch/recorder.hpp>

#include <algorithm>
#include <chrono>

namespace arch::inline host {

namespace {

struct two_clocks {
    std::uint64_t ticks = flight_clock();
    std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
};

/// The sign of a 28-bit number.
std::int32_t widen(std::uint64_t bits) { return static_cast<std::int32_t>(bits << 4) >> 4; }

} // namespace

std::uint64_t flight_nanoseconds(std::uint64_t ticks) {
    static const two_clocks start;
    const two_clocks now;
    const auto passed = std::chrono::duration<double, std::nano>(now.time - start.time).count();
    if (ticks <= start.ticks || now.ticks <= start.ticks)
        return 0;
    const double part =
        static_cast<double>(ticks - start.ticks) / static_cast<double>(now.ticks - start.ticks);
    return static_cast<std::uint64_t>(part * passed);
}

std::vector<flight_record> flight_ring::read() const {
    // acquire: the records below this head are written
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    const std::uint64_t first =
        std::max(first_.load(std::memory_order_relaxed), head > size ? head - size : 0);
    std::vector<flight_record> all;
    for (std::uint64_t n = first; n < head; ++n) {
        const slot& from = slots_[n % size];
        flight_record one;
        one.time = from.time.load(std::memory_order_relaxed);
        one.where = from.where.load(std::memory_order_relaxed);
        one.object = from.object.load(std::memory_order_relaxed);
        const std::uint64_t packed = from.packed.load(std::memory_order_relaxed);
        one.kind = static_cast<step>(packed & 0xff);
        one.before = widen(packed >> 8 & 0xfffffff);
        one.after = widen(packed >> 36);
        all.push_back(one);
    }
    // The owner may have gone on: what it wrote over, and the record that it may just be writing, are dropped.
    const std::uint64_t now = head_.load(std::memory_order_acquire);
    const std::uint64_t lost = now + 1 > size + first ? now + 1 - size - first : 0;
    all.erase(all.begin(),
              all.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(lost, all.size())));
    return all;
}

} // namespace arch::inline host
