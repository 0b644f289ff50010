/// SIGINT, SIGTERM and SIGHUP as a wish to end in good order: what is done is told and written, what is not is said. A second one of the
/// same ends the process at once.
#pragma once

#include <atomic>
#include <stdexcept>

namespace daxtorture::jobs {

/// A signal came before the answer did.
struct stopped_by_signal : std::runtime_error {
    stopped_by_signal() : std::runtime_error("stopped by a signal") {}
};

/// From here on the first signal only sets the flag.
void end_on_signals();

bool interrupted();
const std::atomic<bool>& interruption(); ///< the flag, for who polls it

} // namespace daxtorture::jobs
