/// Waiting in the kernel on a 32-bit word, and the delay of a spin loop. Host machine and engines only; the model uses arch/task.hpp.
///
/// Ordering  none of its own: callers order through the word itself.
/// Source    futex(2): FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE.
#pragma once

#include <atomic>
#include <cstdint>

namespace arch {
inline namespace host {

/// Sleeps while `word` holds `expected`; may return for no reason. `timeout_us` 0: no limit.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeout_us = 0);
/// Wakes at most `count` threads that sleep on `word`.
void futex_wake(const std::atomic<std::uint32_t>& word, unsigned count) noexcept;
inline constexpr unsigned wake_all = 0x7fffffff;

/// Tells the processor that this is a spin loop.
inline void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#else
    asm volatile("" ::: "memory");
#endif
}

/// Turns of a loop of pause_cpu() that take about 2 us here; 0 on a single processor, where spinning only delays the other
/// side. Measured once, when the program starts.
unsigned spin_turns();

} // namespace host
} // namespace arch
