/// Guards: a lock held while in scope, on every machine. unlock() and relock() are the kernel's drop and retake.
#pragma once

#include <arch/site.hpp>

namespace arch {

namespace hold {

struct exclusively {
    static void take(auto& lock, site at) { lock.lock(at); }
    static void drop(auto& lock, site at) { lock.unlock(at); }
};
struct for_reading {
    static void take(auto& lock, site at) { lock.down_read(at); }
    static void drop(auto& lock, site at) { lock.up_read(at); }
};
struct for_writing {
    static void take(auto& lock, site at) { lock.down_write(at); }
    static void drop(auto& lock, site at) { lock.up_write(at); }
};

/// The `drop_site` of locks that do not ask where they are dropped: a guard then keeps none.
struct nowhere {
    constexpr explicit nowhere(site) {}
    constexpr operator site() const { return {}; }
};

} // namespace hold

/// Of a spinlock or mutex; each machine has read_guard and write_guard for its rwsem.
template <class L, class How = hold::exclusively> class [[nodiscard]] guard {
  public:
    explicit guard(L& lock, site at = site::here()) : lock_(lock), at_(at) { How::take(lock_, at); }
    ~guard() {
        if (held_)
            How::drop(lock_, at_); // in a history it stands where it was taken: a scope's end has no site
    }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

    void unlock(site at = site::here()) {
        held_ = false;
        How::drop(lock_, at);
    }
    void relock(site at = site::here()) {
        How::take(lock_, at);
        held_ = true;
    }

  private:
    L& lock_;
    [[no_unique_address]] const typename L::drop_site at_;
    bool held_ = true;
};

} // namespace arch
