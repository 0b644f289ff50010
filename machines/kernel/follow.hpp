/// Follows a recorded schedule stretch by stretch: exact on the machine that recorded it, wherever that was. std only.
#pragma once

#include "machine.hpp"

#include <bit>

namespace daxtorture::kernel_machine {

class follower : public pilot {
  public:
    explicit follower(stretch_log log) : log_(std::move(log)) {}

    void begin() override {
        at_ = 0;
        passed_ = 0;
        diverged_ = false;
    }

    unsigned at(hook kind, const void*, unsigned thread, unsigned runnable) override {
        if (kind != hook::access && kind != hook::spin && kind != hook::point)
            return thread;
        ++passed_;
        if (at_end() || passed_ < log_[at_ + 1])
            return thread;
        return next(thread, runnable);
    }

    unsigned after(unsigned thread, bool, unsigned runnable) override {
        if (thread == turn::nobody)
            return at_end() ? usual(runnable) : among(log_[at_], runnable);
        if (!at_end() && passed_ + 1 != log_[at_ + 1])
            diverged_ = true;
        return next(turn::nobody, runnable);
    }

    unsigned kept(unsigned) override { return at_ < stretch_size ? 0 : log_[at_ - 1]; }

    bool diverged() const { return diverged_; }
    bool done() const { return at_ + stretch_size >= log_.size(); } ///< it is in its last stretch, or through
    std::size_t stretch() const { return at_ / stretch_size; }      ///< that it is in
    std::size_t stretches() const { return log_.size() / stretch_size; }

  private:
    static constexpr std::size_t stretch_size = 3; ///< numbers of a stretch

    bool at_end() const { return diverged_ || at_ + 2 >= log_.size(); }
    static unsigned usual(unsigned runnable) { return static_cast<unsigned>(std::countr_zero(runnable)); }
    unsigned among(unsigned thread, unsigned runnable) {
        if ((runnable >> thread & 1) != 0)
            return thread;
        diverged_ = true;
        return usual(runnable);
    }
    /// The stretch is over. `stays`: who goes on when the log has nobody, if it can.
    unsigned next(unsigned stays, unsigned runnable) {
        passed_ = 0;
        at_ = std::min(at_ + stretch_size, log_.size());
        if (!at_end())
            return among(log_[at_], runnable);
        return stays != turn::nobody && (runnable >> stays & 1) != 0 ? stays : usual(runnable);
    }

    stretch_log log_;
    std::size_t at_ = 0;
    std::uint32_t passed_ = 0; ///< hooks of this stretch
    bool diverged_ = false;
};

} // namespace daxtorture::kernel_machine
