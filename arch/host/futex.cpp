#include <arch/futex.hpp>

#include <chrono>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace arch {
inline namespace host {

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeout_us) {
    timespec limit{};
    limit.tv_sec = static_cast<time_t>(timeout_us / 1'000'000);
    limit.tv_nsec = static_cast<long>(timeout_us % 1'000'000) * 1000;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout_us == 0 ? nullptr : &limit, nullptr, 0);
}

void futex_wake(const std::atomic<std::uint32_t>& word, unsigned count) noexcept {
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

namespace {

unsigned measure_spin_turns() {
    if (std::thread::hardware_concurrency() < 2)
        return 0;
    constexpr unsigned sample = 500;
    constexpr unsigned target_ns = 2000;
    long long best_ns = 1'000'000'000;
    // The shortest of a few: an interrupt makes a sample longer, never shorter.
    for (int i = 0; i < 4; ++i) {
        const auto start = std::chrono::steady_clock::now();
        for (unsigned turn = 0; turn < sample; ++turn)
            pause_cpu();
        const auto end = std::chrono::steady_clock::now();
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count();
        best_ns = ns < best_ns ? ns : best_ns;
    }
    const auto turns = static_cast<unsigned>(target_ns * static_cast<long long>(sample) / (best_ns + 1));
    return turns < 10 ? 10 : turns > 2000 ? 2000 : turns;
}

const unsigned measured_spin_turns = measure_spin_turns();

} // namespace

unsigned spin_turns() { return measured_spin_turns; }

} // namespace host
} // namespace arch
