#include "mm/wait_bit.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

var_wait page_wait(kernel& k, folio& f, wait_key which) {
    const std::uint64_t pfn = k.mem.pfn(f);
    // The number stands for the offset inside struct page: the two addresses hash and compare differently.
    if (which == wait_key::page)
        return {k.var_waits[pfn], {&f, 0}};
    return {k.var_waits[pfn + 1], {&f, 1}};
}

void wake_up_var(kernel& k, folio& f, wait_key which) {
    const var_wait wait = page_wait(k, f, which);
    unsigned woken = 0;
    if (wait.queue.waitqueue_active())
        woken = wait.queue.wake_up(wait.key, 1); // idle waiters are not exclusive: all of them wake (O4)
    k.wakes[arch::current().id].set(k.mem.pfn(f), which, woken);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
