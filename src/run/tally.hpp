/// What a stress run saw beside its totals: counts with distributions, by name. They add up: slices to runs, runs to merged runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture {

struct tally {
    std::string name;
    std::uint64_t count = 0;
    /// Bucket i counts values of [2^i, 2^(i+1)) ns; no trailing zeros. Their sum may be less than `count`: what was not timed.
    std::vector<std::uint64_t> buckets;

    friend bool operator==(const tally&, const tally&) = default;
};
using tallies = std::vector<tally>;

struct observations {
    tallies latencies;   ///< of operations, a sample: `count` is how many were timed
    tallies near_misses; ///< by the names of near_miss_table
    tallies overlaps;    ///< "A|B": an operation A began while B was under way on the same file, a sample

    friend bool operator==(const observations&, const observations&) = default;
};

void add(tallies& sum, const tallies& more);
void add(observations& sum, const observations& more);
/// What `now` has more than `before`, an earlier state of the same counts.
observations difference(const observations& now, const observations& before);

/// The value below which this part of the timed ones lies, estimated inside its bucket; 0 without timed ones.
double quantile(const tally& of, double part);
/// Lower bound of the first bucket in use: how close the closest was.
std::uint64_t closest(const tally& of);

} // namespace daxtorture
