/// The barrier at which the workers of a group wait for each other between rounds.
///
/// The last to arrive works between the rounds, alone, then opens the gate. Whoever waits may be called to do something first that others
/// need (give back pins, in a mix that is stuck); it then steps out, which fails once all have arrived: nobody is outside
/// while the last one works.
#pragma once

#include <arch/futex.hpp>

#include <atomic>
#include <cstdint>

namespace daxtorture::stress {

class gate {
  public:
    explicit gate(unsigned workers);

    /// How often the gate has opened; between two openings each worker arrives once, and once more for every time it stepped out.
    std::uint32_t openings() const { return openings_of(state_.load(std::memory_order_acquire)); }

    /// True for the last one. It sees what all others did before they arrived, and has to open the gate.
    bool arrive();

    /// Lets all go, who then see what the opener did. Only for whom arrive() returned true.
    void open();

    /// Makes those who wait look at their @p called again.
    void call();

    /// Waits until the gate opens for the @p before + 1st time, and returns true; or false, having stepped out, when @p called()
    /// returns true before all have arrived.
    template <typename Condition> bool wait(std::uint32_t before, Condition&& called) {
        for (unsigned turns = spins_;; turns -= turns > 0 ? 1 : 0) {
            // Before what decides is looked at: whoever changes that tells so by another event, on which nobody goes to sleep.
            const std::uint32_t event = event_.load(std::memory_order_seq_cst);
            if (openings() != before)
                return true;
            if (called() && step_out(before))
                return false;
            if (turns > 0)
                arch::pause_cpu();
            else
                sleep(event);
        }
    }

  private:
    static constexpr std::uint32_t openings_of(std::uint64_t state) {
        return static_cast<std::uint32_t>(state >> 32);
    }
    static constexpr std::uint32_t arrived_of(std::uint64_t state) {
        return static_cast<std::uint32_t>(state);
    }

    bool step_out(std::uint32_t before);
    void sleep(std::uint32_t event);
    void signal();

    const unsigned workers_;
    const unsigned spins_; ///< before a sleep
    /// Openings, and who has arrived since: together, so that nobody steps out of a later round than the one it arrived for.
    alignas(64) std::atomic<std::uint64_t> state_{0};
    alignas(64) std::atomic<std::uint32_t> event_{0}; ///< openings and calls
    std::atomic<std::uint32_t> asleep_{0};
};

} // namespace daxtorture::stress
