#include "context.hpp"

#include <cstring>

namespace daxtorture::kernel_machine {

asm(".text\n"
    ".globl machine_switch_context\n"
    "machine_switch_context:\n"
    "  push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
    "  ret\n");

void* fresh_context(char* stack, unsigned long size, void (*entry)()) {
    constexpr unsigned saved_registers = 6;
    void** top = reinterpret_cast<void**>(stack + size);
    *--top = nullptr; // entry never returns; the stack is aligned as after a call
    *--top = reinterpret_cast<void*>(entry);
    top -= saved_registers;
    std::memset(top, 0, saved_registers * sizeof *top);
    return top;
}

} // namespace daxtorture::kernel_machine
