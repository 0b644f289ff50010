/// Watches one group: ends its rounds in time, finds its hangs, tears hung rounds down.
///
/// A worker that is not inside an operation waits at the barrier, or will be inside one again in a moment. When every worker that is
/// inside one is asleep, and nothing moved for `grace_sleep`, nobody is left who could wake anybody: a hang. Tasks blocked on locks
/// get `grace_lock`: the owner may have let go while the waiter waits for a processor.
#pragma once

#include "stress/group.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace daxtorture::stress {

using clock = std::chrono::steady_clock;

struct watch_limits {
    clock::duration hang_after = std::chrono::seconds(30);
    clock::duration quiescent_every = std::chrono::milliseconds(250); ///< length of a mix's round
    clock::duration grace_sleep = std::chrono::milliseconds(400);
    clock::duration grace_lock = std::chrono::milliseconds(700);
    clock::duration grace_violated =
        std::chrono::milliseconds(300); ///< for workers to end a round after a violation
    clock::duration grace_deadline = std::chrono::milliseconds(2000); ///< the same after the deadline
    clock::duration grace_holds = std::chrono::milliseconds(2);
};

class watchdog {
  public:
    watchdog(std::shared_ptr<group> watched, watch_limits limits);

    /// Looks once. `stopping_since`: when the run was asked to stop, or clock::time_point::max().
    void look(clock::time_point now, clock::time_point stopping_since);

    bool cut_short() const { return cut_short_; } ///< a round had to be ended after the deadline
    bool gave_up() const { return gave_up_; }     ///< a worker could not be brought back

  private:
    struct seen {
        std::uint64_t steps = 0;
        const named_operation* inside = nullptr;
        clock::time_point since{};
        arch::wait_kind waits = arch::wait_kind::none; ///< what it is in, inside that operation
        const void* object = nullptr;
        clock::time_point waits_since{};
    };
    enum class condition : unsigned char { outside, running, asleep, blocked };

    void pace_mix(clock::time_point now, bool stopping);
    bool quiet(clock::time_point now, clock::duration limit) const;
    bool sleeps_for_nothing();
    void notice_moves(clock::time_point now);
    condition condition_of(unsigned i);
    bool deadlocked(clock::time_point now);
    bool stuck(clock::time_point now, clock::duration limit) const;
    void report_hang(bool endless);
    snapshot describe_running();
    void doom(clock::time_point now);
    void tear_down(clock::time_point now);

    const std::shared_ptr<group> group_;
    const watch_limits limits_;
    std::vector<seen> last_;
    std::vector<condition> conditions_;
    std::uint64_t round_ = 0;
    clock::time_point round_began_{};
    clock::time_point doomed_since_{};
    bool relieved_ = false;     ///< in this round, when everybody was quiet
    bool lost_wake_up_ = false; ///< seen at the last look, in a mix: nobody is helped until it is clear
    bool cut_short_ = false;
    bool gave_up_ = false;
};

} // namespace daxtorture::stress
