#include "turns.hpp"

#include <exception>

namespace daxtorture {

unsigned turns::decide(unsigned allowed, unsigned current, bool yielding) {
    const bool can_go_on = current != turn::nobody && (runnable_ >> current & 1) != 0;
    if (overran_) {
        // Fair: short random stretches, the same in every replay.
        if (!fair_seeded_)
            fair_ = random_source(limit_);
        fair_seeded_ = true;
        if (can_go_on && !yielding && fair_left_ != 0 && (allowed >> current & 1) != 0) {
            --fair_left_;
            return current;
        }
        fair_left_ = fair_.below(16);
        return fair_.bit_of(allowed);
    }
    const turn t{allowed, can_go_on ? current : turn::nobody, yielding && can_go_on,
                 can_go_on ? thread_steps_[current] : 0, operations_};
    unsigned chosen;
    try {
        chosen = strategy_->next_thread(t);
    } catch (const std::exception& problem) {
        chosen = static_cast<unsigned>(std::countr_zero(allowed));
        error_ = problem.what();
    }
    log_.push_back(decision::thread(t, chosen).bits());
    return chosen;
}

unsigned turns::decide(const question& q) {
    unsigned chosen = 0;
    try {
        chosen = strategy_->pick(q);
    } catch (const std::exception& problem) {
        error_ = problem.what();
    }
    log_.push_back(decision::value(q, chosen).bits());
    return chosen;
}

} // namespace daxtorture
