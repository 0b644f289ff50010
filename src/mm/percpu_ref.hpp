/// A reference count that costs its users no shared cache line until somebody wants it to end. Mirrors percpu_ref, lib/percpu-refcount.c
/// and include/linux/percpu-refcount.h, v6.15 (kernel fact O8).
///
/// States    live, per CPU -> dying: DEAD and ATOMIC set, users of the old mode inside their RCU sections -> atomic: the CPUs' counts are
///           summed up in one word -> zero: released, once -> exited: the counts are gone until init()
/// Counting  each task counts on its own CPU with plain instructions; one CPU's count may be negative when a reference is dropped elsewhere.
///           The shared word starts with a bias, so that puts in atomic mode cannot reach 0 before the sum has been added
/// Ordering  tryget_live  an RCU section around the look at the mode and the count: the switch sums up after a grace period, so every count
///                        made in the old mode is in the sum. Relaxed otherwise; full in atomic mode (atomic_long_inc_not_zero)
///           switch       sum first, then ONE addition of sum - bias: between two additions the word would be too low by the references
///                        that live in the sum, and a put could reach 0
///           put          full in atomic mode (atomic_long_sub_and_test): the releaser sees what every user did
/// Blocking  never; who waits for the release waits for a completion (mm/completion.hpp)
/// Checked   tests/mm/percpu_ref_test.cpp and the scenarios with unbind; broken by the rules percpu-switch, percpu-sum and percpu-put [I22]
#pragma once

#include "protocol/rules.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/rcu.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class percpu_ref : arch::rcu_head {
  public:
    using callback = void (*)(percpu_ref&);

    /// Exited. `owner` is whom the release callback looks for.
    percpu_ref(const protocol& rules, arch::rcu_domain& rcu, unsigned cpus, void* owner = nullptr,
               bool ledger = true);

    /// Live, in per-CPU mode, with one reference: the one that kill() drops. `release` is called when the last one goes.
    void init(callback release);

    /// A reference unless the count is dead. In a dying one it may still succeed for who came before the switch.
    bool tryget_live(arch::site at = arch::site::here());
    /// For who holds a reference already.
    void get_many(long n);
    void put_many(long n);
    void put() { put_many(1); }

    /// No new references; drops the initial one. `confirm` is called when every CPU knows.
    void kill_and_confirm(callback confirm);
    void kill() { kill_and_confirm(nullptr); }
    /// The per-CPU counts are freed: nobody may come any more.
    void exit();

    void* owner() const { return owner_; }

    /// For the oracle, while the count is live: all references, the initial one among them.
    long peek_live_references() const;
    bool peek_live() const { return mode_.peek() == 0; }
    bool peek_initialised() const { return initialised_.get(); }

  private:
    static constexpr unsigned atomic_bit = 1, dead_bit = 2;
    static constexpr long bias = 1L << 32; // any number of references is smaller

    struct alignas(64) cpu_count {
        arch::atomic<long> count{0}; ///< written by its own task, read after a grace period
        arch::oracle<long> held{0};  ///< the ledger: references taken here less those dropped here
    };

    cpu_count& here();
    void count_here(long n);
    void note_held(long n);
    bool nobody_holds() const;
    void switch_to_atomic();
    void switch_to_atomic_rcu();
    void release_if(bool last);

    const protocol& rules_;
    arch::rcu_domain& rcu_;
    const unsigned cpus_;
    void* const owner_;
    const bool ledger_;
    callback release_ = nullptr; ///< both are set while nobody else has the object
    callback confirm_ = nullptr;
    arch::atomic<unsigned> mode_{atomic_bit | dead_bit}; ///< the low bits of percpu_count_ptr
    arch::atomic<long> count_{0};
    arch::spinlock switch_lock_;
    std::unique_ptr<cpu_count[]> cpu_;
    arch::oracle<bool> initialised_{false};
    arch::oracle<bool> summed_{false};
    arch::oracle<bool> released_{false};
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
