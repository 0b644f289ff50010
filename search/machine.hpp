/// What the search asks of a machine: to run one execution of a program from a new state, and to say how it ended.
///
/// Turns       The machine asks `turns` for every decision that an execution leaves open: which thread makes the next step (`next`), which
///             of several outcomes an access has (`pick`). Before the first of them it calls `start`, and at every scheduling point `reach`,
///             which may say that the execution has no end.
/// Order       One prefix of decisions always leads to the same next question. The search throws when it does not, and runs one
///             execution in a thousand twice.
/// Footprints  While `turns::noting` the machine fills `turns::this_step` with what the running step reads and writes, by numbers that mean
///             the same object in every execution, before it asks for the next turn.
/// State hash  While `turns::late` the machine passes a digest of all shared values to `turns::watch`.
/// Abandoning  `next` may answer turn::stop. The machine then leaves the execution as it stands, without final checks, and is ready for another.
#pragma once

#include "turns.hpp"
#include "words/failure.hpp"
#include "words/operation.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace daxtorture {

enum class memory_class : std::uint8_t { sc, tso, weak };

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

/// An operation of the set-up that sleeps: nobody else is there to wake it.
struct blocked_setup {
    unsigned operation = 0;
    std::string waits_for;
};

/// How often each operation had each outcome, over all executions that count: by thread, the last of which is the set-up, by operation,
/// by outcome.
using outcome_counts = std::array<std::uint64_t, outcome_names.size()>;
using operation_counts = std::vector<std::vector<outcome_counts>>;

struct machine_options {
    memory_class memory = memory_class::weak;
    const weak_order* weaken = nullptr; ///< the model with one memory order weaker than written
    bool collect_orders = false;        ///< list the memory orders that are met
    bool record = false;                ///< structured events
};

enum class ending : std::uint8_t {
    completed,
    abandoned, ///< turns said so
    failed,
    endless, ///< turns::reach said so; `failure` has the state in which it stood
};

/// One execution: what the search wants to know of it, and what the machine tells.
struct execution {
    bool wants_outcome = false;
    bool counts = false; ///< it is not a probe, and not one that is run for the second time

    std::optional<blocked_setup> blocked; ///< failed, before the first step of a thread
    failure found;                        ///< failed, endless: without its schedule
    std::uint64_t outcome = 0; ///< number of what all threads did and left behind; 0: not told apart
    std::vector<event> events; ///< when recorded
};

class machine {
  public:
    virtual ~machine() = default;
    virtual unsigned threads() const = 0;
    /// Holds for the executions that follow.
    virtual void configure(const machine_options& options) = 0;
    virtual ending run(turns& decides, execution& told) = 0;
    /// Every one met since `configure` asked for them.
    virtual std::vector<met_order> orders_met() const { return {}; }
    /// What the operations of all executions did that came to their end and count.
    virtual operation_counts counts() const { return {}; }
};

} // namespace daxtorture
