/// The simulated machine: Relacy's memory model and fibres.
#pragma once

#define ARCH_MACHINE relacy

namespace arch {
inline namespace relacy {

/// Does one thread run at a time, so that a check sees the state of one moment whenever it looks?
inline constexpr bool is_simulated = true;

} // namespace relacy
} // namespace arch
