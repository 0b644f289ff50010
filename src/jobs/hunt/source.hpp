/// Where the hunt's programs come from: the smallest, one after the other (enumerate.hpp), and those that are drawn (draw.hpp).
///
/// Sixty-four drawn ones in a row share a taste, and some vary a program that was promising (steering.hpp). What comes is a function of
/// the seed, the shard and what was met so far.
#pragma once

#include "jobs/hunt/draw.hpp"
#include "jobs/hunt/enumerate.hpp"
#include "jobs/hunt/steering.hpp"
#include "jobs/shard.hpp"

#include "scenario/program.hpp"

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

namespace daxtorture::jobs::hunt {

/// How far the source is.
struct source_place {
    std::uint64_t programs = 0;   ///< that came, those that had come before included
    std::uint64_t drawn = 0;      ///< number of the next program that is drawn
    std::uint64_t enumerated = 0; ///< number of the next of all small ones
};

class program_source {
  public:
    program_source(program header, std::uint64_t seed, shard part);

    /// The next program; nothing when an equal one came before.
    std::optional<program> next(const steering& met);

    const source_place& place() const { return place_; }
    void go_to(const source_place& place, const std::vector<std::uint64_t>& fingerprints);
    const small_programs& small() const { return small_; }

  private:
    program make(const steering& met);
    std::optional<program> next_small();

    const program header_;
    const std::uint64_t seed_;
    const shard part_;
    small_programs small_;
    source_place place_;
    std::uint64_t batch_ = ~std::uint64_t{0};
    taste taste_;
    std::unordered_set<std::uint64_t> seen_; ///< fingerprints
};

} // namespace daxtorture::jobs::hunt
