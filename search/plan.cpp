#include "plan.hpp"

#include <bit>

namespace daxtorture {

unsigned plan_writer::next_thread(const turn& t) {
    const unsigned chosen = replay_strategy::next_thread(t);
    const bool goes_on = chosen == t.current;
    if (!goes_on) {
        if (!plan_.stretches.empty() && t.current != turn::nobody)
            plan_.stretches.back().until = t.step;
        plan_.stretches.push_back({chosen, plan::no_end});
    }
    return chosen;
}

unsigned plan_writer::pick(const question& q) {
    const unsigned chosen = replay_strategy::pick(q);
    if (chosen != 0) {
        if (!plan_.exceptions.empty() && plan_.exceptions.back().thread == q.thread &&
            plan_.exceptions.back().step == q.step)
            ++plan_.exceptions.back().times;
        else
            plan_.exceptions.push_back({q.thread, q.step, 1});
    }
    return chosen;
}

bool plan_strategy::begin(std::uint64_t, unsigned) {
    if (begun_)
        return false;
    begun_ = true;
    return true;
}

unsigned plan_strategy::next_thread(const turn& t) {
    if (t.can_go_on() && t.current == running_ && t.step < until_)
        return t.current;
    while (at_ < plan_.stretches.size()) {
        const plan::stretch next = plan_.stretches[at_++];
        if ((t.allowed >> next.thread & 1) == 0 || (next.thread == t.current && t.step >= next.until))
            continue;
        running_ = next.thread;
        until_ = next.until;
        return next.thread;
    }
    running_ = t.usual();
    until_ = plan::no_end;
    return running_;
}

unsigned plan_strategy::pick(const question& q) {
    for (plan::exception& e : plan_.exceptions) {
        if (e.thread == q.thread && e.step == q.step && e.times != 0) {
            --e.times;
            return 1;
        }
    }
    return 0;
}

} // namespace daxtorture
