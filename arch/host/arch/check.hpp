/// Violations and steps worth seeing.
///
/// fail() hands the violation to the handler that the engine installed, on the thread that met it, and returns: the model
/// goes on, and the engine ends the round at the next end of an operation. Without a handler it prints and aborts.
/// note() is a preemption point; it also gives up (arch::round_aborted, see arch/task.hpp) when the engine ends the round,
/// so that a loop that notes its steps is never endless.
#pragma once

#include <arch/machine.hpp>
#include <arch/preempt.hpp>
#include <arch/recorder.hpp>
#include <arch/site.hpp>
#include <arch/task.hpp>

#include "words/invariant.hpp"

#include <cstdint>

namespace arch {
inline namespace host {

/// One violation. The texts are valid only during the call of the handler.
struct violation {
    daxtorture::invariant invariant = daxtorture::invariant::none;
    const char* cause = "";
    const char* detail = "";
    site at;
    unsigned task = 0; ///< id of the task that met it
};
using violation_handler = void (*)(const violation&);

/// Installs the handler of this process and returns the one before; nullptr: print and abort.
violation_handler set_violation_handler(violation_handler handler);

void fail(daxtorture::invariant broken, const char* cause, const char* detail,
          site at = site::here()) noexcept;

inline void note(const char* what, std::uint64_t value, site = site::here()) {
    record(step::note, what, nullptr, 0, static_cast<std::int32_t>(value));
    preemption_point();
    if (current().aborted.load(std::memory_order_relaxed) != abort_level::none) [[unlikely]]
        detail::give_up(current());
}

} // namespace host
} // namespace arch
