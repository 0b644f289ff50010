#include <arch/near_miss.hpp>

#include <chrono>

namespace arch {
inline namespace host {

namespace {

double measure() {
    using clock = std::chrono::steady_clock;
    const auto from = clock::now();
    const std::uint64_t ticks = flight_clock();
    while (clock::now() - from < std::chrono::milliseconds(1)) {
    }
    const std::chrono::duration<double, std::nano> passed = clock::now() - from;
    const std::uint64_t now = flight_clock();
    return now > ticks ? passed.count() / static_cast<double>(now - ticks) : 1;
}

} // namespace

double tick_nanoseconds() {
    static const double factor = measure();
    return factor;
}

} // namespace host
} // namespace arch
