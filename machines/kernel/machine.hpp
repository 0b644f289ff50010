/// Runs the threads of a scenario over the real objects of a kernel: one execution after another, each decided by a strategy or a pilot.
///
/// A thread is a context of its own, on a CPU of its own. It stops at hooks only: at accesses of the kernel's code, at locks, where it
/// sleeps, and where the glue says so. Everything between two hooks is one step. An execution ends when all threads have ended and the
/// checks at quiescence are done, or at the first violation, crash or hang; then its contexts are abandoned.
///
/// There is one machine in a process: the hooks are plain functions.
#pragma once

#include "abi.h"
#include "footprints.hpp"
#include "memory.hpp"
#include "store_buffers.hpp"

#include "search/turns.hpp"
#include "words/failure.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture::kernel_machine {

/// What the threads do, and what is looked at when they are done.
class body {
  public:
    virtual ~body() = default;
    virtual unsigned threads() const = 0;
    virtual void begin() = 0;  ///< before the world is built
    virtual void set_up() = 0; ///< as a task of its own, before the threads
    virtual void keep() = 0;   ///< the world is complete: each further execution begins here
    virtual void go_back() = 0;
    virtual void thread(unsigned number) = 0;
    virtual void check() = 0; ///< after the threads
    virtual failure explain_hang() = 0;
};

/// Where a thread is stopped.
enum class hook : std::uint8_t {
    access,
    spin, ///< an access to the same word, again and again
    point,
    enter,
    leave,
    operation
};

/// A failure that is not news.
struct known_failure {
    daxtorture::invariant invariant = daxtorture::invariant::none;
    std::string cause; ///< how it begins
};

/// What steps have in common beside memory. Numbers below those of any word.
enum class unspoken : std::uint8_t { task, grace_periods, oracle };

/// Decides hook by hook, instead of a strategy.
class pilot {
  public:
    virtual ~pilot() = default;
    virtual void begin() = 0;
    /// Before a hook of the running thread: who goes on, one of the mask.
    virtual unsigned at(hook kind, const void* place, unsigned thread, unsigned runnable) = 0;
    /// The running thread sleeps, waits or has ended: who goes on.
    virtual unsigned after(unsigned thread, bool ended, unsigned runnable) = 0;
    /// How many of its stores the thread keeps in its buffer when it stops.
    virtual unsigned kept(unsigned /*buffered*/) { return 0; }
};

/// One access of a thread to something that others touch, or another step of note.
struct raw_event {
    enum class kind : std::uint8_t { access, lock, unlock, block, wake, begin, end };
    kind what = kind::access;
    unsigned thread = 0;
    int operation = -1;
    const void* place = nullptr; ///< the hook's return address
    std::uintptr_t address = 0;
    unsigned size = 0;
    bool write = false;
    bool preempted = false;
    std::uint64_t before = 0;
    std::uint64_t after = 0;
};

struct counters {
    std::uint64_t executions = 0;
    std::uint64_t accesses = 0;
    std::uint64_t switches = 0;
    std::uint64_t points = 0; ///< scheduling decisions asked for
};

/// A schedule as it was: for each stretch of one thread its number, the hooks it passed, and the stores it kept when it stopped.
using stretch_log = std::vector<std::uint32_t>;

class machine {
  public:
    static machine& get() { return only_ != nullptr ? *only_ : make(); }

    /// Executes the body once. `found()` says what came of it.
    void execute(body& what, strategy& decides);
    void execute(body& what, pilot& decides);

    const failure& found() const { return found_; }
    bool abandoned() const { return abandoned_; }
    const stretch_log& stretches() const { return stretches_; }
    const schedule_log& decisions() const { return turns_.log(); }
    const std::string& strategy_error() const { return turns_.error(); }
    const std::vector<raw_event>& events() const { return events_; }

    footprints& shared() { return shared_; }
    counters& count() { return count_; }
    memory& ram() { return memory_; }
    void set_tso(bool on) { tso_ = on; }
    /// An execution goes on after a warning of the kernel that is one of these.
    void set_known(std::vector<known_failure> all) { known_ = std::move(all); }
    bool is_known(const failure& what) const;
    void set_recording(bool on) { recording_ = on; }
    /// Each execution must begin in the same world: else something leaked from one into the next. Where it differs; nullptr: nowhere.
    const void* leak();
    /// What leaked is put right, and copied before each execution from now on.
    void learn_leaks();

    // ---- for the body
    unsigned current() const { return current_; }
    void begin_operation(unsigned thread, int number);
    void end_operation(unsigned thread);
    bool is_asleep(unsigned thread) const { return threads_[thread].state == run_state::asleep; }
    bool is_waiting(unsigned thread) const { return threads_[thread].state == run_state::waits; }
    bool has_ended(unsigned thread) const { return threads_[thread].state == run_state::ended; }
    int operation_of(unsigned thread) const { return operations_[thread]; }
    std::vector<const void*> call_stack(unsigned thread) const; ///< innermost first
    const void* blocked_at(unsigned thread) const { return threads_[thread].blocked_at; }

    // ---- for the hooks
    bool searching() const { return phase_ == phase::threads; }
    bool in_kernel() const { return phase_ != phase::idle; }
    void access(std::uintptr_t address, unsigned long size, int kind, const void* place);
    void glue_access(std::uintptr_t address, unsigned long size, bool write);
    void point(machine_point_kind kind, const void* object, const void* place);
    /// The step looks at, or changes, something that has no address in the world.
    void touch(unspoken object, bool write, unsigned number = 0);
    void fence();
    void enter(const void* place);
    void leave(const void* place);
    void wait(const void* lock, const void* place);
    void released(const void* lock);
    void sleep(const void* place);
    void wake(unsigned task);
    void defer(void* head, void (*callback)(void*));
    void rcu_enter();
    void rcu_leave();
    void rcu_wait();
    void remove_device();
    /// Ends the execution.
    [[noreturn]] void fail(failure what);
    /// The kernel warns, and would go on.
    void warn(failure what);
    std::uint64_t moment() const { return moment_; } ///< grows with each hook of the execution

  private:
    enum class phase : std::uint8_t { idle, building, set_up, threads, checks };
    enum class run_state : std::uint8_t { runnable, waits, asleep, ended };
    static constexpr unsigned set_up_task = machine_threads;
    static constexpr unsigned call_depth = 192;

    struct thread_state {
        void* context = nullptr;
        run_state state = run_state::runnable;
        const void* awaited = nullptr;
        const void* blocked_at = nullptr;
        std::uint32_t hooks = 0; ///< in this stretch
        unsigned rcu_depth = 0;
        std::uintptr_t last_address = 0;
        unsigned same_address = 0; ///< accesses in a row
        bool unfinished = false;   ///< its last event has no value after it yet
        unsigned depth = 0;
        std::array<const void*, call_depth> calls{};
        store_buffer stores;
    };
    struct deferred {
        void* head;
        void (*callback)(void*);
        unsigned readers; ///< who must leave first
    };

    machine();
    static machine& make();
    void execute(body& what);
    bool prepare(body& what);
    bool build(body& what);
    void run_threads(body& what);
    void run_task(void (*entry)());
    void start(unsigned task, void (*entry)());
    static void build_entry();
    static void set_up_entry();
    static void thread_entry();
    static void check_entry();
    void end_of_task();
    void hang();
    void switch_to(unsigned task);
    void to_main();
    /// `first`: the access that comes next, when it is known.
    void choose(hook kind, const void* place, bool yields, daxtorture::access first = {});
    bool notes() const { return phase_ == phase::threads && pilot_ == nullptr && turns_.noting(); }
    void obey(unsigned next);
    void go_on_elsewhere(bool ended);
    void count_step();
    bool spins(thread_state& me, std::uintptr_t address);
    void record(raw_event what);
    void finish_event(unsigned thread);
    void run_callbacks();
    static bool is_page_of_device(std::uintptr_t address);
    void check_changed_page();
    void require_others(const char* problem);
    void check_memory_map(std::uintptr_t address);

    inline static machine* only_ = nullptr;

    memory memory_;
    footprints shared_;
    counters count_;
    turns turns_;
    body* body_ = nullptr;
    const body* kept_ = nullptr; ///< whose world was kept
    strategy* strategy_ = nullptr;
    pilot* pilot_ = nullptr;
    std::array<thread_state, machine_tasks> threads_;
    std::array<std::uint32_t, machine_tasks> steps_{};
    std::array<int, machine_tasks> operations_{};
    std::array<daxtorture::access, machine_tasks> next_{}; ///< by which each thread's next step begins
    void* main_context_ = nullptr;
    unsigned current_ = set_up_task;
    phase phase_ = phase::idle;
    bool tso_ = false;
    bool recording_ = false;
    bool device_removed_ = false;
    bool abandoned_ = false; ///< the strategy has seen enough of this execution
    std::uint64_t moment_ = 0;
    std::uintptr_t changed_page_ = 0; ///< a word of the memory map that the last access wrote; 0: none
    failure found_;
    stretch_log stretches_;
    std::vector<known_failure> known_;
    std::vector<raw_event> events_;
    std::vector<std::ptrdiff_t> last_event_of_ = std::vector<std::ptrdiff_t>(machine_tasks, -1);
    std::vector<deferred> callbacks_;
};

} // namespace daxtorture::kernel_machine
