#include "mm/wait_queue.hpp"

#include "mm/lock_classes.hpp"
#include "words/near_miss.hpp"

#include <arch/near_miss.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

wait_queue_head::wait_queue_head() : lock_(lock_classes::wait_queue) {}

bool wait_queue_head::prepare_to_wait_event(wait_queue_entry& entry, arch::task_state state,
                                            full_fence fence) {
    arch::guard held(lock_);
    if (state == arch::task_state::interruptible && arch::signal_pending(arch::current())) {
        if (entry.queued.load(order::relaxed)) // relaxed: the queue lock is held
            unlink(entry);
        return false;
    }
    if (!entry.queued.load(order::relaxed)) {
        wait_queue_entry* first = head_.load(order::relaxed);
        if (entry.exclusive && first != nullptr) {
            wait_queue_entry* last = first;
            while (last->next.get() != nullptr)
                last = last->next.get();
            entry.next.set(nullptr);
            last->next.set(&entry);
        } else {
            entry.next.set(first);
            // relaxed: other users of the list hold the lock; waitqueue_active only compares it with null
            head_.store(&entry, order::relaxed);
        }
        entry.queued.store(true, order::relaxed);
    }
    arch::set_current_state(state);
    // The waiter's half of O1: the caller tests its condition after this, the waker looks at head_ after changing it.
    if (fence == full_fence::full)
        arch::smp_mb();
    return true;
}

void wait_queue_head::finish_wait(wait_queue_entry& entry) {
    arch::set_current_state(arch::task_state::running);
    // acquire: pairs with the waker's release in wake_up, its last access to the entry
    if (!entry.queued.load(order::acquire))
        return;
    arch::guard held(lock_);
    if (entry.queued.load(order::relaxed))
        unlink(entry);
}

bool wait_queue_head::waitqueue_active() const {
    // relaxed, and no barrier of its own: the waker's half of O1 is the caller's fully ordered change of the condition
    return head_.load(order::relaxed) != nullptr;
}

unsigned wait_queue_head::wake_up(wait_on key, unsigned exclusive) {
    arch::guard held(lock_);
    unsigned woken = 0;
    wait_queue_entry* next = nullptr;
    for (wait_queue_entry* entry = head_.load(order::relaxed); entry != nullptr; entry = next) {
        next = entry->next.get();
        if (!(entry->key == key))
            continue;
        const bool was_exclusive = entry->exclusive;
        arch::wake_up_process(entry->waiter());
        ++woken;
        unlink(*entry);
        if (was_exclusive && --exclusive == 0)
            break;
    }
    if (woken == 0)
        arch::near_miss(near_miss::wake_without_waiter);
    return woken;
}

void wait_queue_head::unlink(wait_queue_entry& entry) {
    wait_queue_entry* before = nullptr;
    for (wait_queue_entry* at = head_.load(order::relaxed); at != &entry; at = at->next.get())
        before = at;
    wait_queue_entry* after = entry.next.get();
    if (before == nullptr)
        head_.store(after, order::relaxed);
    else
        before->next.set(after);
    // release: the last access to the entry; finish_wait acquires it and may then let the stack frame go
    entry.queued.store(false, order::release);
}

unsigned wait_queue_head::peek_length() const {
    unsigned length = 0;
    for (const wait_queue_entry* entry = head_.peek(); entry != nullptr; entry = entry->next.peek())
        ++length;
    return length;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
