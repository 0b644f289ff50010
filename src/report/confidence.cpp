#include "report/confidence.hpp"

#include <algorithm>
#include <cmath>

namespace daxtorture {

double seconds_to_be_sure(double every) { return -std::log(1 - confidence_level) * every; }

confidence confidence_of(const stress_summary& run) {
    constexpr double day = 24 * 3600.0;
    confidence c;
    c.clean = run.failures_seen == 0;
    if (c.clean) {
        c.one_in = run.seconds / seconds_to_be_sure(1);
        c.more = std::max(0.0, seconds_to_be_sure(day) - run.seconds);
    } else {
        c.one_in = run.seconds / static_cast<double>(run.failures_seen);
        c.more = seconds_to_be_sure(c.one_in);
    }
    return c;
}

} // namespace daxtorture
