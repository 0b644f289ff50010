#include "replay.hpp"

#include <algorithm>
#include <bit>

namespace daxtorture {

unsigned count_preemptions(const schedule_log& schedule) {
    return static_cast<unsigned>(std::count_if(schedule.begin(), schedule.end(),
                                               [](std::uint32_t d) { return decision(d).preempts(); }));
}

unsigned count_unusual(const schedule_log& schedule) {
    return static_cast<unsigned>(std::count_if(schedule.begin(), schedule.end(),
                                               [](std::uint32_t d) { return decision(d).unusual(); }));
}

bool replay_strategy::begin(std::uint64_t, unsigned) {
    if (begun_)
        return false;
    begun_ = true;
    return true;
}

bool replay_strategy::follow(decision asked, unsigned& answer) {
    if (diverged_ || at_ == schedule_.size())
        return false;
    const decision planned(schedule_[at_]);
    // An answer that does not exist: the log is damaged
    const bool possible =
        planned.kind() == choice_kind::thread
            ? planned.value() < max_threads && (planned.options() >> planned.value() & 1) != 0
            : planned.value() < planned.options();
    if (!planned.same_question(asked) || !possible) {
        diverged_ = true;
        return false;
    }
    ++at_;
    answer = planned.value();
    return true;
}

unsigned replay_strategy::next_thread(const turn& t) {
    unsigned answer = 0;
    return follow(decision::thread(t, 0), answer) ? answer : t.usual();
}

unsigned replay_strategy::pick(const question& q) {
    unsigned answer = 0;
    return follow(decision::value(q, 0), answer) ? answer : 0;
}

} // namespace daxtorture
