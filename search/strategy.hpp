/// A strategy decides whatever an execution leaves open: which thread runs next, how old a value a load returns, whether a
/// rare outcome happens. std only.
///
/// Every decision among two or more options is asked of the strategy and logged as one number, so that any execution of any
/// strategy can be replayed; a number carries what was decided between, so that a replay notices where it diverges.
#pragma once

#include "footprint.hpp"
#include "limits.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace daxtorture {

enum class choice_kind : std::uint8_t { thread, load, rare };

/// The first access of a step to come.
struct access {
    const void* object =
        nullptr; ///< by an address that means the same in every execution; null: none, or not known
    bool written = false;

    bool conflicts(const access& other) const {
        return object != nullptr && object == other.object && (written || other.written);
    }
};

/// A decision among runnable threads.
struct turn {
    static constexpr unsigned nobody = 15;
    static constexpr unsigned stop = 14; ///< an answer: the execution is to be abandoned

    unsigned allowed = 0;            ///< mask of the threads to choose from, at least two
    unsigned current = nobody;       ///< the thread that just ran, if it could go on
    bool yielding = false;           ///< it asked to be passed over: switching away costs nothing
    unsigned step = 0;               ///< scheduling points that `current` has reached
    const int* operations = nullptr; ///< of each thread: number of the operation it is in, -1: in none
    const access* next = nullptr;    ///< of each thread: how its next step begins

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
    /// Returns a thread of t.allowed, or turn::stop.
    virtual unsigned next_thread(const turn& t) = 0;
    /// Returns 0 .. options - 1.
    virtual unsigned pick(const question& q) = 0;
    /// The execution ended after so many scheduling points.
    virtual void end(std::uint64_t) {}

    /// Wants to know what steps read and wrote: `stepped` is called.
    virtual bool watches() const { return false; }
    /// The step that begins now is to be noted.
    virtual bool notes() const { return false; }
    /// A thread came to the end of its step, noted or not; one of `next` makes the next one, which is asked about only if there are
    /// several. 0: all threads are at their end. False: the execution is to be abandoned, for what follows repeats an earlier one.
    virtual bool stepped(unsigned /*thread*/, const footprint& /*did*/, unsigned /*next*/) { return true; }
    /// Estimate of the share of its tree that was explored; 0 without a tree.
    virtual double explored() const { return 0; }
};

} // namespace daxtorture
