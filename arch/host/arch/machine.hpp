/// The machine that this object is compiled for: host, real threads on the processor that runs the program.
///
/// Everything that names a machine lives in an inline namespace of that name, so objects of two machines do not link.
#pragma once

#define ARCH_MACHINE host

namespace arch {
inline namespace host {

/// Does one thread run at a time, so that a check sees the state of one moment whenever it looks?
inline constexpr bool is_simulated = false;

} // namespace host
} // namespace arch
