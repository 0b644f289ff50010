/// Runs a concurrent body under a strategy, again and again, on the simulated machine. std only: Relacy stays behind it.
///
/// One exploration at a time, from one native thread. An exploration ends at its first failure; the objects of the failed
/// execution are lost (their fibres never return), so a process should explore little after failures.
#pragma once

#include "coverage.hpp"
#include "strategy.hpp"
#include "words/failure.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace daxtorture {

enum class memory_class : std::uint8_t { sc, tso, weak };

/// What is explored. set_up, thread and finish run on fibres with 64 KiB of stack; nothing may throw out of them.
class body {
  public:
    virtual ~body() = default;
    virtual unsigned threads() const = 0; ///< 1 .. 8
    virtual void set_up() = 0;            ///< before the threads: build the objects
    virtual void thread(unsigned number) = 0;
    virtual void finish() = 0; ///< after the threads: final checks, then destroy what set_up built
    /// State at a failure, while everything still stands.
    virtual snapshot take_snapshot() { return {}; }
    /// Name of the object at an address, "" when unknown.
    virtual std::string describe(const void*) { return {}; }
    /// What a value of the object at an address means; the value itself when it says enough.
    virtual std::string value_text(const void*, const std::string& value) { return value; }
    /// Number of what all threads did and left behind: after the threads, before finish(). 0: not told apart.
    virtual std::uint64_t outcome_hash() { return 0; }
    /// An execution is at its end, after finish(): not a probe, and not one that is run for the second time.
    virtual void count() {}
};

/// A memory order in the model, named by the call that has it.
struct weak_order {
    std::string file; ///< below the repository root
    unsigned line = 0;
    std::string kind;  ///< "load", "store", "rmw", "fence"
    std::string order; ///< the one it gets; a fence is left out
};
struct met_order {
    std::string file;
    std::string function;
    unsigned line = 0;
    std::string kind;
    std::string order; ///< as written
};

struct exploration_options {
    memory_class memory = memory_class::weak;
    std::uint64_t first = 1;            ///< number of the first execution
    std::uint64_t executions = 0;       ///< 0: no limit
    double seconds = 0;                 ///< 0: no limit
    std::uint64_t depth_limit = 10'000; ///< scheduling points
    std::uint64_t recheck_every =
        1000;                  ///< executions between two that run twice and must be the same; 0: never
    coverage* cover = nullptr; ///< filled in when given; slows the search down
    const weak_order* weaken = nullptr; ///< the model with one memory order weaker than written
    bool collect_orders = false;        ///< list the memory orders that are met
    bool record = false;                ///< structured events
    /// About twice a second.
    std::function<void(std::uint64_t executions, double seconds, double explored)> progress;
};

/// An operation of the set-up that sleeps: nobody else is there to wake it.
struct blocked_setup {
    unsigned operation = 0;
    std::string waits_for;
};

struct exploration_result {
    failure found;                ///< kind none: no failure
    std::uint64_t executions = 0; ///< run in this call, the failing one included
    std::uint64_t repetitions =
        0; ///< those of them that the strategy cut short: from some point on they repeated others
    std::uint64_t failed_at = 0; ///< number of the failing execution
    double seconds = 0;
    bool exhausted = false;      ///< the strategy had nothing left
    std::uint64_t overruns = 0;  ///< executions that hit the depth limit and ended under a fair schedule
    std::uint64_t rechecked = 0; ///< executions that were run twice
    bool gave_up = false; ///< ended at an execution without end that no argument shows to be a livelock
    std::optional<blocked_setup> blocked; ///< nothing was run
    std::vector<met_order> orders;        ///< when collected
    std::uint64_t steps = 0;              ///< scheduling points of all executions
    std::vector<event> events;            ///< of the last execution, with or without failure, when recorded
    schedule_log schedule;                ///< of the last execution
};

exploration_result explore(body& what, strategy& how, const exploration_options& options);

} // namespace daxtorture
