#include "run/tally.hpp"

#include <algorithm>
#include <numeric>

namespace daxtorture {

namespace {

tally& named(tallies& all, const std::string& name) {
    const auto known = std::ranges::find(all, name, &tally::name);
    if (known != all.end())
        return *known;
    all.push_back({name, 0, {}});
    return all.back();
}

tallies difference(const tallies& now, const tallies& before) {
    tallies grown;
    for (tally one : now) {
        const auto old = std::ranges::find(before, one.name, &tally::name);
        if (old != before.end()) {
            one.count -= old->count;
            for (std::size_t i = 0; i < old->buckets.size(); ++i)
                one.buckets[i] -= old->buckets[i];
            while (!one.buckets.empty() && one.buckets.back() == 0)
                one.buckets.pop_back();
        }
        if (one.count != 0)
            grown.push_back(std::move(one));
    }
    return grown;
}

double lower_bound_of(std::size_t bucket) {
    return bucket == 0 ? 0 : static_cast<double>(std::uint64_t{1} << bucket);
}

} // namespace

void add(tallies& sum, const tallies& more) {
    for (const tally& one : more) {
        tally& into = named(sum, one.name);
        into.count += one.count;
        into.buckets.resize(std::max(into.buckets.size(), one.buckets.size()));
        for (std::size_t i = 0; i < one.buckets.size(); ++i)
            into.buckets[i] += one.buckets[i];
    }
}

void add(observations& sum, const observations& more) {
    add(sum.latencies, more.latencies);
    add(sum.near_misses, more.near_misses);
    add(sum.overlaps, more.overlaps);
}

observations difference(const observations& now, const observations& before) {
    return {difference(now.latencies, before.latencies), difference(now.near_misses, before.near_misses),
            difference(now.overlaps, before.overlaps)};
}

double quantile(const tally& of, double part) {
    const auto timed =
        static_cast<double>(std::accumulate(of.buckets.begin(), of.buckets.end(), std::uint64_t{0}));
    double below = 0;
    for (std::size_t i = 0; i < of.buckets.size(); ++i) {
        const auto here = static_cast<double>(of.buckets[i]);
        if (here != 0 && below + here >= part * timed) {
            const double inside = (part * timed - below) / here;
            const double from = lower_bound_of(i);
            return from + (lower_bound_of(i + 1) - from) * inside;
        }
        below += here;
    }
    return 0;
}

std::uint64_t closest(const tally& of) {
    const auto first = std::ranges::find_if(of.buckets, [](std::uint64_t n) { return n != 0; });
    if (first == of.buckets.end() || first == of.buckets.begin())
        return 0;
    return std::uint64_t{1} << (first - of.buckets.begin());
}

} // namespace daxtorture
