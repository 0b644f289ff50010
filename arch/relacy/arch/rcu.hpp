/// Read-copy-update, and anything else that waits for readers it does not know.
///
/// States    a reader is inside from its outermost read_lock to its last read_unlock; the nesting lies outside the simulated memory
/// Ordering  what a reader did happens before what follows a synchronize() that waited for it, or that began after it left;
///           what came before synchronize() happens before a reader that it does not wait for; synchronize() is a full fence
///           at both ends. This is the grace-period guarantee of tools/memory-model, stated with clocks.
/// Points    the outermost read_lock and synchronize are scheduling points. read_unlock is not: until the reader's next step
///           nothing can tell whether it has left, except a synchronize() that would block and so comes later.
/// Callbacks run at the first moment a grace period may have ended: in call() without readers, else in the read_unlock of
///           the last reader that was inside at the call. Those whose moment matters (callback_moment::any) may, by a choice of the strategy, be left
///           for the next read_unlock, call or barrier of any thread.
#pragma once

#include <arch/grace_periods.hpp>
#include <arch/task.hpp>

namespace arch {
inline namespace relacy {

struct rcu_head {
    rcu_head* next = nullptr;
    void (*callback)(rcu_head&) = nullptr;
    unsigned readers = 0; ///< those inside at the call that have not left
};

class rcu_domain {
  public:
    explicit rcu_domain(grace_periods = grace_periods::frequent) {}
    rcu_domain(const rcu_domain&) = delete;
    rcu_domain& operator=(const rcu_domain&) = delete;

    void read_lock(site = site::here()) {
        if (depth_[detail::self_index()] == 0) {
            detail::scheduling_point();
            detail::touch(this, false); // who reads does not matter to other readers
            readers_ |= detail::self_bit();
            begun_.acquire();
        }
        depth_[detail::self_index()] += 1;
    }

    void read_unlock(site at = site::here()) {
        if (depth_[detail::self_index()] == 0)
            fail(daxtorture::invariant::I22, "RCU read section left that was not entered", "", at);
        depth_[detail::self_index()] -= 1;
        if (depth_[detail::self_index()] != 0)
            return;
        detail::touch(this, anybody_waits());
        left_.release();
        readers_ &= ~detail::self_bit();
        unsigned wake = 0;
        for (unsigned i = 0; i < detail::max_threads; ++i) {
            if (waits_for_[i] != 0 && (waits_for_[i] &= ~detail::self_bit()) == 0)
                wake |= 1u << i;
        }
        if (wake != 0)
            detail::state.host->unblock(wake);
        for (rcu_head* head = queue_; head != nullptr; head = head->next)
            head->readers &= ~detail::self_bit();
        run_ready();
    }

    void synchronize(site at = site::here()) {
        detail::scheduling_point();
        detail::touch(this, true);
        detail::full_fence();
        begun_.release();
        if (readers_ != 0) {
            waits_for_[detail::self_index()] = readers_;
            sleep(at);
        }
        left_.acquire();
        detail::full_fence();
    }

    void call(rcu_head& head, void (*callback)(rcu_head&), callback_moment when = callback_moment::first,
              site = site::here()) {
        detail::scheduling_point();
        detail::touch(this, true);
        begun_.release();
        head.callback = callback;
        head.readers = readers_;
        head.next = nullptr;
        rcu_head** last = &queue_;
        while (*last != nullptr)
            last = &(*last)->next;
        *last = &head;
        const bool later = when == callback_moment::any && !detail::state.special && head.readers == 0 &&
                           detail::state.host->may_fail();
        if (!later)
            run_ready();
    }

    /// Waits until every callback queued before it has run.
    void barrier(site at = site::here()) {
        detail::scheduling_point();
        detail::touch(this, true);
        run_ready();
        while (queue_ != nullptr || running_ != 0) {
            barrier_waiters_ |= detail::self_bit();
            sleep(at);
        }
        left_.acquire();
        detail::full_fence();
    }

    bool in_read_section() const { return depth_[detail::self_index()] != 0; }

  private:
    void sleep(site at) {
        current().waiting.begin(wait_kind::grace_period, this, 0, at);
        detail::park(this, at);
        detail::touch(this, true); // a new step
        current().waiting.end();
    }
    /// The last reader to leave does something for somebody else.
    bool anybody_waits() const {
        unsigned any = barrier_waiters_ | (queue_ != nullptr ? 1u : 0u);
        for (const unsigned readers : waits_for_)
            any |= readers;
        return any != 0;
    }

    void run_ready() {
        for (rcu_head** link = &queue_; *link != nullptr;) {
            rcu_head* head = *link;
            if (head->readers != 0) {
                link = &head->next;
                continue;
            }
            *link = head->next;
            detail::touch(this, true);
            running_ += 1;
            begun_.acquire();          // what its caller did before call()
            left_.acquire();           // what the readers did that it waited for
            head->callback(*head);     // may queue, free the head, or let other threads run
            detail::touch(this, true); // the callback may have made steps
            left_.release();
            running_ -= 1;
            link = &queue_;
        }
        if (queue_ == nullptr && running_ == 0 && barrier_waiters_ != 0) {
            const unsigned wake = barrier_waiters_;
            barrier_waiters_ = 0;
            detail::state.host->unblock(wake);
        }
    }

    unsigned depth_[detail::max_threads + 1] = {};
    unsigned readers_ = 0;
    unsigned waits_for_[detail::max_threads + 1] = {};
    rcu_head* queue_ = nullptr;
    unsigned running_ = 0;
    unsigned barrier_waiters_ = 0;
    detail::clock begun_; ///< released when a grace period begins, acquired by later readers and by callbacks
    detail::clock left_;  ///< released by readers that leave
};

class rcu_read_guard {
  public:
    explicit rcu_read_guard(rcu_domain& domain, site at = site::here()) : domain_(domain), at_(at) {
        domain_.read_lock(at);
    }
    ~rcu_read_guard() { domain_.read_unlock(at_); }
    rcu_read_guard(const rcu_read_guard&) = delete;
    rcu_read_guard& operator=(const rcu_read_guard&) = delete;

  private:
    rcu_domain& domain_;
    site at_;
};

} // namespace relacy
} // namespace arch
