#include "stress/observe.hpp"

#include "words/near_miss.hpp"

namespace daxtorture::stress {

static_assert(near_miss_table.size() <= arch::near_miss_tally::kinds);

namespace {

void collect(std::string name, const arch::histogram& from, tallies& into) {
    if (from.total() == 0)
        return;
    tally one{std::move(name), from.total(), {}};
    for (std::size_t i = 0; i < arch::histogram::buckets; ++i)
        if (const std::uint64_t n = from.bucket(i); n != 0) {
            one.buckets.resize(i + 1);
            one.buckets[i] = n;
        }
    add(into, {std::move(one)});
}

} // namespace

void collect(const worker_observations& from, observations& into) {
    for (const near_miss_info& kind : near_miss_table)
        collect(std::string(kind.name), from.near_misses[static_cast<std::size_t>(kind.kind)],
                into.near_misses);
    tallies overlaps;
    for (const operation_info& mine : operation_table) {
        const auto kind = static_cast<std::size_t>(mine.kind);
        collect(std::string(mine.name), from.latencies[kind], into.latencies);
        for (const operation_info& other : operation_table)
            if (const std::uint64_t n =
                    from.overlaps[kind][static_cast<std::size_t>(other.kind)].load(std::memory_order_relaxed))
                overlaps.push_back({std::string(mine.name) + "|" + std::string(other.name), n, {}});
    }
    add(into.overlaps, overlaps);
}

} // namespace daxtorture::stress
