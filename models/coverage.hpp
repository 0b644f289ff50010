/// What a search has covered: the different outcomes, and which operations ran between two steps of which others. std only.
///
/// A step is what a thread does between two scheduling points. Operation b ran inside operation a of another thread when a step of b
/// came after one step of a and before another. A pair counts once, however often it is met; and so does, finer, which step of b came between which
/// two steps of a.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

namespace daxtorture {

class coverage {
  public:
    static constexpr unsigned max_threads = 8;
    static constexpr unsigned max_operations = 32; ///< of one thread; later ones count as the last
    static constexpr unsigned max_steps = 64;      ///< of one operation; later ones count as the last
    static constexpr std::size_t max_outcomes = 1'000'000;

    /// Which steps of one operation came between which two of another: row k has a bit for each step that came after the other's step k and before
    /// its next one.
    using step_grid = std::array<std::uint64_t, max_steps>;

    /// Before an execution.
    void begin() {
        for (here& one : now_)
            one.leave();
    }
    /// Thread `t` makes a step in its operation number `operation`, -1: in none.
    void step(unsigned t, int operation) {
        here& me = now_[t];
        if (operation < 0) {
            me.leave();
            return;
        }
        const unsigned bounded = std::min(static_cast<unsigned>(operation), max_operations - 1);
        if (!me.inside || me.operation != bounded) {
            me.leave();
            me.inside = true;
            me.operation = bounded;
        } else {
            for (const foreign_step& one : me.between)
                grid(t, bounded, one.thread, one.operation)[me.step] |= std::uint64_t{1} << one.step;
            me.between.clear();
            me.step = std::min(me.step + 1, max_steps - 1);
        }
        unsigned& longest = steps_[t][bounded];
        longest = std::max(longest, me.step + 1);
        for (unsigned u = 0; u < max_threads; ++u)
            if (u != t && now_[u].inside)
                now_[u].between.push_back({t, bounded, me.step});
    }
    /// After an execution. Beyond max_outcomes no more outcomes are remembered.
    void end(std::uint64_t outcome) {
        ++executions_;
        if (outcomes_.size() < max_outcomes && outcomes_.insert(outcome).second)
            last_new_ = executions_;
    }

    /// Null: never inside.
    const step_grid* ran_inside(unsigned outer_thread, unsigned outer, unsigned thread,
                                unsigned operation) const {
        return grids_[place(outer_thread, outer, thread, operation)].get();
    }
    /// The most steps that the operation took.
    unsigned steps(unsigned thread, unsigned operation) const {
        return steps_[thread][std::min(operation, max_operations - 1)];
    }
    const std::unordered_set<std::uint64_t>& outcomes() const { return outcomes_; }
    /// Number of the execution that had the last new outcome.
    std::uint64_t last_new() const { return last_new_; }

  private:
    struct foreign_step {
        unsigned thread;
        unsigned operation;
        unsigned step;
    };
    struct here {
        bool inside = false;
        unsigned operation = 0;
        unsigned step = 0;
        std::vector<foreign_step> between; ///< since this thread's last step

        void leave() {
            inside = false;
            step = 0;
            between.clear();
        }
    };

    static std::size_t place(unsigned outer_thread, unsigned outer, unsigned thread, unsigned operation) {
        return ((static_cast<std::size_t>(outer_thread) * max_operations +
                 std::min(outer, max_operations - 1)) *
                    max_threads +
                thread) *
                   max_operations +
               std::min(operation, max_operations - 1);
    }
    step_grid& grid(unsigned outer_thread, unsigned outer, unsigned thread, unsigned operation) {
        std::unique_ptr<step_grid>& one = grids_[place(outer_thread, outer, thread, operation)];
        if (one == nullptr)
            one = std::make_unique<step_grid>();
        return *one;
    }

    std::array<here, max_threads> now_;
    std::array<std::array<unsigned, max_operations>, max_threads> steps_{};
    std::vector<std::unique_ptr<step_grid>> grids_{static_cast<std::size_t>(max_threads) * max_operations *
                                                   max_threads * max_operations};
    std::unordered_set<std::uint64_t> outcomes_;
    std::uint64_t executions_ = 0;
    std::uint64_t last_new_ = 0;
};

} // namespace daxtorture
