/// A group of workers that share one world: its threads, its barrier, its rounds.
///
/// States of a worker  at the barrier -> (last one in: between rounds) -> in its operations -> at the barrier
/// The world is replaced only between rounds, by the last worker that arrives, under `world_mutex`; so the watchdog, which holds
/// that mutex, may look at it, and workers, which are inside a round, need no lock.
#pragma once

#include "base/seed.hpp"
#include "scenario/program.hpp"
#include "stress/gate.hpp"
#include "stress/observe.hpp"
#include "stress/repertoire.hpp"
#include "stress/stress.hpp"
#include "world/world.hpp"

#include <arch/check.hpp>
#include <arch/recorder.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace daxtorture::stress {

/// "../src/mm/gup.cpp" -> "src/mm/gup.cpp"
std::string path_below_root(const char* file);

/// What every group of a run does and what ends it. Read-only but for the atomics.
struct plan {
    world_config world;
    std::vector<named_operation> setup;
    std::vector<std::vector<named_operation>> threads; ///< of a scenario; empty: a mix
    std::vector<std::string> names;                    ///< of workers
    std::unique_ptr<const repertoire> mixed;
    std::vector<named_operation> unmaps; ///< of a mix: munmap of every mm
    std::uint64_t seed = 0;
    std::uint64_t rounds_max = 0;
    bool preempt = true;
    bool pin = true;
    std::vector<unsigned> processors;
    bool stop_on_failure = true;
    bool record = true;
    std::size_t failures_max = 100;

    std::atomic<bool> stopping{false}; ///< end after the current round
};

/// Where a worker is. Written by the worker alone, read by the watchdog; on its own cache lines.
struct alignas(128) worker_slot {
    std::atomic<std::uint64_t> steps{0};                 ///< operations ended, in all rounds
    std::atomic<const named_operation*> inside{nullptr}; ///< the operation it is in
    std::atomic<std::uint64_t> total[operation_kinds]{};
    std::atomic<std::uint64_t> done[operation_kinds]{};
    std::atomic<int> index{-1}; ///< of that operation in its program or round
    std::atomic<std::uint64_t> let_go{
        0};            ///< the last round in which it waited at the barrier and dropped what it held
    unsigned pins = 0; ///< what it may hold, from above; the worker's alone
    unsigned gets = 0;
    bool leased = false;
    bool may_hold_something() const { return pins + gets != 0 || leased; }
    void holds_nothing() {
        pins = gets = 0;
        leased = false;
    }
    std::uint64_t drawn = 0; ///< operations of a mix drawn in all rounds; the worker's alone
    worker_observations seen;
    arch::flight_ring flight;
};

class group : public std::enable_shared_from_this<group> {
  public:
    group(std::shared_ptr<plan> what, unsigned number);

    /// The body of a worker's thread.
    void work(unsigned worker);

    unsigned workers() const { return workers_; }
    bool is_mix() const { return plan_->threads.empty(); }

    // For the watchdog. `world_mutex` is held while it calls those below it.
    std::mutex world_mutex;
    world* current_world() { return world_.get(); }
    /// Workers 0 .. workers() - 1, and at workers() whoever works between rounds.
    const worker_slot& slot(unsigned i) const { return slots_[i]; }
    arch::task& task(unsigned i) { return world_->task(i); }
    /// Asks for the end of this round at the workers' next end of an operation.
    void end_round() { round_over_.store(true, std::memory_order_relaxed); }
    bool round_over() const { return round_over_.load(std::memory_order_relaxed); }
    /// Lets workers that wait at the barrier drop what they hold: somebody may be waiting for it. Then relieves.
    void drop_holds();
    /// Unmaps everything, on a thread of its own as the set-up task. A fault may have mapped a page again after a layout break
    /// unmapped it; whoever waits for that page then sleeps until somebody unmaps it, in Linux too. In a mix that somebody
    /// may have stopped for the pause, or wait for the sleeper's locks.
    void relieve();
    bool holds_dropped() const { return drop_holds_.load(); }
    /// Has this worker done so in this round? One that gets no processor takes its time.
    bool has_let_go(unsigned worker) const {
        return slots_[worker].let_go.load(std::memory_order_relaxed) == round();
    }
    /// This round is torn down: its violations do not count any more, its world is not used again.
    void doom() { doomed_.store(true); }
    bool doomed() const { return doomed_.load(); }
    bool violated() const { return violated_.load(); }
    std::uint64_t round() const { return round_.load(std::memory_order_relaxed); }
    void add_failure(failure found);
    /// What the workers' flight recorders hold of this world, merged by time, up to the first violation.
    std::vector<event> recorded() const;

    // For the result.
    std::uint64_t rounds_ended() const { return rounds_ended_.load(std::memory_order_relaxed); }
    std::uint64_t quiescent_checks() const { return checks_.load(std::memory_order_relaxed); }
    std::uint64_t failures_seen() const { return failures_seen_.load(std::memory_order_relaxed); }
    std::vector<failure> failures() const;
    unsigned threads_left() const { return threads_left_.load(); }
    std::string name(unsigned worker) const;

    /// The handler of arch::fail: finds the group of the calling thread.
    static void on_violation(const arch::violation& what);

  private:
    bool next_round(unsigned worker); ///< false when the run is over
    void let_go(unsigned worker, std::uint64_t round);
    void between_rounds();
    void build_world();
    void continue_world();
    void line_up(unsigned worker, std::uint64_t round);
    void run_program(unsigned worker);
    void run_mix(unsigned worker);
    outcome perform(unsigned worker, const named_operation& what, int index);
    event as_event(unsigned worker, const arch::flight_record& what) const;
    void record(const arch::violation& what);
    void note_overlaps(unsigned worker, const named_operation& what);
    void leave(unsigned worker);
    void unmap_all();

    const std::shared_ptr<plan> plan_;
    const unsigned number_;
    const unsigned workers_;
    std::vector<worker_slot> slots_;
    std::unique_ptr<world> world_;
    std::thread
        relief_; ///< started by the watchdog under world_mutex, joined by whoever works between rounds
    bool relief_over_ = true; ///< under world_mutex: between rounds the set-up task is busy

    gate gate_;
    alignas(64) std::atomic<std::uint64_t> lined_up_{0};
    alignas(64) std::atomic<bool> round_over_{false};
    std::atomic<bool> drop_holds_{false};
    std::atomic<bool> doomed_{false};
    std::atomic<bool> violated_{false};
    std::atomic<bool> ended_{false};
    std::atomic<std::uint64_t> round_{0};
    std::atomic<std::uint64_t> rounds_ended_{0};
    std::atomic<std::uint64_t> checks_{0};
    std::atomic<std::uint64_t> failures_seen_{0};
    std::atomic<unsigned> threads_left_;

    mutable std::mutex failures_mutex_;
    std::vector<failure> failures_;
    std::vector<failure> fresh_; ///< violations of this round, without the snapshot that its end brings
};

} // namespace daxtorture::stress
