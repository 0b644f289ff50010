/// Waiting for a page's count, on the hashed table of variable waits. Mirrors kernel/sched/wait_bit.c, v6.15.
#pragma once

#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Hash and key of a page's waiters: the page itself, or its refcount, are different addresses and so different queues [I28].
struct var_wait {
    wait_queue_head& queue;
    wait_on key;
};
var_wait page_wait(kernel& k, folio& f, wait_key which);

/// Wakes every waiter of the page under that key. Looks at the queue without its lock first: the caller's change of the count must
/// be fully ordered before this call (O1).
void wake_up_var(kernel& k, folio& f, wait_key which);

} // namespace ARCH_MACHINE
} // namespace daxtorture
