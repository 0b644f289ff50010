/// What a mix may draw in a world: every operation with every choice of operands, less what is known to fail.
///
/// Holding     a worker of a mix holds pins and references over many operations. Before one that may wait for others to let go, it lets go itself
/// Left out    what does nothing in this world, and what a protocol is known to do wrong (docs/findings): it would end every run
#pragma once

#include "base/seed.hpp"
#include "stress/mix.hpp"
#include "words/config.hpp"
#include "words/operation.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace daxtorture::stress {

/// An operation with its text in the language of scenarios ("truncate A 1").
struct named_operation {
    operation what;
    std::string text;
    std::uint64_t touches = 0; ///< files that it works on, by number, also through an mm
};

/// An operation with its text and what it touches; thread names from `threads`.
named_operation name_operation(const operation& what, const world_config& world,
                               std::span<const std::string> threads);

/// Every operation that a mix may draw in a world, by kind. Built once; drawing allocates nothing.
class repertoire {
  public:
    repertoire(const mix& load, const world_config& world);
    const named_operation& draw(generator& random) const;
    /// Among all operations of this kind; it must be one that the world has objects for.
    const named_operation& draw(op kind, generator& random) const;
    /// All that may be drawn of a kind.
    std::span<const named_operation> of(op kind) const { return by_kind_[static_cast<std::size_t>(kind)]; }

  private:
    std::array<std::vector<named_operation>, operation_kinds> by_kind_;
    std::array<std::uint32_t, operation_kinds> weights_{};
    std::uint32_t total_ = 0;
};

} // namespace daxtorture::stress
