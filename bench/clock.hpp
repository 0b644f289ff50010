/// Processor time of the calling thread: what a busy machine takes away does not count.
#pragma once

#include <ctime>

namespace daxtorture::bench {

inline double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace daxtorture::bench
