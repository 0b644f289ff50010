/// What the kernel's code and the glue call: the compiler's hooks and the host's half of abi.h.
///
/// Kernel code keeps its stack aligned to 8 bytes only, so each function realigns it.
#include "bugs.hpp"
#include "ledger.hpp"
#include "machine.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define FROM_KERNEL extern "C" __attribute__((force_align_arg_pointer))
#define CALLER __builtin_return_address(0)

using namespace daxtorture;
using kernel_machine::machine;

namespace {

std::uintptr_t number(const volatile void* address) { return reinterpret_cast<std::uintptr_t>(address); }

void met_access(const volatile void* address, unsigned long size, int kind, const void* place) {
    machine::get().access(number(address), size, kind, place);
}

/// The glue's accesses are no steps; its writes are to be noted.
void met_in_glue(const volatile void* address, unsigned long size, int kind, const void*) {
    machine& m = machine::get();
    const bool write = (kind & machine_access_write) != 0;
    if (write)
        m.ram().wrote(number(address), size);
    m.glue_access(number(address), size, write);
}
void glue_wrote(const volatile void* address, unsigned long size) {
    met_in_glue(address, size, machine_access_write, nullptr);
}

} // namespace

// ---- the compiler's hooks, those of the glue under names of their own (kernel/link.py)

#define ACCESSES_OF(hook, met, size)                                                                         \
    FROM_KERNEL void hook##read##size(void* a) { met(a, size, 0, CALLER); }                                  \
    FROM_KERNEL void hook##write##size(void* a) { met(a, size, machine_access_write, CALLER); }              \
    FROM_KERNEL void hook##read_write##size(void* a) { met(a, size, machine_access_write, CALLER); }         \
    FROM_KERNEL void hook##unaligned_read##size(void* a) { met(a, size, 0, CALLER); }                        \
    FROM_KERNEL void hook##unaligned_write##size(void* a) { met(a, size, machine_access_write, CALLER); }    \
    FROM_KERNEL void hook##volatile_read##size(void* a) { met(a, size, machine_access_marked, CALLER); }     \
    FROM_KERNEL void hook##volatile_write##size(void* a) {                                                   \
        met(a, size, machine_access_write | machine_access_marked, CALLER);                                  \
    }
#define ACCESSES(hook, met)                                                                                  \
    ACCESSES_OF(hook, met, 1)                                                                                \
    ACCESSES_OF(hook, met, 2)                                                                                \
    ACCESSES_OF(hook, met, 4)                                                                                \
    ACCESSES_OF(hook, met, 8)                                                                                \
    ACCESSES_OF(hook, met, 16)                                                                               \
    FROM_KERNEL void hook##read_range(void* a, unsigned long size) { met(a, size, 0, CALLER); }              \
    FROM_KERNEL void hook##write_range(void* a, unsigned long size) {                                        \
        met(a, size, machine_access_write, CALLER);                                                          \
    }
ACCESSES(__tsan_, met_access)
ACCESSES(glue_tsan_, met_in_glue)

FROM_KERNEL void __tsan_func_entry(void*) { machine::get().enter(CALLER); }
FROM_KERNEL void __tsan_func_exit(void) { machine::get().leave(CALLER); }
FROM_KERNEL void __tsan_init(void) {}

/// Barriers, by the numbers that KCSAN gives them; on x86 only a full one waits for stores.
FROM_KERNEL void __tsan_atomic_signal_fence(int order) {
    constexpr int full_barrier = 5;
    if (order == full_barrier)
        machine::get().fence();
}

FROM_KERNEL void glue_tsan_func_entry(void*) {}
FROM_KERNEL void glue_tsan_func_exit(void) {}
FROM_KERNEL void glue_tsan_init(void) {}
FROM_KERNEL void glue_tsan_atomic_signal_fence(int) {}
FROM_KERNEL void glue_kcsan_check_access(const volatile void* a, unsigned long size, int) {
    glue_wrote(a, size);
}

// ---- memory as a whole

FROM_KERNEL void machine_wrote(const volatile void* a, unsigned long size) { glue_wrote(a, size); }
FROM_KERNEL void* machine_memset(void* to, int value, unsigned long size) {
    glue_wrote(to, size);
    return std::memset(to, value, size);
}
FROM_KERNEL void* machine_memcpy(void* to, const void* from, unsigned long size) {
    met_in_glue(from, size, 0, nullptr);
    glue_wrote(to, size);
    return std::memcpy(to, from, size);
}
FROM_KERNEL void* machine_memmove(void* to, const void* from, unsigned long size) {
    met_in_glue(from, size, 0, nullptr);
    glue_wrote(to, size);
    return std::memmove(to, from, size);
}

// ---- abi.h

FROM_KERNEL void machine_accessed(const volatile void* address, unsigned long size, int kind, void* caller) {
    met_access(address, size, kind, caller);
}
FROM_KERNEL void machine_point(enum machine_point_kind kind, const void* object) {
    machine::get().point(kind, object, CALLER);
}
FROM_KERNEL void machine_wait_for(const void* lock, void* caller) { machine::get().wait(lock, caller); }
FROM_KERNEL void machine_released(const void* lock) { machine::get().released(lock); }
FROM_KERNEL void machine_sleep(void* caller) { machine::get().sleep(caller); }
FROM_KERNEL void machine_wake(unsigned task) { machine::get().wake(task); }
FROM_KERNEL unsigned machine_task(void) { return machine::get().current(); }
FROM_KERNEL unsigned long machine_moment(void) { return machine::get().moment(); }
FROM_KERNEL void machine_defer(void* head, void (*callback)(void*)) { machine::get().defer(head, callback); }
FROM_KERNEL void machine_rcu_enter(void) { machine::get().rcu_enter(); }
FROM_KERNEL void machine_rcu_leave(void) { machine::get().rcu_leave(); }
FROM_KERNEL void machine_rcu_wait(void) { machine::get().rcu_wait(); }
FROM_KERNEL char* machine_cpu(unsigned task) { return machine::get().ram().cpu(task); }
FROM_KERNEL void machine_device_removed(void) {
    if (machine::get().searching())
        machine::get().remove_device(true);
}
FROM_KERNEL void machine_device_added(void) {
    if (machine::get().searching())
        machine::get().remove_device(false);
}

FROM_KERNEL void machine_impossible(const char* problem) {
    failure f;
    f.kind = failure_kind::tool;
    f.cause = problem;
    machine::get().fail(std::move(f));
}

FROM_KERNEL void* machine_allocate(unsigned long size) {
    void* const memory = machine::get().ram().allocate(machine::get().current(), size);
    if (memory == nullptr)
        machine_impossible("the world does not fit into the machine's memory");
    return memory;
}

/// A stub: the kernel calls a function that the glue does not have.
FROM_KERNEL void machine_trap(const char* name) {
    failure f;
    f.kind = failure_kind::tool;
    f.cause = std::string("the kernel calls ") + name + "(), which the machine does not provide";
    machine::get().fail(std::move(f));
}

FROM_KERNEL void machine_violation(int broken, const char* cause, const char* format, ...) {
    char text[256];
    va_list values;
    va_start(values, format);
    std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    failure f;
    f.kind = broken == 0 ? failure_kind::livelock : failure_kind::invariant;
    f.invariant = invariant_numbered(broken);
    f.cause = cause;
    f.detail = text;
    machine::get().fail(std::move(f));
}

FROM_KERNEL void machine_format(char* text, unsigned long size, const char* format, ...) {
    va_list values;
    va_start(values, format);
    std::vsnprintf(text, size, format, values);
    va_end(values);
}

FROM_KERNEL void machine_warning(void* place, const char*) {
    machine::get().warn(kernel_machine::failure_of_bug(place));
}

FROM_KERNEL void machine_block_taken(long block, int file, long page) {
    kernel_machine::ledger::get().taken(block, file, page);
}
FROM_KERNEL void machine_block_freed(long block, int file, long page) {
    kernel_machine::ledger::get().freed(block, file, page);
}
FROM_KERNEL void machine_block_moved(long block, int file, long from, long to) {
    kernel_machine::ledger::get().moved(block, file, from, to);
}
FROM_KERNEL void machine_block_flushed(long block, unsigned long count) {
    kernel_machine::ledger::get().flushed(block, count);
}
FROM_KERNEL void machine_stored(int file, long page, long block, long expected) {
    kernel_machine::ledger::get().stored(file, page, block, expected);
}
FROM_KERNEL void machine_loaded(int file, long page, long block, long expected) {
    kernel_machine::ledger::get().loaded(file, page, block, expected);
}
FROM_KERNEL void machine_layouts_broken(int file, long first, long last) {
    kernel_machine::ledger::get().layouts_broken(file, first, last);
}
FROM_KERNEL int machine_gets(long block) { return kernel_machine::ledger::get().gets(block); }
FROM_KERNEL int machine_pins(long block) { return kernel_machine::ledger::get().pins(block); }
