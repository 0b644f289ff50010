/// What the checks remember beside the model. Never a preemption point and, by contract, never orders anything.
///
/// Relaxed std::atomics. On x86 `add` is nevertheless a locked instruction and so a full barrier: checks that watch a missing
/// fence must stand where one more barrier does not matter.
#pragma once

#include <arch/machine.hpp>

#include <atomic>
#include <type_traits>

namespace arch {
inline namespace host {

template <class T> class oracle {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

  public:
    constexpr oracle() : value_(T{}) {}
    constexpr explicit oracle(T value) : value_(value) {}
    oracle(const oracle&) = delete;
    oracle& operator=(const oracle&) = delete;

    T get() const { return value_.load(std::memory_order_relaxed); }
    void set(T value) { value_.store(value, std::memory_order_relaxed); }
    /// Returns the new value.
    T add(T value) { return static_cast<T>(value_.fetch_add(value, std::memory_order_relaxed) + value); }

  private:
    std::atomic<T> value_;
};

} // namespace host
} // namespace arch
