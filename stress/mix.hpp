/// Weighted random loads: which operations, how often, over which files and mms. Data; a mix is a row of weights.
#pragma once

#include "run/seed.hpp"
#include "scenario/program.hpp"
#include "world/config.hpp"
#include "world/operation.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::stress {

inline constexpr std::size_t operation_kinds = static_cast<std::size_t>(op::count_);

struct mix {
    std::string_view name;
    std::string_view help;
    std::array<unsigned, operation_kinds> weights; ///< by op, in the order of operation_table
    bool large = false;                            ///< over files that PMDs can map
};

std::span<const mix> mix_table();
const mix* find_mix(std::string_view name);

/// The world that a mix runs in: three mms that overlap, over three files of few pages, so that workers meet; or over files of PMDs. Geometry
/// and TLB are the machine's.
world_config mix_world(const mix& load, const protocol& rules, const target& machine, unsigned workers);

/// How many workers a run has that asked for `asked`: as many as processors, at least 2, when that is 0.
unsigned worker_count(unsigned asked);

/// A mix as a scenario without operations: its world, and its workers as threads. `rules` are "NAME=VALUE" on top of the preset.
program mix_program(std::string_view mix_name, const std::string& protocol_name,
                    const std::vector<std::string>& rules, const target& machine, unsigned workers);

/// An operation with its text in the language of scenarios ("truncate A 1").
struct named_operation {
    operation what;
    std::string text;
    std::uint64_t touches = 0; ///< files that it works on, by number, also through an mm
};

/// An operation with its text and what it touches.
named_operation name_operation(const operation& what, const world_config& world,
                               std::span<const std::string> threads);

/// Every operation that a mix may draw in a world, by kind. Built once; drawing allocates nothing.
class repertoire {
  public:
    repertoire(const mix& weights, const world_config& world);
    const named_operation& draw(generator& random) const;
    /// Among all operations of this kind; it must be one that the world has objects for.
    const named_operation& draw(op kind, generator& random) const;

  private:
    std::array<std::vector<named_operation>, operation_kinds> by_kind_;
    std::array<std::uint32_t, operation_kinds> weights_{};
    std::uint32_t total_ = 0;
};

/// Does it wait for pages to become idle, or for a lock that such a waiter holds? Then a worker first drops its own pins: a
/// process that waits for its own pin hangs in Linux too.
bool breaks_layouts(op kind);

/// The files that an operation works on, as bits; an operation on an mm works on all that the mm maps.
std::uint64_t files_touched(const operation& what, const world_config& world);

/// Canonical text of an operation; names come from the world, thread names from `threads`.
std::string operation_text(const operation& what, const world_config& world,
                           std::span<const std::string> threads);

} // namespace daxtorture::stress
