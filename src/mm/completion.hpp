/// Waiting for an event that happens once. Mirrors struct completion, kernel/sched/completion.c, v6.15: `done` and the sleeper under the
/// queue's lock, so that neither can miss the other.
#pragma once

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>
#include <arch/task.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class completion {
  public:
    completion();
    void reinit();
    void complete();
    /// Uninterruptible. One waiter at a time.
    void wait();
    bool peek_done() const { return done_.peek(); }

  private:
    arch::spinlock lock_;
    arch::plain<bool> done_{false};
    arch::plain<arch::task*> waiter_{nullptr};
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
