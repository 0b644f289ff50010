/// Shared data without any ordering of its own: a lock or a hand-over must protect it. ThreadSanitizer reports races on it.
#pragma once

#include <arch/machine.hpp>
#include <arch/site.hpp>

#include <type_traits>

namespace arch {
inline namespace host {

template <class T> class plain {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    constexpr plain() : value_(T{}) {}
    constexpr explicit plain(T value) : value_(value) {}
    plain(const plain&) = delete;
    plain& operator=(const plain&) = delete;

    T get(site = site::here()) const { return value_; }
    void set(T value, site = site::here()) { value_ = value; }

    /// For the oracle, which may look while others write: the race is deliberate.
    __attribute__((no_sanitize("thread"))) T peek() const {
        if constexpr (std::is_scalar_v<T>)
            return *const_cast<const volatile T*>(&value_);
        else
            return value_;
    }

  private:
    T value_;
};

} // namespace host
} // namespace arch
