/// A share of wall time, or of as many executions as are run in that time, more or less: what executions limit comes out the same every time.
#pragma once

#include <chrono>
#include <cstdint>

namespace daxtorture {

/// So many seconds from now on. `executions`: what counts them; null: the clock does.
class budget {
  public:
    explicit budget(double seconds, const std::uint64_t* executions = nullptr)
        : executions_(executions), end_(now() + seconds) {}
    double left() const { return end_ - now(); }
    bool over() const { return left() <= 0; }

    bool by_executions() const { return executions_ != nullptr; }
    static constexpr double executions_in_a_second = 20'000;

  private:
    double now() const {
        if (by_executions())
            return static_cast<double>(*executions_) / executions_in_a_second;
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }

    const std::uint64_t* executions_;
    double end_;
};

} // namespace daxtorture
