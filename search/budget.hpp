/// A share of wall time.
#pragma once

#include <chrono>

namespace daxtorture {

/// Wall time from now on, in seconds.
class budget {
  public:
    explicit budget(double seconds) : end_(clock::now() + to_duration(seconds)) {}
    double left() const { return std::chrono::duration<double>(end_ - clock::now()).count(); }
    bool over() const { return left() <= 0; }

  private:
    using clock = std::chrono::steady_clock;
    static clock::duration to_duration(double seconds) {
        return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    }
    clock::time_point end_;
};

} // namespace daxtorture
