/// What the checks remember. Never a scheduling point, orders nothing, invisible to the simulation.
#pragma once

#include <arch/machine.hpp>

namespace arch::inline relacy {

template <class T> class oracle {
  public:
    oracle() = default;
    explicit oracle(T value) : value_(value) {}
    T get() const { return value_; }
    void set(T value) { value_ = value; }
    /// Returns the value after the addition.
    T add(T value) { return value_ = static_cast<T>(value_ + value); }

  private:
    T value_{};
};

} // namespace arch::inline relacy
