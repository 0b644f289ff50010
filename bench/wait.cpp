/// Hand-overs between two threads, in one direction: MODEL/handoff_* through the wait queue of an idle page, LINUX/handoff_parked
/// through bare futexes, FLOOR/handoff_spin through two words that both threads spin on.
///
/// Two folios are passed back and forth: each thread waits until its own is idle, as dax_break_layout does, takes a
/// reference to it and drops the reference of the other one. `parked` waits before it drops until the other thread
/// sleeps in the kernel; that wait is not part of the time.
#include "rig.hpp"

#include "mm/wait_bit.hpp"

#include <arch/futex.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace daxtorture::bench {
namespace {

using clock = std::chrono::steady_clock;

/// Keeps every time, for the median: on a busy machine the mean says how often the other thread was not running.
class samples {
  public:
    void add(benchmark::State& state, clock::duration took) {
        taken_.push_back(took);
        state.SetIterationTime(std::chrono::duration<double>(took).count());
    }
    void report(benchmark::State& state) {
        const auto middle = taken_.begin() + static_cast<std::ptrdiff_t>(taken_.size() / 2);
        std::nth_element(taken_.begin(), middle, taken_.end());
        state.counters["median_ns"] = std::chrono::duration<double, std::nano>(*middle).count();
    }

  private:
    std::vector<clock::duration> taken_;
};

void wait_until_idle(kernel& k, folio& f) {
    const var_wait wait = page_wait(k, f, k.rules.waiter_key);
    wait_queue_entry waiter(arch::current(), wait.key, false);
    queued_wait queued(wait.queue, waiter);
    for (;;) {
        wait.queue.prepare_to_wait_event(waiter, arch::task_state::uninterruptible, k.rules.waiter_fence);
        if (folio_ref_count(f) == 0)
            return;
        arch::schedule();
    }
}

template <bool Parked> void handoff(benchmark::State& state) {
    rig r(config_of(1, 2, 1, 2));
    kernel& k = r.w.k;
    folio& ping = k.mem[0];
    folio& pong = k.mem[1];
    folio_get(ping);
    folio_get(pong);
    std::atomic<bool> stop{false};
    std::atomic<clock::rep> dropped{0};
    const auto asleep = [&](unsigned worker) {
        const arch::task& other = r.w.workers[worker].task;
        while (other.parked.load(std::memory_order_relaxed) == 0 && !stop.load(std::memory_order_relaxed))
            arch::pause_cpu();
        for (const auto from = clock::now(); clock::now() - from < std::chrono::microseconds(5);) {
        }
    };
    std::thread other([&] {
        r.act_as(1);
        for (;;) {
            wait_until_idle(k, ping);
            if (stop.load(std::memory_order_relaxed))
                break;
            folio_get(ping);
            if (Parked) {
                asleep(0);
                dropped.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
            }
            folio_put(k, pong);
        }
        arch::unbind_current();
    });
    samples times;
    for (auto _ : state) {
        if (Parked)
            asleep(1);
        const auto from = clock::now();
        folio_put(k, ping);
        wait_until_idle(k, pong);
        const auto now = clock::now();
        folio_get(pong);
        // Parked: one way, from the other's drop to here. Spinning: half of there and back.
        const auto took =
            Parked ? now.time_since_epoch() - clock::duration(dropped.load(std::memory_order_relaxed))
                   : (now - from) / 2;
        times.add(state, took);
    }
    times.report(state);
    stop.store(true);
    folio_put(k, ping);
    other.join();
}
BENCHMARK(handoff<false>)->Name("MODEL/handoff_spin")->UseManualTime();
BENCHMARK(handoff<true>)->Name("MODEL/handoff_parked")->UseManualTime();

/// The same with bare words: `wait` until the word is `turn`, store and wake.
template <bool Sleep> void bare(benchmark::State& state) {
    alignas(64) static std::atomic<std::uint32_t> ping;
    alignas(64) static std::atomic<std::uint32_t> pong;
    ping.store(0);
    pong.store(0);
    const auto wait = [](std::atomic<std::uint32_t>& word, std::uint32_t old) {
        for (unsigned turn = 1; word.load(std::memory_order_acquire) == old; ++turn) {
            if (Sleep)
                arch::futex_wait(word, old);
            else if (turn % 1024 != 0)
                arch::pause_cpu();
            else
                std::this_thread::yield(); // somebody else may have the other thread's processor
        }
    };
    const auto pass = [](std::atomic<std::uint32_t>& word, std::uint32_t value) {
        word.store(value, std::memory_order_seq_cst);
        if (Sleep)
            arch::futex_wake(word, 1);
    };
    constexpr std::uint32_t over = ~0U;
    std::atomic<clock::rep> passed{0};
    const auto let_sleep = [] {
        for (const auto from = clock::now(); clock::now() - from < std::chrono::microseconds(40);) {
        }
    };
    std::thread other([&] {
        for (std::uint32_t seen = 0;;) {
            wait(ping, seen);
            seen = ping.load(std::memory_order_relaxed);
            if (seen == over)
                return;
            if (Sleep) {
                let_sleep();
                passed.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
            }
            pass(pong, seen);
        }
    });
    std::uint32_t turn = 0;
    samples times;
    for (auto _ : state) {
        if (Sleep)
            let_sleep();
        const auto from = clock::now();
        pass(ping, turn + 1);
        wait(pong, turn);
        const auto now = clock::now();
        ++turn;
        const auto took =
            Sleep ? now.time_since_epoch() - clock::duration(passed.load(std::memory_order_relaxed))
                  : (now - from) / 2;
        times.add(state, took);
    }
    times.report(state);
    pass(ping, over);
    other.join();
}
BENCHMARK(bare<false>)->Name("FLOOR/handoff_spin")->UseManualTime();
BENCHMARK(bare<true>)->Name("LINUX/handoff_parked")->UseManualTime();

} // namespace
} // namespace daxtorture::bench
