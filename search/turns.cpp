#include "turns.hpp"

#include <exception>

namespace daxtorture {

void turns::begin(strategy& decides, unsigned threads, bool newest_only) {
    strategy_ = &decides;
    watched_ = decides.watches();
    threads_ = threads;
    newest_only_ = newest_only;
    runnable_ = (1u << threads) - 1;
    finished_ = started_ = 0;
    running_ = turn::nobody;
    restricted_ = false;
    step_.clear();
    steps_ = 0;
    overran_ = fair_seeded_ = false;
    since_yield_ = ~std::uint64_t{0};
    behind_ = 0;
    watch_.begin();
    log_.clear();
    error_.clear();
}

/// Fairness looks at who ran since when: a step that yields commutes with no other, nor does one that began while some thread that can
/// run was not allowed to. False: the strategy wants no more of this execution.
bool turns::end_step(unsigned allowed, bool yielding) {
    step_.everything = step_.everything || yielding || restricted_;
    restricted_ = allowed != runnable_ || behind_ != 0;
    const bool goes_on = running_ == turn::nobody || overran_ || strategy_->stepped(running_, step_, allowed);
    step_.clear();
    return goes_on;
}

unsigned turns::decide(unsigned allowed, unsigned current, bool yielding) {
    const bool can_go_on = current != turn::nobody && (runnable_ >> current & 1) != 0;
    if (overran_)
        return decide_fairly(allowed, can_go_on && !yielding, current);
    const turn t{allowed,
                 can_go_on ? current : turn::nobody,
                 yielding && can_go_on,
                 can_go_on ? thread_steps_[current] : 0,
                 operations_,
                 next_};
    unsigned chosen = turn::stop;
    try {
        chosen = strategy_->next_thread(t);
    } catch (const std::exception& problem) {
        error_ = problem.what();
    }
    if (chosen != turn::stop)
        log_.push_back(decision::thread(t, chosen).bits());
    return chosen;
}

/// Short random stretches, the same in every replay.
unsigned turns::decide_fairly(unsigned allowed, bool can_go_on, unsigned current) {
    if (!fair_seeded_)
        fair_ = random_source(limit_);
    fair_seeded_ = true;
    if (can_go_on && fair_left_ != 0 && (allowed >> current & 1) != 0) {
        --fair_left_;
        return current;
    }
    fair_left_ = fair_.below(16);
    return fair_.bit_of(allowed);
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
