/// A schedule as a plan that bends: which thread runs until which of its own steps, and which of its loads are stale.
///
/// A schedule proper breaks when one decision is taken out of it, because all later questions change. A plan speaks of each
/// thread's own steps: with one stretch removed the others still say what they said. A stretch whose thread cannot run is
/// skipped; when the plan is used up, threads run on in the order of their numbers.
#pragma once

#include "strategy.hpp"

namespace daxtorture {

struct plan {
    static constexpr unsigned no_end = ~0u;

    struct stretch {
        unsigned thread;
        unsigned
            until; ///< another thread takes over before this step of the thread; no_end: it blocked or ended
    };
    struct exception {
        unsigned thread;
        unsigned step;
        unsigned times; ///< how often at this step the answer is not 0: how stale the value is
    };
    std::vector<stretch> stretches;
    std::vector<exception> exceptions;
};

/// Context switches of an execution, forced or not. A strategy is told of whole steps only: not of the one that fails.
struct switch_counter {
    unsigned last = turn::nobody;
    unsigned count = 0;

    void stepped(unsigned thread) {
        count += last != turn::nobody && thread != last;
        last = thread;
    }
};

/// Replays a schedule and writes down its plan.
class plan_writer : public replay_strategy {
  public:
    using replay_strategy::replay_strategy;
    unsigned next_thread(const turn& t) override;
    unsigned pick(const question& q) override;
    const plan& written() const { return plan_; }
    bool watches() const override { return true; }
    void stepped(unsigned thread, const footprint&, unsigned) override { switches_.stepped(thread); }
    unsigned switches() const { return switches_.count; }

  private:
    plan plan_;
    switch_counter switches_;
};

/// Follows a plan, once.
class plan_strategy : public strategy {
  public:
    explicit plan_strategy(plan what) : plan_(std::move(what)) {}
    bool begin(std::uint64_t iteration, unsigned threads) override;
    unsigned next_thread(const turn& t) override;
    unsigned pick(const question& q) override;
    bool watches() const override { return true; }
    void stepped(unsigned thread, const footprint&, unsigned) override { switches_.stepped(thread); }
    unsigned switches() const { return switches_.count; }

  private:
    switch_counter switches_;
    plan plan_;
    std::size_t at_ = 0; ///< stretches before this one are over or under way
    unsigned until_ = plan::no_end;
    unsigned running_ = turn::nobody;
    bool begun_ = false;
};

} // namespace daxtorture
