/// One found failure, as engines hand it to reports, bundles and the command line. std only.
#pragma once

#include "words/snapshot.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture {

/// What kind of thing went wrong. Kinds are told apart everywhere: in text, JSON and exit messages.
enum class failure_kind : std::uint8_t { none, invariant, data_race, deadlock, livelock, leak, tool };

constexpr const char* name(failure_kind k) {
    switch (k) {
    case failure_kind::none:
        return "none";
    case failure_kind::invariant:
        return "invariant violated";
    case failure_kind::data_race:
        return "data race";
    case failure_kind::deadlock:
        return "hang";
    case failure_kind::livelock:
        return "livelock";
    case failure_kind::leak:
        return "leaked reference";
    case failure_kind::tool:
        return "tool failure";
    }
    return "?";
}

/// One event of an execution: an access, a lock operation, a note or a scheduling fact, in the order they happened.
struct event {
    unsigned thread = 0;  ///< worker index; workers = set-up and final checks
    int operation = -1;   ///< index of the thread's operation in the program; -1 outside
    std::string function; ///< kernel function name of the model function
    std::string file;     ///< path below the repository root
    unsigned line = 0;
    std::string
        kind; ///< "load", "store", "rmw", "cas", "cas-fail", "fence", "lock", "unlock", "downgrade", "block", "wake", "note", "begin", "end", "violation"
    std::string object;     ///< "folio 0 refcount", "pte m0[0]", "xa_lock A"
    std::string before;     ///< value before (stores, RMWs) or value read (loads)
    std::string after;      ///< value after (stores, RMWs)
    bool stale = false;     ///< a load that did not read the newest value
    bool preempted = false; ///< the thread could have gone on, but another was scheduled after this event
    bool no_return = false; ///< from here on (nearly) every way to go on fails
    std::uint64_t decisions = 0; ///< decisions of the checker before it; not kept
    std::uint64_t time = 0;      ///< nanoseconds since the run began; real threads only
};

struct failure {
    failure_kind kind = failure_kind::none;
    daxtorture::invariant invariant = daxtorture::invariant::none;
    std::string
        cause; ///< one line that two runs of the same bug share; used with the invariant to say "the same failure"
    std::string detail;                  ///< values of this run
    std::vector<std::uint32_t> schedule; ///< decisions of the checker, one number each; empty for stress
    std::vector<event> events;
    snapshot state;
};

/// Two runs met the same bug: kind, invariant and cause agree; values, stacks and schedules may not.
inline bool same_failure(const failure& a, const failure& b) {
    return a.kind == b.kind && a.invariant == b.invariant && a.cause == b.cause;
}

} // namespace daxtorture
