#include <arch/recorder.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace arch {
inline namespace host {

namespace {

struct two_clocks {
    std::uint64_t ticks = flight_clock();
    std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
};

/// The sign of a 28-bit number.
std::int32_t widen(std::uint64_t bits) { return static_cast<std::int32_t>(bits << 4) >> 4; }

/// About what a record takes: the distance of those before the first and behind the last time stamp.
constexpr std::uint64_t usual_gap = 20;

/// Gives records without a time stamp (0) one: evenly between their stamped neighbours.
void estimate_times(std::vector<flight_record>& all) {
    const auto has_time = [](const flight_record& r) { return r.time != 0; };
    auto known = std::ranges::find_if(all, has_time);
    if (known == all.end()) {
        if (all.empty())
            return;
        known = all.end() - 1;
        known->time = flight_clock();
    }
    for (auto r = known; r != all.begin(); --r)
        std::prev(r)->time = r->time - usual_gap;
    for (;;) {
        const auto next = std::find_if(known + 1, all.end(), has_time);
        const auto steps = static_cast<std::uint64_t>(next - known);
        const std::uint64_t span = next == all.end()          ? usual_gap * steps
                                   : next->time > known->time ? next->time - known->time
                                                              : 0;
        for (auto r = known + 1; r != next; ++r)
            r->time = known->time + span * static_cast<std::uint64_t>(r - known) / steps;
        if (next == all.end())
            return;
        known = next;
    }
}

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
        one.where = from.where.load(std::memory_order_relaxed);
        one.object = from.object.load(std::memory_order_relaxed);
        const std::uint64_t packed = from.packed.load(std::memory_order_relaxed);
        one.time = (packed & stamped) != 0 ? from.time.load(std::memory_order_relaxed) : 0;
        one.kind = static_cast<step>(packed & (stamped - 1));
        one.before = widen(packed >> 8 & 0xfffffff);
        one.after = widen(packed >> 36);
        all.push_back(one);
    }
    // The owner may have gone on: what it wrote over, and the record that it may just be writing, are dropped.
    const std::uint64_t now = head_.load(std::memory_order_acquire);
    const std::uint64_t lost = now + 1 > size + first ? now + 1 - size - first : 0;
    all.erase(all.begin(),
              all.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(lost, all.size())));
    estimate_times(all);
    std::erase_if(all, [](const flight_record& r) { return r.kind == step::clock; });
    return all;
}

} // namespace host
} // namespace arch
