/// Stacks that one native thread switches between. std only.
#pragma once

namespace daxtorture::kernel_machine {

/// Saves the running context's stack pointer and goes on where the other one was saved.
extern "C" void machine_switch_context(void** save, void* to);

/// A context that will begin in `entry`, at the top of its stack.
void* fresh_context(char* stack, unsigned long size, void (*entry)());

} // namespace daxtorture::kernel_machine
