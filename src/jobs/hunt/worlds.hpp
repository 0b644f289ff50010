/// Small worlds to draw programs in: one kind for each sort of thing that the model has.
#pragma once

#include "base/seed.hpp"
#include "words/config.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace daxtorture::jobs::hunt {

struct world_kind {
    std::string_view name;
    std::string_view help;
    unsigned weight; ///< how often a batch takes it, relative to the others
    world_config (*draw)(generator& random);
};
std::span<const world_kind> world_kinds();

/// The worlds in which all of the smallest programs are tried, one after the other.
std::vector<world_config> basic_worlds();

} // namespace daxtorture::jobs::hunt
