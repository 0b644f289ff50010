/// Signals that the kernel's code raises (traps.cpp).
#pragma once

namespace daxtorture::kernel_machine {

/// From now on faults inside an execution end it.
void catch_traps();

} // namespace daxtorture::kernel_machine
