#include <arch/preempt.hpp>

#include <arch/futex.hpp>
#include <arch/recorder.hpp>

#include <ctime>
#include <sched.h>

namespace arch {
inline namespace host {

namespace {

struct preemption_state {
    preemption_plan plan;
    delay next;
    bool armed = false;
    std::uint64_t made = 0;
};
constinit thread_local preemption_state mine{preemption_plan(0), {}, false, 0};

void perform(const delay& d) {
    switch (d.kind) {
    case delay_kind::spin:
        for (std::uint32_t i = 0; i < d.amount; ++i)
            pause_cpu();
        return;
    case delay_kind::yield:
        sched_yield();
        return;
    case delay_kind::sleep: {
        timespec time{0, static_cast<long>(d.amount) * 1000};
        nanosleep(&time, nullptr);
        return;
    }
    }
}

} // namespace

// SplitMix64 (Steele, Lea, Flood 2014): one addition and a finalizer; every seed gives the full period.
std::uint64_t preemption_plan::draw() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

delay preemption_plan::next() {
    if (left_in_phase_ == 0) {
        left_in_phase_ = 16;
        mean_log2_ = 2 + static_cast<std::uint32_t>(draw() % 9); // 4 to 1024 points
    }
    --left_in_phase_;

    const std::uint64_t bits = draw();
    delay d;
    d.gap = 1 + static_cast<std::uint32_t>(bits % (2U << mean_log2_));
    const auto choice = static_cast<unsigned>((bits >> 32) % 16);
    const auto size = static_cast<std::uint32_t>(bits >> 48);
    if (choice < 12) {
        d.kind = delay_kind::spin;
        d.amount = 1 + size % (2U << (size >> 13)); // up to 2 to 256 turns
    } else if (choice < 15) {
        d.kind = delay_kind::yield;
    } else {
        d.kind = delay_kind::sleep;
        d.amount = 1 + size % 16;
    }
    return d;
}

void arm_preemption(std::uint64_t seed) {
    mine.plan = preemption_plan(seed);
    mine.next = mine.plan.next();
    mine.armed = true;
    detail::preempt_countdown = static_cast<std::int32_t>(mine.next.gap);
}

void disarm_preemption() {
    mine.armed = false;
    detail::preempt_countdown = detail::disarmed_countdown;
}

std::uint64_t preemptions_made() { return mine.made; }

void detail::preempt_now() noexcept {
    if (!mine.armed) {
        preempt_countdown = disarmed_countdown;
        return;
    }
    record(step::clock, ""); // the recorder does not look at the clock for each record
    perform(mine.next);
    record(step::clock, "");
    ++mine.made;
    mine.next = mine.plan.next();
    preempt_countdown = static_cast<std::int32_t>(mine.next.gap);
}

} // namespace host
} // namespace arch
