/// Programs that differ only in names are one program: its form, and a number for it.
///
/// Renamed     threads, mms, files, and the pages of files whose places do not matter (small blocks, a tree of one level)
/// Left out    mms and files that no operation reaches, and pages that none names
/// Device pages are renamed with the files whose blocks they are at the start.
#pragma once

#include "scenario/program.hpp"

#include <cstdint>

namespace daxtorture::jobs::hunt {

/// Equal for programs that are equal but for names. Threads are t0, t1, ..., mms m0, ..., files A, B, ...
program canonical(const program& what);

/// A number of a canonical program: of its world, set-up and threads, not of its rules.
std::uint64_t fingerprint(const program& what);

/// Which page of which file a block of pmem0 belongs to before anything has happened.
struct block_place {
    static constexpr unsigned nobody = ~0U;
    unsigned file = nobody;
    unsigned page = 0; ///< of the file; of nobody's blocks, how many of them come before
};
std::vector<block_place> first_places(const world_config& world);

} // namespace daxtorture::jobs::hunt
