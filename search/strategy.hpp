/// A strategy decides whatever an execution leaves open: which thread runs next, how old a value a load returns, whether a
/// rare outcome happens. std only.
///
/// Every decision among two or more options is asked of the strategy and logged as one number, so that any execution of any
/// strategy can be replayed; a number carries what was decided between, so that a replay notices where it diverges.
#pragma once

#include "footprint.hpp"

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace daxtorture {

enum class choice_kind : std::uint8_t { thread, load, rare };

/// A decision among runnable threads.
struct turn {
    static constexpr unsigned nobody = 15;

    unsigned allowed = 0;            ///< mask of the threads to choose from, at least two
    unsigned current = nobody;       ///< the thread that just ran, if it could go on
    bool yielding = false;           ///< it asked to be passed over: switching away costs nothing
    unsigned step = 0;               ///< scheduling points that `current` has reached
    const int* operations = nullptr; ///< of each thread: number of the operation it is in, -1: in none

    /// The thread that just ran is to go on unless something speaks against it.
    bool can_go_on() const { return current != nobody && !yielding && (allowed >> current & 1) != 0; }
    /// It goes on; where it cannot, the first one comes.
    unsigned usual() const {
        return can_go_on() ? current : static_cast<unsigned>(std::countr_zero(allowed));
    }
};

/// A decision among outcomes of one access: 0 is the newest value or the usual outcome.
struct question {
    choice_kind kind = choice_kind::load;
    unsigned options = 2;
    unsigned thread = 0;
    unsigned step = 0; ///< scheduling points that the thread has reached
};

/// One logged decision in 32 bits:  value 0..7 | options 8..15 | current thread 16..19 | yielding 20 | kind 28..31.
/// Options are a mask for threads, a count otherwise.
class decision {
  public:
    constexpr explicit decision(std::uint32_t bits) : bits_(bits) {}
    static constexpr decision thread(const turn& t, unsigned chosen) {
        return decision(chosen | t.allowed << 8 | t.current << 16 | (t.yielding ? 1u << 20 : 0u));
    }
    static constexpr decision value(const question& q, unsigned chosen) {
        return decision(chosen | q.options << 8 | turn::nobody << 16 | static_cast<unsigned>(q.kind) << 28);
    }

    constexpr std::uint32_t bits() const { return bits_; }
    constexpr unsigned value() const { return bits_ & 0xff; }
    constexpr unsigned options() const { return bits_ >> 8 & 0xff; }
    constexpr choice_kind kind() const { return static_cast<choice_kind>(bits_ >> 28); }
    /// The thread could have gone on and was not asked to stop, but another was chosen.
    constexpr bool preempts() const {
        const unsigned current = bits_ >> 16 & 0xf;
        return kind() == choice_kind::thread && current != turn::nobody && (bits_ >> 20 & 1) == 0 &&
               (options() >> current & 1) != 0 && value() != current;
    }
    /// Not the newest value, or the rare outcome.
    constexpr bool unusual() const { return kind() != choice_kind::thread && value() != 0; }
    /// The same question was asked, whatever the answer.
    constexpr bool same_question(decision other) const { return (bits_ & ~0xffu) == (other.bits_ & ~0xffu); }

  private:
    std::uint32_t bits_;
};

using schedule_log = std::vector<std::uint32_t>;

unsigned count_preemptions(const schedule_log& schedule);
unsigned count_unusual(const schedule_log& schedule);

class strategy {
  public:
    virtual ~strategy() = default;

    /// An execution that only measures comes first when this returns true.
    virtual bool wants_probe() const { return false; }
    /// Prepares one execution; false: nothing is left to explore. Everything random depends on the number alone.
    virtual bool begin(std::uint64_t iteration, unsigned threads) = 0;
    /// Returns a thread of t.allowed.
    virtual unsigned next_thread(const turn& t) = 0;
    /// Returns 0 .. options - 1.
    virtual unsigned pick(const question& q) = 0;
    /// The execution ended after so many scheduling points.
    virtual void end(std::uint64_t) {}

    /// Wants to know what steps read and wrote: `stepped` is called.
    virtual bool watches() const { return false; }
    /// The step that begins now is to be noted.
    virtual bool notes() const { return false; }
    /// A thread came to the end of its step, noted or not; one of `next` makes the next one, which is asked about only if there are several. 0: all threads are at their end.
    virtual void stepped(unsigned /*thread*/, const footprint& /*did*/, unsigned /*next*/) {}
    /// From some point on the execution only did, in another order, what an earlier one did.
    virtual bool repeats() const { return false; }
    /// Estimate of the share of its tree that was explored; 0 without a tree.
    virtual double explored() const { return 0; }
};

/// Every allowed thread and every outcome with equal probability.
std::unique_ptr<strategy> make_uniform(std::uint64_t seed);

/// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): threads have random priorities, the highest runs, at up to
/// depth - 1 random points the running thread becomes the lowest. The length of an execution is measured by a probe.
std::unique_ptr<strategy> make_pct(std::uint64_t seed, unsigned depth);

/// Depth-first through all executions with at most `preemptions` forced context switches and at most `unusual` stale loads
/// and rare outcomes; unlimited = all of them.
inline constexpr unsigned unlimited = ~0u;
/// A share of the tree of executions: subtrees number index, index + count, ... Together the `count` parts are the tree; each part
/// also runs one execution of every subtree that is not its own.
struct tree_part {
    unsigned index = 0;
    unsigned count = 1;
};
std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part = {});

/// Depth-first through all executions but those that differ from others only in the order of steps that commute (docs/search.md).
std::unique_ptr<strategy> make_reduced(tree_part part = {});

/// Operation `operation` of `thread` is to run between two steps of operation `outer` of `outer_thread`.
struct aim_target {
    unsigned outer_thread = 0;
    unsigned outer = 0;
    unsigned thread = 0;
    unsigned operation = 0;
};
/// Leads each execution to one of the targets, in turn, with random numbers of steps inside the operations; then random turns.
std::unique_ptr<strategy> make_aim(std::uint64_t seed, std::vector<aim_target> targets);

/// The decisions of a schedule; beyond its end the thread goes on and loads are fresh. Stops following at the first
/// question that the schedule did not answer.
class replay_strategy : public strategy {
  public:
    explicit replay_strategy(schedule_log schedule) : schedule_(std::move(schedule)) {}
    bool begin(std::uint64_t iteration, unsigned threads) override;
    unsigned next_thread(const turn& t) override;
    unsigned pick(const question& q) override;

    bool diverged() const { return diverged_; }
    std::size_t step() const { return at_; } ///< decisions followed
    bool followed_all() const { return !diverged_ && at_ == schedule_.size(); }

  private:
    bool follow(decision asked, unsigned& answer);

    schedule_log schedule_;
    std::size_t at_ = 0;
    bool begun_ = false;
    bool diverged_ = false;
};

} // namespace daxtorture
