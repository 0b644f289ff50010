/// The checks that may look only when no thread is inside an operation (kernel facts section 4, marked Q).
#pragma once

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct world_state;

/// Reports the first violation to arch::fail.
void check_quiescent(const world_state& w);

} // namespace ARCH_MACHINE
} // namespace daxtorture
