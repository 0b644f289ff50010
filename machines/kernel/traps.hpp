/// Signals that the kernel's code raises (traps.cpp).
#pragma once

namespace daxtorture::kernel_machine {

/// May this program set %gs by an instruction? Per-CPU data of the kernel is addressed by it.
bool can_set_gs();

/// From now on faults inside an execution end it.
void catch_traps();

} // namespace daxtorture::kernel_machine
