/// The strategies there are. A new one is a file and a line in strategies.cpp: the command line and the checker find it there. std only.
#pragma once

#include "strategy.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace daxtorture {

/// A share of the tree of executions: subtrees number index, index + count, ... Together the `count` parts are the tree; each part
/// also runs one execution of every subtree that is not its own.
struct tree_part {
    unsigned index = 0;
    unsigned count = 1;
};

/// Operation `operation` of `thread` is to run between two steps of operation `outer` of `outer_thread`.
struct aim_target {
    unsigned outer_thread = 0;
    unsigned outer = 0;
    unsigned thread = 0;
    unsigned operation = 0;
};

struct strategy_options {
    std::uint64_t seed = 1;
    unsigned depth = 3; ///< pct: a failure of this many ordering constraints can be hit
    unsigned bound = 2; ///< bound: preemptions, and as many stale loads; 0, 1, ... up to it in turn
    bool reduce = true; ///< bound, full: leave out what differs only in the order of steps that commute
    tree_part part;     ///< bound, full: the share of the tree
    std::vector<aim_target> targets; ///< aim: what to meet
};

enum class walk : std::uint8_t {
    tree,   ///< execution after execution, until none is left
    random, ///< each execution depends on its number alone, so that they can be shared
    aimed   ///< random, and needs targets: part of a plan, not a search of its own
};

struct strategy_kind {
    std::string_view name;
    walk walks;
    std::string_view help; ///< which executions
    std::unique_ptr<strategy> (*make)(const strategy_options&);
};

std::span<const strategy_kind> strategies();
/// nullptr: none has the name.
const strategy_kind* find_strategy(std::string_view name);
/// Throws std::invalid_argument when none has the name.
std::unique_ptr<strategy> make_strategy(std::string_view name, const strategy_options& options);

/// Every allowed thread and every outcome with equal probability.
std::unique_ptr<strategy> make_uniform(std::uint64_t seed);

/// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): threads have random priorities, the highest runs, at up to
/// depth - 1 random points the running thread becomes the lowest. The length of an execution is measured by a probe.
std::unique_ptr<strategy> make_pct(std::uint64_t seed, unsigned depth);

/// Partial order sampling (Yuan, Yang and Gu, CAV 2018).
std::unique_ptr<strategy> make_pos(std::uint64_t seed);

/// Selectively uniform random walk (Zhao, Wolff, Mathur and Roychoudhury, ASPLOS 2025): one shared object at a time.
std::unique_ptr<strategy> make_surw(std::uint64_t seed);

/// Depth-first through all executions with at most `preemptions` forced context switches and at most `unusual` stale loads
/// and rare outcomes; unlimited = all of them. `reduce`: but those that differ from others, with as few, only in the order of steps that
/// commute (docs/search.md).
inline constexpr unsigned unlimited = ~0u;
std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part = {},
                                     bool reduce = false);
/// The same for bounds of 0, 1, ... `last`, one after the other: the first failure has the fewest preemptions.
std::unique_ptr<strategy> make_bounds(unsigned last, tree_part part = {}, bool reduce = false);

/// Depth-first through all executions but those that differ from others only in the order of steps that commute (docs/search.md).
std::unique_ptr<strategy> make_reduced(tree_part part = {});

/// Leads each execution to one of the targets, in turn, with random numbers of steps inside the operations; then random turns.
std::unique_ptr<strategy> make_aim(std::uint64_t seed, std::vector<aim_target> targets);

} // namespace daxtorture
