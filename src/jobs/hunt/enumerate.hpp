/// All programs of two threads with one or two operations each, over a few basic worlds and set-ups: smallest first, each once.
///
/// An operation that takes a pin, a reference or a lease counts as one with the operation that lets go.
#pragma once

#include "scenario/program.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace daxtorture::jobs::hunt {

class small_programs {
  public:
    /// How many operations the two threads have.
    static constexpr std::array<std::array<unsigned, 2>, 3> sizes{{{1, 1}, {2, 1}, {2, 2}}};

    explicit small_programs(const program& header);

    std::uint64_t total(std::size_t size) const; ///< programs of sizes[size]
    std::uint64_t next_number() const { return next_; }
    void go_to(std::uint64_t number) { next_ = number; }
    /// How many of that size came already.
    std::uint64_t done(std::size_t size) const;
    /// The next one, canonical; nothing when all were there.
    std::optional<program> next();

  private:
    using action = std::vector<operation>;
    struct stage {
        program base; ///< world and set-up
        std::vector<action> actions;
    };

    std::uint64_t total(const stage& of, std::size_t size) const;
    std::vector<operation> thread_of(const stage& of, unsigned operations, std::uint64_t number) const;
    program made(const stage& of, std::size_t size, std::uint64_t number) const;

    std::vector<stage> stages_;
    std::uint64_t next_ = 0;
};

} // namespace daxtorture::jobs::hunt
