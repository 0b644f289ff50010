/// Whose turn it is: the runnable threads of one execution, fairness among spinning ones, the log of decisions. std only.
///
/// The search begins an execution, the machine starts it, asks for turns and answers, and says what became runnable (machine.hpp).
/// Fairness   A thread that yields is passed over for this decision, and from its second yield on it comes after every thread
///            that was runnable but has not run since its previous yield (Musuvathi and Qadeer, fair stateless model
///            checking, PLDI 2008). No thread can spin for ever while another could free it, so an execution that does not end is
///            a livelock, and the tree of a spinning program is finite.
/// Limit      An execution longer than `limit` scheduling points stops asking the strategy and goes on with fair random turns and
///            fresh loads. If it then ends, only the strategy's schedule was unfair (`overran`); if it does not end within
///            `grace` times the limit, livelock_watch is asked for the argument that no fair schedule ends it.
#pragma once

#include "coverage.hpp"
#include "livelock.hpp"
#include "random.hpp"
#include "strategy.hpp"

#include <bit>
#include <string>

namespace daxtorture {

class turns {
  public:
    static constexpr unsigned grace = 20;

    // What the search calls.

    void set_limit(std::uint64_t limit) { limit_ = limit; }
    /// From now on steps are recorded there; null: nowhere.
    void set_coverage(coverage* cover) { cover_ = cover; }
    void begin(strategy& decides, unsigned threads, bool newest_only);

    std::uint64_t steps() const { return steps_; }
    bool overran() const { return overran_; }
    const livelock_watch& watched_end() const { return watch_; }
    bool never_ends() const { return watch_.proves(runnable_); }
    const std::string& error() const { return error_; } ///< what the strategy threw, empty: nothing

    // What the machine calls.

    /// The machine keeps, for each thread, how many scheduling points it has reached, which operation it is in, -1: in none, and how its
    /// next step begins.
    void start(const std::uint32_t* thread_steps, const int* operations, const access* next) {
        thread_steps_ = thread_steps;
        operations_ = operations;
        next_ = next;
    }

    /// The thread that runs after `current` reached a scheduling point, blocked or ended; turn::stop: none. At least one must be runnable.
    unsigned next(unsigned current, bool yielding) {
        unsigned allowed = runnable_;
        if (yielding)
            allowed = yield(current, allowed);
        if (behind_ != 0)
            allowed = without_those_behind(allowed);
        if (watched_ && !end_step(allowed, yielding))
            return turn::stop;
        const unsigned chosen = (allowed & (allowed - 1)) == 0
                                    ? static_cast<unsigned>(std::countr_zero(allowed))
                                    : decide(allowed, current, yielding);
        if (chosen == turn::stop)
            return turn::stop;
        since_yield_ |= every * (1u << chosen);
        running_ = chosen;
        behind_ &= ~(every * (1u << chosen));
        return chosen;
    }

    /// The last thread came to its end.
    void end() {
        if (watched_)
            static_cast<void>(end_step(0, false));
    }

    /// What the step that `next` will end has done; the machine fills it in when `watched`.
    footprint& this_step() { return step_; }
    bool watched() const { return watched_; }
    /// The step that begins now is to be noted.
    bool noting() const { return watched_ && strategy_->notes(); }

    /// A thread is at a scheduling point. False: the execution is too long, and ends here.
    bool reach() {
        if (++steps_ > limit_) {
            overran_ = true;
            return steps_ <= limit_ * grace;
        }
        return true;
    }
    /// The last half of what an execution beyond its limit may take.
    bool late() const { return steps_ > limit_ * (grace / 2); }
    void watch(std::uint64_t state, unsigned thread) { watch_.see(state, thread); }

    /// The thread goes on from a scheduling point.
    void go_on(unsigned thread) {
        if (cover_ != nullptr)
            cover_->step(thread, operations_[thread]);
    }

    unsigned pick(choice_kind kind, unsigned options, unsigned thread) {
        if (overran_ || (newest_only_ && kind == choice_kind::load))
            return 0;
        return decide(question{kind, options, thread, thread_steps_[thread]});
    }

    /// True once per thread: nothing lies between its start and its first access, whose turn was already decided.
    bool first_step(unsigned thread) {
        const bool first = ((started_ | finished_) >> thread & 1) == 0;
        started_ |= 1u << thread;
        return first;
    }

    void block(unsigned threads) { runnable_ &= ~threads; }
    void unblock(unsigned threads) { runnable_ |= threads & ~finished_; }
    void finish(unsigned thread) {
        finished_ |= 1u << thread;
        runnable_ &= ~finished_;
    }

    unsigned runnable() const { return runnable_; }
    unsigned finished() const { return finished_; }
    /// Decisions so far.
    const schedule_log& log() const { return log_; }

  private:
    static constexpr std::uint64_t every =
        0x0101010101010101u; ///< one byte, a mask of threads, for each thread

    unsigned yield(unsigned current, unsigned allowed) {
        const unsigned shift = current * 8;
        const unsigned waiting =
            runnable_ & ~static_cast<unsigned>(since_yield_ >> shift & 0xff) & ~(1u << current);
        behind_ |= static_cast<std::uint64_t>(waiting) << shift;
        since_yield_ &= ~(std::uint64_t{0xff} << shift);
        const unsigned others = allowed & ~(1u << current);
        return others != 0 ? others : allowed;
    }

    unsigned without_those_behind(unsigned allowed) const {
        unsigned left = allowed;
        for (unsigned i = 0; i < threads_; ++i)
            if ((static_cast<unsigned>(behind_ >> (i * 8) & 0xff) & runnable_) != 0)
                left &= ~(1u << i);
        return left != 0 ? left : allowed;
    }

    bool end_step(unsigned allowed, bool yielding);
    unsigned decide(unsigned allowed, unsigned current, bool yielding);
    unsigned decide_fairly(unsigned allowed, bool can_go_on, unsigned current);
    unsigned decide(const question& q);

    strategy* strategy_ = nullptr;
    coverage* cover_ = nullptr;
    const std::uint32_t* thread_steps_ = nullptr;
    const int* operations_ = nullptr;
    const access* next_ = nullptr;
    unsigned threads_ = 0;
    unsigned runnable_ = 0;
    unsigned finished_ = 0;
    unsigned started_ = 0;
    unsigned running_ = turn::nobody; ///< the thread whose step it is
    bool watched_ = false;
    bool restricted_ = false; ///< when this step began, fairness kept some thread back
    footprint step_;
    bool newest_only_ = false;
    bool overran_ = false;
    std::uint64_t steps_ = 0;
    std::uint64_t limit_ = 10'000;
    std::uint64_t since_yield_ = 0; ///< byte t: threads that ran since t's last yield
    std::uint64_t behind_ = 0;      ///< byte t: threads that must run before t does
    bool fair_seeded_ = false;
    unsigned fair_left_ = 0;
    random_source fair_;
    livelock_watch watch_;
    schedule_log log_;
    std::string error_;
};

} // namespace daxtorture
