/// Grace periods. One domain for RCU proper, a second for the hardware's page walks against a TLB flush.
///
/// States    each task has a word of its own, on its own cache line: even outside, odd inside a read section.
/// Ordering  read_lock    full: what the section reads comes after the word is odd. With grace_periods::rare the reader only
///                        keeps the compiler from moving anything, and synchronize makes every running thread of the
///                        process pass a full barrier (membarrier(2)) before it looks at the words
///           read_unlock  release
///           synchronize  full at both ends: every section that began before it has ended when it returns, and a section that
///                        begins later sees everything done before it
/// Blocking  read side never. synchronize spins, then polls with short sleeps: readers pay nothing for its waiting.
/// Callbacks call() queues; barrier() runs what was queued before it, whatever the caller holds, and so callbacks take no lock.
///           synchronize() and a call() that fills a batch do the same when the caller holds no lock and is in no read section.
/// Checked   tests/host/rcu_test.cpp
#pragma once

#include <arch/atomic.hpp>
#include <arch/grace_periods.hpp>
#include <arch/machine.hpp>
#include <arch/site.hpp>
#include <arch/task.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace arch {
inline namespace host {

struct rcu_head {
    rcu_head* next = nullptr;
    void (*function)(rcu_head&) = nullptr;
};

class rcu_domain {
  public:
    /// Task ids must be lower.
    static constexpr unsigned tasks_max = 1024;

    explicit rcu_domain(grace_periods how_often = grace_periods::frequent);
    ~rcu_domain();
    rcu_domain(const rcu_domain&) = delete;
    rcu_domain& operator=(const rcu_domain&) = delete;

    void read_lock(site = site::here()) {
        reader& self = mine();
        if (self.nesting++ != 0)
            return;
        preemption_point();
        const std::uint64_t count =
            self.word.load(std::memory_order_relaxed); // relaxed: only this task writes it
        if (waiter_fences_) {
            self.word.store(count + 1, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst); // the other half is in wait_for_readers
            return;
        }
        detail::fence_beside_rmw();
        // An exchange and not a store: the section's reads must not be made before synchronize can see the word.
        self.word.exchange(count + 1, std::memory_order_seq_cst);
        detail::fence_beside_rmw();
    }
    void read_unlock(site = site::here()) {
        reader& self = mine();
        if (--self.nesting != 0)
            return;
        const std::uint64_t count = self.word.load(std::memory_order_relaxed);
        self.word.store(count + 1, std::memory_order_release);
    }
    void synchronize(site at = site::here());
    /// Callbacks come late in any case here.
    void call(rcu_head& head, void (*function)(rcu_head&), callback_moment = callback_moment::first,
              site at = site::here());
    void barrier(site at = site::here());

  private:
    struct alignas(64) reader {
        std::atomic<std::uint64_t> word{0};
        unsigned nesting = 0; ///< its task's alone
    };
    static constexpr unsigned chunk_size = 4; ///< synchronize looks at whole chunks
    static constexpr unsigned batch = 64;
    using chunk = std::array<reader, chunk_size>;

    reader& mine() {
        const unsigned id = current().id;
        // acquire: the chunk is built by whoever needs it first
        chunk* part = chunks_[id / chunk_size].load(std::memory_order_acquire);
        if (part == nullptr) [[unlikely]]
            part = add_chunk(id);
        return (*part)[id % chunk_size];
    }
    chunk* add_chunk(unsigned id) noexcept;
    void wait_for_readers(site at);
    void wait_and_run(site at);
    bool may_run_callbacks();
    void run(rcu_head* list);

    const bool waiter_fences_; ///< synchronize fences for the readers
    std::array<std::atomic<chunk*>, tasks_max / chunk_size> chunks_{};
    std::atomic<unsigned> chunks_used_{0}; ///< one past the highest chunk in use
    std::atomic<rcu_head*> callbacks_{nullptr};
    std::atomic<unsigned> queued_{0};
    std::atomic<unsigned> running_{0}; ///< threads that took callbacks and have not run them all
};

class [[nodiscard]] rcu_read_guard {
  public:
    explicit rcu_read_guard(rcu_domain& domain, site at = site::here()) : domain_(domain) {
        domain_.read_lock(at);
    }
    ~rcu_read_guard() { domain_.read_unlock(); }
    rcu_read_guard(const rcu_read_guard&) = delete;
    rcu_read_guard& operator=(const rcu_read_guard&) = delete;

  private:
    rcu_domain& domain_;
};

} // namespace host
} // namespace arch
