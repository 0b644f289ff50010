/// Wait queues. Mirrors kernel/sched/wait.c and kernel/sched/wait_bit.c, v6.15.
///
/// A wait queue is a list under a lock. A waiter queues itself, sets its state and then tests its condition; a waker changes the
/// condition and then looks for waiters. Queues are hashed: an entry carries a key and only key-equal entries are woken.
///
/// Ordering  prepare_to_wait_event  a full fence between queueing and the caller's test      (rule waiter-fence)   [O1]
///           waitqueue_active       relaxed: the caller's change of the condition must be fully ordered before it  [O1]
///           wake                   the waker touches the entry last in its release store of `queued`, which
///                                  finish_wait acquires: then the waiter's stack frame may go                      [I26]
/// Checked   every scenario that waits; lost wake-ups are I16 (pages) and I17 (entries)
#pragma once

#include "protocol/rules.hpp"

#include <arch/atomic.hpp>
#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>
#include <arch/task.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// What an entry waits for: an object's address and a number beside it (a page index). Compared, never dereferenced.
struct wait_on {
    const void* object = nullptr;
    std::uint64_t number = 0;
    friend bool operator==(const wait_on&, const wait_on&) = default;
};

/// Lives in its waiter's stack frame.
struct wait_queue_entry {
    wait_queue_entry(arch::task& waiter, wait_on waits_for, bool one_of_many)
        : key(waits_for), exclusive(one_of_many), task_(&waiter) {}
    /// The frame is used for something else from here on: a waker that nothing orders before it races with this.
    ~wait_queue_entry() { next.set(nullptr); }
    wait_queue_entry(const wait_queue_entry&) = delete;
    wait_queue_entry& operator=(const wait_queue_entry&) = delete;

    /// For a waker. An entry that is off its queue may be gone at any time, and is not to be touched.
    arch::task& waiter() const {
        if (!queued.peek())
            arch::fail(invariant::I26, "a waker touches a waiter that is off its queue",
                       "the waiter may have returned: its stack frame is another's");
        return *task_;
    }

    const wait_on key;
    const bool exclusive;
    arch::plain<wait_queue_entry*> next{nullptr};
    arch::atomic<bool> queued{false};

  private:
    arch::task* const task_;
};

class wait_queue_head {
  public:
    wait_queue_head();

    /// Queues the entry unless it is queued (exclusive at the tail, others at the head), sets the task's state and fences.
    /// False when a signal is pending in an interruptible wait: then the entry is off the queue.
    bool prepare_to_wait_event(wait_queue_entry& entry, arch::task_state state, full_fence fence);
    /// Back to running and off the queue. Cheap when a waker already took the entry off.
    void finish_wait(wait_queue_entry& entry);
    /// Is anybody queued, under any key? A racy look: see the ordering contract above.
    bool waitqueue_active() const;
    /// Wakes key-equal entries from the head: all that are not exclusive, and at most `exclusive` that are. Returns how many.
    unsigned wake_up(wait_on key, unsigned exclusive);

    /// For the oracle: queued entries, whatever their key.
    unsigned peek_length() const;

  private:
    void unlink(wait_queue_entry& entry);

    arch::spinlock lock_;
    arch::atomic<wait_queue_entry*> head_{nullptr};
};

/// Takes the entry off its queue when the waiter leaves in any way, so that no queue is left with a dead stack frame.
class queued_wait {
  public:
    queued_wait(wait_queue_head& queue, wait_queue_entry& entry) : queue_(queue), entry_(entry) {}
    ~queued_wait() {
        if (!finished_)
            finish();
    }
    void finish() {
        finished_ = true;
        queue_.finish_wait(entry_);
    }
    queued_wait(const queued_wait&) = delete;
    queued_wait& operator=(const queued_wait&) = delete;

  private:
    wait_queue_head& queue_;
    wait_queue_entry& entry_;
    bool finished_ = false;
};

/// A hashed table of queues. The hash is of small numbers, not of addresses, so that executions repeat exactly.
class wait_table {
  public:
    explicit wait_table(unsigned buckets)
        : buckets_(buckets), heads_(std::make_unique<wait_queue_head[]>(buckets)) {}
    wait_queue_head& operator[](std::uint64_t hash) { return heads_[hash % buckets_]; }
    unsigned buckets() const { return buckets_; }
    /// For the oracle.
    const wait_queue_head& peek(unsigned bucket) const { return heads_[bucket]; }
    unsigned peek_length() const {
        unsigned length = 0;
        for (unsigned i = 0; i < buckets_; ++i)
            length += heads_[i].peek_length();
        return length;
    }

  private:
    unsigned buckets_;
    std::unique_ptr<wait_queue_head[]> heads_;
};

inline constexpr unsigned wake_everybody = ~0U;

} // namespace ARCH_MACHINE
} // namespace daxtorture
