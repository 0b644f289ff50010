/// Real threads over the model: scenarios in a loop, or a weighted random mix, until a deadline.
///
/// A run is a sequence of rounds. In a round of a scenario every thread performs its operations once, all released together, in a
/// fresh world; a round of a mix is up to 250 ms of random operations in a world that stays. After a round
/// nobody is inside an operation, and the invariants of quiescent points are checked. Violations that the model meets end the round.
///
/// The calling thread is the watchdog. A worker hangs
///   - when every worker of its world is asleep or done, for a short grace: nobody is left who could wake it, or
///   - when it is inside one operation for longer than `hang_after`.
/// Then the world's state is kept in the failure, and the round is torn down (arch::abort_task).
///
/// Everything random is drawn from the seed and numbers: operations of a mix from (seed, worker, step), delays from (seed,
/// worker, round); real threads still interleave as they like.
#pragma once

#include "run/tally.hpp"
#include "scenario/program.hpp"
#include "words/failure.hpp"
#include "words/operation.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace daxtorture {

struct operation_count {
    std::uint64_t total = 0;
    std::uint64_t done = 0; ///< of these, with outcome::done
};
using operation_counts = std::array<operation_count, static_cast<std::size_t>(op::count_)>;

/// What has been counted since the run began.
struct stress_counts {
    double seconds = 0;
    unsigned workers = 0;
    std::uint64_t operations = 0;
    std::uint64_t rounds = 0;
    std::uint64_t quiescent_checks = 0;
    std::uint64_t failures_seen = 0; ///< with repetitions
    operation_counts per_operation{};
    observations seen;
};

struct stress_progress : stress_counts {
    double seconds_total = 0;
};

struct stress_options {
    std::optional<program> scenario; ///< its world's rules are those that run; empty: the mix
    std::string mix = "default";
    protocol rules; ///< of a mix's world
    target machine; ///< of a mix's world
    unsigned workers =
        0; ///< 0: as many as processors, at least 2. A scenario takes whole groups of its threads, at least one
    double seconds = 10;
    std::uint64_t rounds_max = 0; ///< per group of workers; 0: no limit
    std::uint64_t seed = 0;
    double hang_after = 30; ///< seconds inside one operation
    bool preempt = true;    ///< seeded delays at preemption points
    bool record = true;     ///< flight recorders
    bool ledger = true;     ///< who holds each page is counted: see ledger_checks (words/invariant.hpp)
    bool pin = true;        ///< each worker on a processor of its own, as far as they go
    std::vector<unsigned> processors; ///< those, in turn; empty: all that the process may use
    bool stop_on_failure = true; ///< false: go on in a fresh world, at most failures_max failures are kept
    std::size_t failures_max = 100;
    const std::atomic<bool>* cancel = nullptr; ///< set it, from a signal handler too, to end the run early
    double progress_every = 1;                 ///< seconds
    std::function<void(const stress_progress&)> on_progress; ///< called by the thread that called run_stress
    std::function<void(const failure&)>
        on_failure; ///< each that is kept, as soon as its round is over; same thread
};

struct stress_result : stress_counts {
    verdict_kind verdict = verdict_kind::
        inconclusive; ///< inconclusive: cancelled, no round ended, or the last had to be cut short
    std::string note; ///< why it is inconclusive, beside being cancelled; empty otherwise
    std::vector<failure> failures; ///< distinct ones, in the order they were found
    std::uint64_t seed = 0;
    bool cancelled = false;
    /// A worker could not be brought back from an endless loop. Its thread still runs: leave the process with std::_Exit.
    bool abandoned_workers = false;
};

/// Throws std::invalid_argument for an unknown mix and for a scenario without threads. One run at a time per process.
stress_result run_stress(const stress_options& options);

} // namespace daxtorture
