/// Looks at an execution that does not end, under fair turns, for the argument that it never will: the shared values went round a few
/// states while every thread that could run did so again and again. std only.
#pragma once

#include "limits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace daxtorture {

class livelock_watch {
  public:
    void begin() { *this = {}; }
    /// The thread makes a step, and the machine's shared values have this digest.
    void see(std::uint64_t state, unsigned thread) {
        ++length_;
        ++steps_[thread];
        const auto end = states_.begin() + static_cast<std::ptrdiff_t>(count_);
        if (many_ || std::find(states_.begin(), end, state) != end)
            return;
        many_ = count_ == most;
        if (!many_)
            states_[count_++] = state;
    }
    bool proves(unsigned runnable) const {
        bool all = !many_ && length_ != 0;
        for (unsigned i = 0; i < max_threads; ++i)
            all = all && ((runnable >> i & 1) == 0 || steps_[i] >= 100 * (count_ + 1));
        return all;
    }
    std::uint64_t length() const { return length_; } ///< steps seen
    std::size_t states() const { return count_; }

  private:
    static constexpr std::size_t most = 64;

    std::array<std::uint64_t, most> states_{};
    std::size_t count_ = 0;
    bool many_ = false; ///< more states than fit: it may be getting somewhere
    std::array<std::uint64_t, max_threads> steps_{};
    std::uint64_t length_ = 0;
};

} // namespace daxtorture
