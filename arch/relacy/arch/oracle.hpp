/// What the checks remember. Never a scheduling point, orders nothing, invisible to the simulation. But a check that reads it makes
/// its step depend on the step that wrote it.
#pragma once

#include <arch/detail/state.hpp>
#include <arch/machine.hpp>

namespace arch {
inline namespace relacy {

template <class T> class oracle {
  public:
    oracle() = default;
    explicit oracle(T value) : value_(value) {}
    T get() const {
        detail::touch(this, false);
        return value_;
    }
    void set(T value) {
        detail::touch(this, true);
        detail::watch_change(this, value_, value);
        value_ = value;
    }
    /// Returns the value after the addition.
    T add(T value) {
        const T sum = static_cast<T>(value_ + value);
        set(sum);
        return sum;
    }

  private:
    T value_{};
};

} // namespace relacy
} // namespace arch
