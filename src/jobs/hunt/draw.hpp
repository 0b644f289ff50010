/// Draws programs: a small world, a set-up, and two to four threads of one to four operations, whose operands make sense there.
///
/// Valid       whoever holds a pin, a reference or a lease performs nothing that may wait for holders, and lets go at its end. The set-up holds
///             nothing, so that it never sleeps. Who needs a range of a pool finds one
/// Batches     the programs of a batch share a taste: which kinds of worlds, which operations, how often (swarm testing, Groce et al. 2012)
/// Repeatable  a program is a function of the seed and its number
#pragma once

#include "base/seed.hpp"
#include "scenario/program.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace daxtorture::jobs::hunt {

/// What the programs of a batch have in common.
struct taste {
    std::array<unsigned, static_cast<std::size_t>(op::count_)> weights{}; ///< of operations; 0: none of them
    std::vector<std::size_t> worlds;                                      ///< numbers of world_kinds()
};
taste draw_taste(generator& random);

/// A program that is canonical (canonical.hpp) but for its name. Header and rules come from `header`.
program draw_program(const program& header, const taste& batch, generator& random);

/// A program like this one, but for an operation more, less or another, or a thread; canonical.
program vary_program(const program& what, const taste& batch, generator& random);

/// The operations of a kind that are worth drawing in a world.
std::vector<operation> sensible_choices(op kind, const world_config& world);

/// What lets go of what such an operation holds; nothing: it holds nothing.
std::optional<op> drop_of(op kind);
constexpr bool is_drop(op kind) { return kind == op::unpin || kind == op::put || kind == op::unlease; }

/// How many programs a batch has.
inline constexpr std::uint64_t batch_size = 64;
inline constexpr unsigned threads_max = 4;
inline constexpr unsigned operations_max = 4; ///< of a thread, what it holds let go

} // namespace daxtorture::jobs::hunt
