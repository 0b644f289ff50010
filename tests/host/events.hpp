/// Waiting for events instead of for a time: no test knows how fast a machine is, or how busy.
#pragma once

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include <unistd.h>

namespace daxtorture::tests {

/// Waits until it is so. False after an hour: that only ends a test which would never end.
template <class F> bool comes_true(F condition) {
    for (int ms = 0; ms < 3'600'000; ++ms) {
        if (condition())
            return true;
        // Leaves the processor to what is waited for; nothing depends on how long it is.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

/// Is this thread of the process (gettid()) off its processor, waiting for somebody? Whoever only has no processor is not.
inline bool sleeps_in_kernel(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    return name_end != std::string::npos && text.compare(name_end, 3, ") S") == 0;
}

} // namespace daxtorture::tests
