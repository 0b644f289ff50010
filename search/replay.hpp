/// Follows a schedule. std only.
#pragma once

#include "strategy.hpp"

#include <cstddef>
#include <utility>

namespace daxtorture {

/// The decisions of a schedule; beyond its end the thread goes on and loads are fresh. Stops following at the first
/// question that the schedule did not answer.
class replay_strategy : public strategy {
  public:
    explicit replay_strategy(schedule_log schedule) : schedule_(std::move(schedule)) {}
    bool begin(std::uint64_t iteration, unsigned threads) override;
    unsigned next_thread(const turn& t) override;
    unsigned pick(const question& q) override;

    bool diverged() const { return diverged_; }
    std::size_t step() const { return at_; } ///< decisions followed
    bool followed_all() const { return !diverged_ && at_ == schedule_.size(); }

  private:
    bool follow(decision asked, unsigned& answer);

    schedule_log schedule_;
    std::size_t at_ = 0;
    bool begun_ = false;
    bool diverged_ = false;
};

} // namespace daxtorture
