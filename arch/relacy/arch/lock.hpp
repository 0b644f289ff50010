/// Locks: spinlock, mutex and rwsem, which on this machine differ in their names only.
///
/// Ordering  lock acquires what earlier unlocks of the same lock released.
/// Points    Taking a lock is a scheduling point, before it. Dropping one is not: what other threads do commutes with it,
///           except that they try the lock, and a try that comes between a drop and the dropper's next step may therefore
///           fail (a choice of the strategy), as it would one step earlier.
/// Blocking  a blocked thread can be scheduled only while the lock is free for it: no futile wake-ups, fewer schedules, and
///           a thread that never can be scheduled is a deadlock the scheduler sees.
///           A waiting writer keeps new readers out; those that already waited compete with it. Neither loses an outcome:
///           the reader that overtakes a waiting writer is the reader that came first.
/// Checks    I29: the order of classes at every lock (not at a try), and that no task takes a lock twice.
#pragma once

#include <arch/guard.hpp>
#include <arch/task.hpp>

#include <bit>

namespace arch {
inline namespace relacy {

namespace detail {

inline void check_lock_order(const lock_class& type, site at) {
    if (const lock_class* held = current().held.would_invert(type)) {
        const std::string values = std::string(type.name) + " taken while " + held->name + " is held";
        fail(daxtorture::invariant::I29, "locks taken in the wrong order", values.c_str(), at);
    }
}

class lock_base {
  public:
    using drop_site = site;

    explicit lock_base(const lock_class& type) : type_(&type) {}
    lock_base(const lock_base&) = delete;
    lock_base& operator=(const lock_base&) = delete;

    const lock_class& type() const { return *type_; }

  protected:
    static constexpr unsigned none = ~0u;

    void wait(unsigned& waiters, site at) {
        waiters |= self_bit();
        current().waiting.begin(wait_kind::lock, this, 0, at);
        touch(this, true);
        park(this, at);
        touch(this, true); // a new step
        current().waiting.end();
        waiters &= ~self_bit();
    }
    void taken(const char* kind, site at) {
        sync_.acquire();
        current().held.push(*type_, this, at);
        if (state.recording)
            record(kind, this, at, type_->name);
    }
    void dropped(const char* kind, site at) {
        sync_.release();
        current().held.pop(this);
        if (!state.special) {
            droppers_ |= self_bit();
            drop_step_[self_index()] = state.steps[self_index()];
        }
        if (state.recording)
            record(kind, this, at, type_->name);
    }
    /// A try may still find the lock held by a thread that has not made a step since it dropped it: one that is at its end, or stands at the
    /// scheduling point of its next step.
    bool try_may_fail() const {
        bool may = false;
        for (unsigned left = state.special ? 0 : droppers_ & ~self_bit(); left != 0; left &= left - 1) {
            const auto dropper = static_cast<unsigned>(std::countr_zero(left));
            state.steps_read |= 1u << dropper;
            may = may || state.steps[dropper] - drop_step_[dropper] <= 1;
        }
        return may && state.host->may_fail();
    }
    /// Whoever has the lock for itself knows that all others have dropped it.
    void nobody_dropping() { droppers_ = 0; }

    const lock_class* type_;
    clock sync_;
    unsigned droppers_ = 0; ///< since somebody last had the lock for itself
    std::uint32_t drop_step_[max_threads] = {};
};

class exclusive_lock : public lock_base {
  public:
    using lock_base::lock_base;

    void lock(site at = site::here()) {
        scheduling_point();
        touch(this, true);
        if (owner_ == self_index())
            fail(daxtorture::invariant::I29, "lock taken twice by one task", type_->name, at);
        check_lock_order(*type_, at);
        while (owner_ != none)
            wait(waiters_, at);
        take(at);
    }
    bool try_lock(site at = site::here()) {
        scheduling_point();
        touch(this, true);
        if (owner_ != none || try_may_fail()) {
            if (state.recording)
                record("lock-fail", this, at, type_->name);
            return false;
        }
        take(at);
        return true;
    }
    void unlock(site at = site::here()) {
        touch(this, true);
        if (owner_ != self_index())
            fail(daxtorture::invariant::I29, "lock dropped by a task that does not hold it", type_->name, at);
        owner_ = none;
        dropped("unlock", at);
        if (waiters_ != 0)
            state.host->unblock(waiters_);
    }
    bool is_locked() const {
        touch(this, false);
        return owner_ != none;
    }

  private:
    void take(site at) {
        owner_ = self_index();
        nobody_dropping();
        taken("lock", at);
        if (waiters_ != 0)
            state.host->block(waiters_);
    }

    unsigned owner_ = none;
    unsigned waiters_ = 0;
};

} // namespace detail

class spinlock : public detail::exclusive_lock {
  public:
    using exclusive_lock::exclusive_lock;
};

class mutex : public detail::exclusive_lock {
  public:
    using exclusive_lock::exclusive_lock;
};

class rwsem : public detail::lock_base {
  public:
    using lock_base::lock_base;

    void down_read(site at = site::here()) {
        detail::scheduling_point();
        detail::touch(this, false); // readers that come in together may do so in any order
        if ((readers_ & detail::self_bit()) != 0 || writer_ == detail::self_index())
            fail(daxtorture::invariant::I29, "lock taken twice by one task", type_->name, at);
        detail::check_lock_order(*type_, at);
        if (writer_ != none || writers_waiting_ != 0)
            do
                wait(readers_waiting_, at);
            while (writer_ != none);
        readers_ |= detail::self_bit();
        taken("lock", at);
        if (writers_waiting_ != 0)
            detail::state.host->block(writers_waiting_);
    }
    void up_read(site at = site::here()) {
        detail::touch(this, true);
        if ((readers_ & detail::self_bit()) == 0)
            fail(daxtorture::invariant::I29, "lock dropped by a task that does not hold it", type_->name, at);
        readers_ &= ~detail::self_bit();
        dropped("unlock", at);
        if (readers_ == 0)
            let_in();
    }
    void down_write(site at = site::here()) {
        detail::scheduling_point();
        detail::touch(this, true);
        if ((readers_ & detail::self_bit()) != 0 || writer_ == detail::self_index())
            fail(daxtorture::invariant::I29, "lock taken twice by one task", type_->name, at);
        detail::check_lock_order(*type_, at);
        while (writer_ != none || readers_ != 0)
            wait(writers_waiting_, at);
        take(at);
    }
    bool try_down_write(site at = site::here()) {
        detail::scheduling_point();
        detail::touch(this, true);
        if (writer_ != none || readers_ != 0 || try_may_fail()) {
            if (detail::state.recording)
                detail::record("lock-fail", this, at, type_->name);
            return false;
        }
        take(at);
        return true;
    }
    void up_write(site at = site::here()) {
        detail::touch(this, true);
        if (writer_ != detail::self_index())
            fail(daxtorture::invariant::I29, "lock dropped by a task that does not hold it", type_->name, at);
        writer_ = none;
        dropped("unlock", at);
        let_in();
    }
    /// downgrade_write: the writer goes on as a reader, and no other writer comes in between.
    void downgrade(site at = site::here()) {
        detail::touch(this, true);
        if (writer_ != detail::self_index())
            fail(daxtorture::invariant::I29, "lock dropped by a task that does not hold it", type_->name, at);
        writer_ = none;
        readers_ = detail::self_bit();
        sync_.release();
        if (detail::state.recording)
            detail::record("downgrade", this, at, type_->name);
        if (readers_waiting_ != 0)
            detail::state.host->unblock(readers_waiting_);
    }
    bool is_locked() const {
        detail::touch(this, false);
        return writer_ != none || readers_ != 0;
    }

  private:
    void take(site at) {
        writer_ = detail::self_index();
        nobody_dropping();
        taken("lock", at);
        block_waiters();
    }
    void block_waiters() {
        if ((readers_waiting_ | writers_waiting_) != 0)
            detail::state.host->block(readers_waiting_ | writers_waiting_);
    }
    void let_in() {
        if ((readers_waiting_ | writers_waiting_) != 0)
            detail::state.host->unblock(readers_waiting_ | writers_waiting_);
    }

    unsigned writer_ = none;
    unsigned readers_ = 0;
    unsigned readers_waiting_ = 0;
    unsigned writers_waiting_ = 0;
};

using read_guard = guard<rwsem, hold::for_reading>;
using write_guard = guard<rwsem, hold::for_writing>;

} // namespace relacy
} // namespace arch
