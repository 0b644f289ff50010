/// What the hunt has met so far, over all programs, and so which programs are worth more.
///
/// Step pairs   step i of one operation ran between steps k and k + 1 of another: by kinds of operations, whatever their programs
/// Promising    a program that brings step pairs never met before. It is searched more, and later programs are like it
#pragma once

#include "jobs/checker.hpp"

#include "base/seed.hpp"
#include "scenario/program.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace daxtorture::jobs::hunt {

class steering {
  public:
    /// Kinds of the outer and the inner operation, and a step of the outer one; bits of the inner one's steps after it.
    using step_rows = std::map<std::array<unsigned, 3>, std::uint64_t>;

    /// Takes in what the first search of a program covered. True when the program is promising.
    bool learn(const program& searched, const checker_answer& covered);

    /// A program to draw another like; null: none yet.
    const program* example(generator& random) const;

    std::uint64_t step_pairs() const { return step_pairs_; }
    std::uint64_t operation_pairs() const; ///< kinds of operations of which one ran inside the other
    static std::uint64_t operation_pairs_possible();
    /// How often each operation, by kind, ended with each outcome.
    const auto& outcomes() const { return outcomes_; }
    std::vector<std::string> never_done() const; ///< names of operations that no execution has seen done

    // For the journal.
    step_rows take_news() { return std::exchange(news_, {}); } ///< rows that changed since the last call
    void restore(const step_rows& rows);
    void restore_outcome(std::size_t kind, std::size_t outcome, std::uint64_t count) {
        outcomes_.at(kind).at(outcome) = count;
    }

  private:
    std::uint64_t add(const std::array<unsigned, 3>& place, std::uint64_t bits);
    void count_outcomes(const program& searched, const outcome_table& counts);

    step_rows rows_;
    step_rows news_;
    std::uint64_t step_pairs_ = 0;
    std::array<std::array<std::uint64_t, outcome_names.size()>, static_cast<std::size_t>(op::count_)>
        outcomes_{};
    std::vector<program> examples_;
    std::size_t oldest_ = 0; ///< of the examples: the next to be replaced
};

} // namespace daxtorture::jobs::hunt
