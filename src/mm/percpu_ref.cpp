#include "mm/percpu_ref.hpp"

#include "mm/lock_classes.hpp"

#include <arch/check.hpp>
#include <arch/task.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

percpu_ref::percpu_ref(const protocol& rules, arch::rcu_domain& rcu, unsigned cpus, void* owner, bool ledger)
    : rules_(rules), rcu_(rcu), cpus_(cpus), owner_(owner), ledger_(ledger),
      switch_lock_(lock_classes::percpu_ref_switch), cpu_(std::make_unique<cpu_count[]>(cpus)) {}

percpu_ref::cpu_count& percpu_ref::here() { return cpu_[arch::current().id]; }

void percpu_ref::note_held(long n) {
    if (ledger_)
        here().held.add(n);
}

void percpu_ref::init(callback release) {
    for (unsigned i = 0; i < cpus_; ++i) {
        cpu_[i].count.store(0, order::relaxed); // relaxed: nobody else has the object yet
        cpu_[i].held.set(0);
    }
    release_ = release;
    confirm_ = nullptr;
    initialised_.set(true);
    summed_.set(false);
    released_.set(false);
    note_held(1);
    count_.store(bias + 1, order::relaxed);
    mode_.store(0, order::release); // release: who finds the count live finds it initialised
}

void percpu_ref::count_here(long n) {
    // this_cpu_add: no other task writes this CPU's word
    arch::atomic<long>& mine = here().count;
    mine.store(mine.load(order::relaxed) + n, order::relaxed);
    if (!initialised_.get())
        arch::fail(invariant::I22, "a per-CPU count was used after percpu_ref_exit", "percpu_ref");
    if (summed_.get())
        arch::fail(invariant::I22, "a reference was counted on a CPU whose count had been summed up",
                   "percpu_ref");
}

bool percpu_ref::tryget_live(arch::site at) {
    const arch::rcu_read_guard reading(rcu_, at);
    // acquire stands for the dependency from the mode's word to the counts that it points at
    const unsigned mode = mode_.load(order::acquire, at);
    if ((mode & atomic_bit) == 0) {
        count_here(1);
    } else {
        if ((mode & dead_bit) != 0)
            return false;
        long seen = count_.load(order::relaxed, at);
        do {
            if (seen == 0)
                return false;
        } while (!count_.compare_exchange(seen, seen + 1, order::full, at));
    }
    note_held(1);
    return true;
}

void percpu_ref::get_many(long n) {
    const arch::rcu_read_guard reading(rcu_);
    if ((mode_.load(order::acquire) & atomic_bit) == 0)
        count_here(n);
    else
        count_.fetch_add(
            n, order::relaxed); // relaxed: atomic_long_add; the caller's own reference keeps it above 0
    note_held(n);
}

void percpu_ref::put_many(long n) {
    const arch::rcu_read_guard reading(rcu_);
    note_held(-n); // before the count: whoever releases must find nobody
    if ((mode_.load(order::acquire) & atomic_bit) == 0) {
        count_here(-n);
        return;
    }
    if (rules_.percpu_puts == percpu_put::sub_and_test) {
        release_if(count_.fetch_sub(n, order::full) == n);
        return;
    }
    count_.fetch_sub(n, order::full);
    release_if(count_.load(order::relaxed) == 0);
}

void percpu_ref::release_if(bool last) {
    if (!last)
        return;
    if (released_.get())
        arch::fail(invariant::I22, "a percpu_ref was released a second time", "percpu_ref_put");
    released_.set(true);
    if (!nobody_holds())
        arch::fail(invariant::I22, "a percpu_ref was released while references are held", "percpu_ref_put");
    release_(*this);
}

void percpu_ref::kill_and_confirm(callback confirm) {
    const arch::guard held(switch_lock_);
    if ((mode_.fetch_or(dead_bit, order::relaxed) & dead_bit) != 0) { // relaxed: the grace period orders it
        arch::fail(invariant::I22, "a percpu_ref was killed that was dead", "percpu_ref_kill_and_confirm");
        return;
    }
    confirm_ = confirm;
    switch_to_atomic();
    put();
}

void percpu_ref::switch_to_atomic() {
    mode_.fetch_or(atomic_bit, order::relaxed); // relaxed: as above
    get_many(1);                                // dropped when the switch is over
    if (rules_.percpu_switches == percpu_switch::at_once) {
        switch_to_atomic_rcu();
        return;
    }
    rcu_.call(
        *this, [](arch::rcu_head& head) { static_cast<percpu_ref&>(head).switch_to_atomic_rcu(); },
        arch::callback_moment::any);
}

void percpu_ref::switch_to_atomic_rcu() {
    if (rules_.percpu_sums == percpu_sum::after_bias)
        count_.fetch_sub(bias, order::relaxed);
    long sum = 0;
    for (unsigned i = 0; i < cpus_; ++i)
        sum += cpu_[i].count.load(order::relaxed); // relaxed: after the grace period of every writer
    summed_.set(true);
    // relaxed: atomic_long_add; the grace period before it and the puts after it order what matters
    count_.fetch_add(rules_.percpu_sums == percpu_sum::after_bias ? sum : sum - bias, order::relaxed);
    if (confirm_ != nullptr)
        confirm_(*this);
    put();
}

void percpu_ref::exit() {
    if (initialised_.get() && !released_.get())
        arch::fail(invariant::I22, "a percpu_ref exited before it was released", "percpu_ref_exit");
    initialised_.set(false);
    mode_.store(atomic_bit | dead_bit, order::relaxed); // relaxed: dead since kill()
}

/// What the ledger says: without one, nobody.
bool percpu_ref::nobody_holds() const {
    long sum = 0;
    for (unsigned i = 0; i < cpus_; ++i)
        sum += cpu_[i].held.get();
    return sum == 0;
}

long percpu_ref::peek_live_references() const {
    long sum = count_.peek() - bias;
    for (unsigned i = 0; i < cpus_; ++i)
        sum += cpu_[i].count.peek();
    return sum;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
