#include "stress/gate.hpp"

#include <thread>

namespace daxtorture::stress {

// Between rounds of a scenario a world is built, some 10 us: spin for longer than locks do, if there are processors for it.
gate::gate(unsigned workers)
    : workers_(workers),
      spins_(workers <= std::thread::hardware_concurrency() ? 20 * arch::spin_turns() : 0) {}

bool gate::arrive() { return arrived_of(state_.fetch_add(1, std::memory_order_acq_rel)) + 1 == workers_; }

void gate::open() {
    // Nobody else changes the state: all have arrived.
    const std::uint64_t openings = openings_of(state_.load(std::memory_order_relaxed)) + std::uint64_t{1};
    state_.store(openings << 32, std::memory_order_release);
    signal();
}

void gate::call() { signal(); }

/// False when all have arrived, or the gate has opened.
bool gate::step_out(std::uint32_t before) {
    std::uint64_t state = state_.load(std::memory_order_relaxed);
    do {
        if (openings_of(state) != before || arrived_of(state) == workers_)
            return false;
        // relaxed: nothing is handed over, and the arrivals of others stay one release sequence
    } while (!state_.compare_exchange_weak(state, state - 1, std::memory_order_relaxed));
    return true;
}

void gate::sleep(std::uint32_t event) {
    asleep_.fetch_add(1, std::memory_order_seq_cst);
    arch::futex_wait(event_, event);
    asleep_.fetch_sub(1, std::memory_order_seq_cst);
}

void gate::signal() {
    event_.fetch_add(1, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst) != 0)
        arch::futex_wake(event_, arch::wake_all);
}

} // namespace daxtorture::stress
