/// Relacy's machine, for whatever wants to run on it: a body, which set_up, thread and finish make. Relacy stays behind this.
///
/// One machine at a time, from one native thread: Relacy keeps one context per process, and the wrappers of arch/relacy share one state
/// with it (arch/detail/state.hpp).
#pragma once

#include "search/explore.hpp"
#include "search/machine.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace daxtorture {

struct program;

/// What is run. set_up, thread and finish run on fibres with 64 KiB of stack; nothing may throw out of them.
class body {
  public:
    virtual ~body() = default;
    virtual unsigned threads() const = 0; ///< 1 .. max_threads
    /// Before the threads: build the objects. What it allocates lies in the execution's region: it must not outlive the execution.
    virtual void set_up() = 0;
    virtual void thread(unsigned number) = 0;
    virtual void finish() = 0; ///< after the threads: final checks, then destroy what set_up built
    /// Instead of finish(): the execution did not come to its end, and fibres stand in the middle of the objects. They are forgotten, and
    /// their memory goes back without them.
    virtual void abandon() = 0;
    /// State at a failure, while everything still stands.
    virtual snapshot take_snapshot() { return {}; }
    /// Name of the object at an address, "" when unknown.
    virtual std::string describe(const void*) { return {}; }
    /// What a value of the object at an address means; the value itself when it says enough.
    virtual std::string value_text(const void*, const std::string& value) { return value; }
    /// Number of what all threads did and left behind: after the threads, before finish(). 0: not told apart.
    virtual std::uint64_t outcome_hash() { return 0; }
    /// The execution is at its end and is one that counts: see machine::counts().
    virtual void count() {}
    virtual operation_counts counts() const { return {}; }
};

std::unique_ptr<machine> make_machine(body& runs);
/// Runs a scenario: the world, its set-up, one list of operations per thread, the final checks.
std::unique_ptr<machine> make_machine(const program& scenario);

inline exploration_result explore(body& runs, strategy& decides, const exploration_options& options) {
    return explore(*make_machine(runs), decides, options);
}

} // namespace daxtorture
