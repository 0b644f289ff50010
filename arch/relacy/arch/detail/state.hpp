/// What the wrappers share with the engine that runs them: mode, memory class, recorder, the violation.
///
/// One execution is simulated at a time and by one native thread, so all of this is plain data. The engine fills it in
/// before an execution, the wrappers read it at every access.
///
/// Modes      special: set-up before the threads start and checks after they ended. One task runs, everything it does happens
///            before (after) everything the threads do, so accesses touch the value alone and never the simulation. A
///            simulated cell is made at the first access of a thread; that makes an object cost what a plain field costs
///            unless a scenario uses it.
///            threads: every access goes through Relacy.
/// Footprints what a thread's step between two points of choice reads and writes, noted by `touch` while the engine wants to know which
///            steps commute (docs/search.md). A primitive that touches shared state by other means than atomic, plain and oracle says so.
/// Ordering   `clock` is a vector clock for synchronisation that is not an atomic object: locks, wake-ups, grace periods.
#pragma once

#include <arch/detail/relacy.hpp>
#include <arch/order.hpp>
#include <arch/site.hpp>

#include "words/invariant.hpp"

#include <type_traits>

namespace arch {
inline namespace relacy {

struct task;

namespace detail {

inline constexpr unsigned max_threads = 8;

/// sc: a load reads the newest value. tso: loads acquire, stores release, RMWs are full: a superset of TSO, because loads of
/// two threads may still disagree about the order of independent stores. weak: orders as the model writes them.
enum class memory_class : unsigned char { sc, tso, weak };

struct raw_event {
    unsigned thread;
    int operation;
    site at;
    const char* kind;
    const void* object;
    std::string before;
    std::string after;
    bool stale;
    bool preempted;
    std::size_t decisions; ///< made before it
};

/// An access whose memory order may be weakened: the place of the call and what it does there.
struct order_site {
    site at;
    const char* kind; ///< "load", "store", "rmw", "fence"
    order as_written;
};

/// Memory orders under examination. Off in every ordinary search: an access then tests one flag.
struct order_probe {
    bool collecting = false;
    std::vector<order_site> seen; ///< while collecting: every access that is not relaxed, each once
    bool weakening = false;
    std::string file; ///< of the access to weaken, below the root
    std::string kind;
    unsigned line = 0;
    order weaker = order::relaxed; ///< a weakened fence is none at all
};

struct found_violation {
    bool present = false;
    daxtorture::invariant invariant = daxtorture::invariant::none;
    std::string cause;
    std::string detail;
    site at;
};

/// An object that a step read or wrote.
struct touched {
    const void* object;
    bool written;
};

/// Services of the engine that depend on its number of threads.
class engine {
  public:
    virtual rl::atomic_data*
    new_atomic() = 0; ///< freed with the execution; its one value was written before everything
    virtual rl::var_data* new_plain() = 0;
    /// The newest store of the running thread, which is no read-modify-write, goes on with no earlier store's release.
    virtual void begin_release_sequence(rl::atomic_data* cell, bool release) = 0;
    virtual void block(unsigned threads) = 0;   ///< masks: these threads cannot run ...
    virtual void unblock(unsigned threads) = 0; ///< ... until somebody lets them
    virtual bool may_fail() = 0; ///< a choice of the strategy, false unless it wants the rare outcome

  protected:
    ~engine() = default;
};

struct machine_state {
    bool special = true;
    bool recording = false;
    memory_class memory = memory_class::weak;
    unsigned threads = 1; ///< also the number of the set-up task in events
    unsigned special_spins = 0;
    bool stored = false; ///< the running step wrote to an atomic object, and no full fence came after it
    engine* host = nullptr;
    task* bound[max_threads + 1] = {}; ///< by thread; the last is that of set-up and final checks
    int operation[max_threads + 1] = {};
    std::uint32_t steps[max_threads + 1] = {}; ///< scheduling points each thread passed
    std::vector<raw_event> events;
    found_violation violation;
    const std::vector<std::uint32_t>* schedule = nullptr; ///< decisions of this execution so far
    bool probing_orders = false;
    order_probe orders;
    bool watching = false; ///< changes of shared values go into `shared`
    std::uint64_t shared =
        0; ///< digest of all changes since watching began: the same values, the same digest
    std::string (*describe)(const void*) = nullptr;
    bool tracking = false; ///< never in the special modes
    std::vector<touched> touches;
    unsigned steps_read = 0; ///< threads of which the step asked whether they have made a step
};
inline machine_state state;

/// The running step reads or writes the object.
inline void touch(const void* object, bool written) {
    if (state.tracking) [[unlikely]]
        state.touches.push_back({object, written});
}

inline rl::thread_info_base& self() { return *rl::ctx().threadx_; }
inline unsigned self_index() { return state.special ? max_threads : static_cast<unsigned>(self().index_); }
inline unsigned self_bit() { return 1u << self_index(); }
inline unsigned self_number() { return state.special ? state.threads : self_index(); }

inline rl::debug_info info(site at) { return {at.function, at.file, at.line}; }

/// Another thread may run here. In the special modes there is none.
inline void scheduling_point() {
    if (!state.special)
        rl::ctx().sched();
    state.stored = false;
}

/// Ends the execution; does not return.
inline void stop(rl::test_result_e kind, const char* why, site at) {
    rl::ctx().fail_test(why, kind, info(at));
}

/// A full fence, part of the running step.
inline void full_fence() {
    if (state.special)
        return;
    touch(&state, true); // all full fences have one order, and what each sees is what those before it saw
    rl::ctx().atomic_thread_fence_seq_cst();
    state.stored = false;
}

template <class T> std::string text(T value) {
    if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_enum_v<T>) {
        return text(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) {
        if (value == nullptr)
            return "null";
        std::string name = state.describe ? state.describe(static_cast<const void*>(value)) : std::string();
        return name.empty() ? "pointer" : "&" + name;
    } else if constexpr (std::is_integral_v<T>) {
        if (std::is_signed_v<T> || value <= static_cast<T>(9999) || sizeof(T) == 1)
            return std::to_string(value);
        std::ostringstream out;
        out << "0x" << std::hex << +value;
        return out.str();
    } else {
        return "?";
    }
}

/// The order that an access has now: as written, unless it is the one under examination.
inline order examined(order written, const char* kind, site at) {
    order_probe& p = state.orders;
    if (p.weakening && at.line == p.line && p.kind == kind) {
        const std::size_t length = std::strlen(at.file);
        if (length >= p.file.size() && p.file == at.file + (length - p.file.size()))
            return p.weaker;
    }
    if (p.collecting && written != order::relaxed) {
        for (const order_site& one : p.seen)
            if (one.at.line == at.line && one.kind == kind && std::strcmp(one.at.file, at.file) == 0)
                return written;
        p.seen.push_back({at, kind, written});
    }
    return written;
}
inline order effective(order written, const char* kind, site at) {
    return state.probing_orders ? examined(written, kind, at) : written;
}

/// While watching: a shared value changes.
template <class T> void watch_change(const void* object, T before, T after) {
    if (!state.watching) [[likely]]
        return;
    const auto mixed = [object](T value) {
        std::uint64_t x = reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u;
        if constexpr (std::is_pointer_v<T>)
            x ^= reinterpret_cast<std::uintptr_t>(value);
        else
            x ^= static_cast<std::uint64_t>(value);
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
    };
    state.shared ^= mixed(before) ^ mixed(after);
}

inline void record(const char* kind, const void* object, site at, std::string before = {},
                   std::string after = {}, bool stale = false) {
    state.events.push_back({self_number(), state.operation[self_index()], at, kind, object, std::move(before),
                            std::move(after), stale, false,
                            state.schedule != nullptr ? state.schedule->size() : 0});
}

class clock {
  public:
    void acquire() {
        if (state.special)
            return;
        rl::thread_info_base& me = self();
        me.own_acq_rel_order_ += 1;
        for (unsigned i = 0; i < state.threads; ++i)
            me.acq_rel_order_[i] = std::max(me.acq_rel_order_[i], order_[i]);
    }
    void release() {
        if (state.special)
            return;
        rl::thread_info_base& me = self();
        me.own_acq_rel_order_ += 1;
        for (unsigned i = 0; i < state.threads; ++i)
            order_[i] = std::max(order_[i], me.acq_rel_order_[i]);
    }

  private:
    std::array<rl::timestamp_t, max_threads> order_{};
};

/// Blocks the calling thread until `engine::unblock` names it. No scheduling point lies between the caller's last check
/// and the block, so no wake can be lost in between. All threads blocked: a deadlock, and the execution ends.
inline void park(const void* object, site at) {
    if (state.recording)
        record("block", object, at);
    if (state.special)
        stop(rl::test_result_inconsistent_test_suite, "set-up or final check blocks", at);
    // Relacy takes a block for a yield, after which loads are fresh. What wakes a thread orders it, the sleep does not.
    rl::thread_info_base& me = self();
    const rl::timestamp_t last_yield = me.last_yield_;
    rl::ctx().park_current_thread(false, false, false, info(at));
    me.last_yield_ = last_yield;
    state.stored = false;
}

} // namespace detail
} // namespace relacy
} // namespace arch
