/// What a search has covered: the different outcomes, and which operations ran between two steps of which others. std only.
///
/// A step is what a thread does between two scheduling points. Operation b ran inside operation a of another thread when a step of b
/// came after one step of a and before another. A pair counts once, however often it is met.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_set>
#include <vector>

namespace daxtorture {

class coverage {
  public:
    static constexpr unsigned max_threads = 8;
    static constexpr unsigned max_operations = 32; ///< of one thread; later ones count as the last
    static constexpr std::size_t max_outcomes = 1'000'000;

    /// Before an execution.
    void begin() { now_.fill({}); }
    /// Thread `t` makes a step in its operation number `operation`, -1: in none.
    void step(unsigned t, int operation) {
        here& me = now_[t];
        if (operation < 0) {
            me = {};
            return;
        }
        const unsigned bounded = std::min(static_cast<unsigned>(operation), max_operations - 1);
        if (!me.inside || me.operation != bounded)
            me = {true, bounded, {}};
        else
            for (unsigned u = 0; u < max_threads; ++u) {
                seen_[t][me.operation][u] |= me.between[u];
                me.between[u] = 0;
            }
        for (unsigned u = 0; u < max_threads; ++u)
            if (u != t && now_[u].inside)
                now_[u].between[t] |= 1u << bounded;
    }
    /// After an execution; false when nothing more is remembered.
    void end(std::uint64_t outcome) {
        ++executions_;
        if (outcomes_.size() < max_outcomes && outcomes_.insert(outcome).second)
            last_new_ = executions_;
    }

    bool ran_inside(unsigned outer_thread, unsigned outer, unsigned thread, unsigned operation) const {
        return (seen_[outer_thread][std::min(outer, max_operations - 1)][thread] >>
                    std::min(operation, max_operations - 1) &
                1) != 0;
    }
    const std::unordered_set<std::uint64_t>& outcomes() const { return outcomes_; }
    /// Number of the execution that had the last new outcome.
    std::uint64_t last_new() const { return last_new_; }

  private:
    struct here {
        bool inside = false;
        unsigned operation = 0;
        std::array<std::uint32_t, max_threads>
            between{}; ///< operations of others since this thread's last step
    };
    std::array<here, max_threads> now_{};
    std::array<std::array<std::array<std::uint32_t, max_threads>, max_operations>, max_threads> seen_{};
    std::unordered_set<std::uint64_t> outcomes_;
    std::uint64_t executions_ = 0;
    std::uint64_t last_new_ = 0;
};

} // namespace daxtorture
