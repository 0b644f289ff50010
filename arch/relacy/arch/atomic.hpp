/// Atomic objects of the model on the simulated machine.
///
/// Relacy keeps the history of an object (which store is how old and who has seen what); the values lie here, beside it.
/// Ordering  as written under memory class weak; strengthened under tso and sc, see detail/state.hpp.
///           order::full RMW: fence, RMW, fence, as the kernel's value-returning atomics; never a lone seq_cst RMW, which
///           orders nothing around itself.
///           A failed compare_exchange is a relaxed load of the newest value without fences.
/// Every access but peek() is a scheduling point, before the access; of fences see smp_mb.
/// Checked   tests/relacy
#pragma once

#include <arch/detail/state.hpp>
#include <arch/order.hpp>

namespace arch {
inline namespace relacy {

template <class T> class atomic {
  public:
    atomic() : atomic(T{}) {}
    explicit atomic(T value) : value_(value) { detail::touch(this, true); }
    ~atomic() {
        detail::touch(this, true);
        alive_ = 0;
    }
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(order o, site at = site::here()) const {
        if (detail::state.special)
            return value_;
        enter(at);
        detail::touch(this, false);
        o = detail::effective(o, "load", at);
        rl::thread_info_base& me = detail::self();
        const unsigned i = o == order::relaxed && as_written() ? me.atomic_load_relaxed(cell_)
                                                               : me.atomic_load_acquire(cell_);
        const T read = history_[i];
        if (detail::state.recording)
            detail::record("load", this, at, detail::text(read), {}, i != newest_);
        return read;
    }

    void store(T value, order o, site at = site::here()) {
        if (detail::state.special) {
            value_ = value;
            return;
        }
        enter(at);
        o = detail::effective(o, "store", at);
        rl::thread_info_base& me = detail::self();
        const T before = value_;
        const bool release = o != order::relaxed || !as_written();
        set(release ? me.atomic_store_release(cell_) : me.atomic_store_relaxed(cell_), value);
        // Relacy follows C++11, where a thread's later stores belong to its release; C++20 and the LKMM have read-modify-writes only.
        detail::state.host->begin_release_sequence(cell_, release);
        if (detail::state.recording)
            detail::record("store", this, at, detail::text(before), detail::text(value));
    }

    T exchange(T value, order o, site at = site::here()) {
        return rmw([value](T) { return value; }, o, at);
    }
    T fetch_add(T value, order o, site at = site::here()) {
        return rmw([value](T old) { return static_cast<T>(old + value); }, o, at);
    }
    T fetch_sub(T value, order o, site at = site::here()) {
        return rmw([value](T old) { return static_cast<T>(old - value); }, o, at);
    }
    T fetch_or(T value, order o, site at = site::here()) {
        return rmw([value](T old) { return static_cast<T>(old | value); }, o, at);
    }
    T fetch_and(T value, order o, site at = site::here()) {
        return rmw([value](T old) { return static_cast<T>(old & value); }, o, at);
    }

    bool compare_exchange(T& expected, T desired, order o, site at = site::here()) {
        if (detail::state.special) {
            const bool equal = value_ == expected;
            (equal ? value_ : expected) = equal ? desired : value_;
            return equal;
        }
        enter(at);
        const T before = value_;
        const bool equal = before == expected;
        if (equal) {
            write(desired, detail::effective(o, "rmw", at));
        } else {
            detail::touch(this, false);
            detail::self().atomic_load_relaxed_rmw(cell_);
            expected = before;
        }
        if (detail::state.recording)
            detail::record(equal ? "cas" : "cas-fail", this, at, detail::text(before),
                           equal ? detail::text(desired) : std::string());
        return equal;
    }

    T peek() const {
        detail::touch(this, false);
        return value_;
    }

    /// exchange() without a scheduling point, for this machine's own steps that are one with the access before them.
    T exchange_in_step(T value, order o, site at) {
        return rmw([value](T) { return value; }, o, at, false);
    }

  private:
    static constexpr std::uint32_t alive_mark = 0x5ca1ab1e;

    static bool as_written() { return detail::state.memory == detail::memory_class::weak; }

    void enter(site at, bool new_step = true) const {
        if (new_step)
            detail::scheduling_point();
        if (alive_ != alive_mark)
            detail::stop(rl::test_result_access_to_freed_memory, "atomic object used after its end", at);
        if (cell_ == nullptr) {
            cell_ = detail::state.host->new_atomic();
            newest_ = 1;
            history_[newest_] = value_;
        }
    }

    void set(unsigned index, T value) {
        detail::touch(this, true);
        newest_ = index;
        history_[index] = value;
        detail::state.stored = true;
        detail::watch_change(this, value_, value);
        value_ = value;
    }

    void write(T value, order o) {
        const bool full = o == order::full || !as_written();
        if (full)
            detail::full_fence();
        rl::thread_info_base& me = detail::self();
        bool unseen = false;
        unsigned index = 0;
        switch (full ? order::acq_rel : o) {
        case order::relaxed:
            index = me.atomic_rmw_relaxed(cell_, unseen);
            break;
        case order::acquire:
            index = me.atomic_rmw_acquire(cell_, unseen);
            break;
        case order::release:
            index = me.atomic_rmw_release(cell_, unseen);
            break;
        case order::acq_rel:
        case order::full:
            index = me.atomic_rmw_acq_rel(cell_, unseen);
            break;
        }
        set(index, value);
        if (full)
            detail::full_fence();
    }

    template <class F> T rmw(F change, order o, site at, bool new_step = true) {
        if (detail::state.special) {
            const T before = value_;
            value_ = change(before);
            return before;
        }
        enter(at, new_step);
        const T before = value_;
        write(change(before), detail::effective(o, "rmw", at));
        if (detail::state.recording)
            detail::record("rmw", this, at, detail::text(before), detail::text(value_));
        return before;
    }

    T value_;
    mutable T history_[rl::atomic_history_size];
    mutable rl::atomic_data* cell_ = nullptr;
    mutable unsigned newest_ = 0;
    volatile std::uint32_t alive_ = alive_mark;
};

/// A step of its own after a store: another thread may see the store and fence first, and is then not behind what came before the store.
/// After a load it need not be: who comes between the two and fences first may come before the load, which then reads an old value. What comes
/// first in a thread is a step in any case.
inline void smp_mb(site at = site::here()) {
    if (detail::state.special || detail::effective(order::full, "fence", at) != order::full)
        return;
    const bool first = !detail::state.special && detail::state.steps[detail::self_index()] == 0;
    if (detail::state.stored || first)
        detail::scheduling_point();
    detail::full_fence();
    if (detail::state.recording)
        detail::record("fence", nullptr, at);
}

/// smp_mb() right after a read-modify-write.
inline void smp_mb_after_atomic(site at = site::here()) { smp_mb(at); }

} // namespace relacy
} // namespace arch
