/// The simulated machine as the engine drives it: Relacy's context with our scheduler, for one number of threads.
///
/// Only context.cpp includes this. Relacy's own schedulers are not used: every decision goes to `turns`.
///   * a scheduling point at which the same thread goes on does not switch fibres;
///   * cells of atomics and plain data come from an arena that the next execution reuses;
///   * global new and delete, which Relacy replaces, take and give back blocks of malloc, inside fibres too.
#pragma once

#include "explore.hpp"
#include "recycler.hpp"
#include "turns.hpp"

#include <climits>
#include <memory>

// All of Relacy comes before arch/, which undefines the macros that these headers need. In this order: they lean on it.
#include <relacy/context.hpp>

#include <relacy/context_base_impl.hpp>

#include <relacy/atomic.hpp>

#include <relacy/var.hpp>

#include <relacy/test_suite.hpp>

#include <relacy/stdlib/mutex.hpp>

#include <relacy/stdlib/condition_variable.hpp>

#include <relacy/stdlib/semaphore.hpp>

#include <relacy/stdlib/event.hpp>

#include <arch/machine.hpp>

#include <arch/detail/state.hpp>

namespace daxtorture {

namespace machine = arch::relacy::detail;

/// Looks at an execution that does not end, under fair turns, for the argument that it never will.
struct livelock_watch {
    static constexpr std::size_t most = 64;
    std::uint64_t states[most] = {}; ///< digests of the shared values
    std::size_t count = 0;
    bool many = false; ///< more states than fit: it may be getting somewhere
    std::uint64_t steps[8] = {};
    std::uint64_t length = 0;

    void begin() { *this = {}; }
    void see(std::uint64_t state, unsigned thread) {
        ++length;
        ++steps[thread];
        if (many || std::find(states, states + count, state) != states + count)
            return;
        many = count == most;
        if (!many)
            states[count++] = state;
    }
    /// The shared values went round a few states while every thread that could run did so again and again.
    bool proves(unsigned runnable) const {
        bool all = !many && length != 0;
        for (unsigned i = 0; i < 8; ++i)
            all = all && ((runnable >> i & 1) == 0 || steps[i] >= 100 * (count + 1));
        return all;
    }
};

/// One exploration: what it runs, what it found. Independent of the number of threads.
struct exploration {
    exploration(body& runs, strategy& decides, const exploration_options& with)
        : what(runs), how(decides), options(with), number(with.first) {}

    body& what;
    strategy& how;
    std::unique_ptr<replay_strategy> again; ///< an execution is being run for the second time
    const exploration_options& options;
    exploration_result result;
    turns turn;
    std::uint64_t number; ///< of the current execution
    bool probing = false;
    bool nothing_to_do = false;
    double started = 0;
    double reported = 0;
    bool failing = false;
    bool setting_up = false;
    schedule_log first_log; ///< of the execution that is run again, and how it ended
    std::uint64_t first_steps = 0;
    std::uint64_t first_outcome = 0;
    std::uint64_t outcome = 0;
    livelock_watch watch;
    std::function<void()> recycle; ///< gives the cells of the last execution back
    std::vector<void*> stacks;     ///< of the fibres; Relacy frees none

    bool begin_execution(); ///< false: the strategy has nothing left
    bool end_execution();   ///< true: stop
    bool run_again();       ///< begins the second run of the execution that just ended
    bool differs() const;   ///< the second run was not the first one
    void report_difference(const char* how);
    void report_tool_failure(std::string cause, const std::string& detail);
    void watch_step(unsigned thread);               ///< of an execution beyond its limit
    unsigned next(unsigned current, bool yielding); ///< the thread whose step comes now
    void note_step();                               ///< if the strategy wants to know of it
    address_map blocks;                             ///< of the present world, when footprints are taken
    void failed(rl::test_result_e kind, const char* text, rl::debug_info_param at);
    bool setup_is_blocked(const snapshot& state); ///< and if so, says where
    void set_up();
    void thread(unsigned i);
    void finish();
};
extern exploration* exploring;

inline unsigned exploration::next(unsigned current, bool yielding) {
    if (!turn.watched()) [[likely]]
        return turn.next(current, yielding);
    note_step();
    const unsigned chosen = turn.next(current, yielding);
    machine::state.tracking = !machine::state.special && how.notes();
    return chosen;
}

template <class T> class arena {
  public:
    T* get() {
        if (used_ == chunks_.size() * chunk)
            chunks_.push_back(std::make_unique<slot[]>(chunk));
        void* where = chunks_[used_ / chunk][used_ % chunk].bytes;
        ++used_;
        return ::new (where) T();
    }
    void clear() { used_ = 0; }

  private:
    static constexpr std::size_t chunk = 256;
    struct slot {
        alignas(T) unsigned char bytes[sizeof(T)];
    };
    std::vector<std::unique_ptr<slot[]>> chunks_;
    std::size_t used_ = 0;
};

template <int N> struct suite : rl::test_suite<suite<N>, N> {
    void before() { exploring->set_up(); }
    void thread(unsigned i) { exploring->thread(i); }
    void after() { exploring->finish(); }
};

/// What Relacy asks of a scheduler, answered by `turns`.
template <int N> class scheduler {
  public:
    struct shared_context_t {};

    scheduler(rl::test_params&, shared_context_t&, rl::thread_id_t) {}

    rl::thread_id_t iteration_begin(rl::iteration_t) {
        running = static_cast<int>(exploring->next(turn::nobody, false));
        return running;
    }
    bool iteration_end() { return exploring->end_execution(); }
    rl::iteration_t iteration_count() const { return 1; }
    rl::thread_id_t schedule(rl::unpark_reason& reason, unsigned) {
        reason = rl::unpark_reason_normal;
        running = chosen >= 0 ? chosen : static_cast<int>(exploring->next(turn::nobody, false));
        chosen = -1;
        return running;
    }
    unsigned rand(unsigned limit, rl::sched_type type) {
        if (limit < 2)
            return 0;
        return exploring->turn.pick(type == rl::sched_type_atomic_load ? choice_kind::load
                                                                       : choice_kind::rare,
                                    limit, static_cast<unsigned>(running));
    }
    bool park_current_thread(bool, bool) {
        exploring->turn.block(1u << running);
        return exploring->turn.runnable() != 0;
    }
    void unpark_thread(rl::thread_id_t thread, bool) { exploring->turn.unblock(1u << thread); }
    rl::thread_finish_result thread_finished() {
        turns& turn = exploring->turn;
        turn.finish(static_cast<unsigned>(running));
        if (turn.finished() == (1u << N) - 1)
            return rl::thread_finish_result_last;
        return turn.runnable() == 0 ? rl::thread_finish_result_deadlock : rl::thread_finish_result_normal;
    }
    rl::thread_id_t create_thread() { return 0; }
    void get_state(std::ostream&) {}
    void set_state(std::istream&) {}

    static inline int running = 0; ///< one context per process, and Relacy gives no way to its scheduler
    static inline int chosen = -1; ///< decided before the context switches
};

template <int N>
class context final : public rl::context_impl<suite<N>, scheduler<N>>, public machine::engine {
    using base = rl::context_impl<suite<N>, scheduler<N>>;

  public:
    context(rl::test_params& params, typename scheduler<N>::shared_context_t& shared) : base(params, shared) {
        machine::state.host = this;
        exploring->recycle = [this] {
            atomics_.clear();
            plains_.clear();
        };
    }
    ~context() { machine::state.host = nullptr; }
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    rl::atomic_data* new_atomic() override {
        // The value a cell starts with was written before all threads: everybody's clock covers time 0, and nobody reads past it.
        rl::atomic_data_impl<N>* data = atomics_.get();
        data->current_index_ = 1;
        auto& first = data->history_[1];
        first.busy_ = true;
        first.seq_cst_ = false;
        first.thread_id_ = 0;
        first.acq_rel_timestamp_ = 0;
        for (int i = 0; i < N; ++i) {
            first.acq_rel_order_[i] = 0;
            first.first_seen_order_[i] = static_cast<rl::timestamp_t>(-1);
        }
        return data;
    }
    rl::var_data* new_plain() override { return plains_.get(); }
    void begin_release_sequence(rl::atomic_data* cell, bool release) override {
        auto& data = *static_cast<rl::atomic_data_impl<N>*>(cell);
        const auto& me = *static_cast<rl::thread_info<N>*>(rl::ctx().threadx_);
        std::copy_n(release ? me.acq_rel_order_ : me.release_fence_order_, N,
                    data.history_[data.current_index_ % rl::atomic_history_size].acq_rel_order_);
    }
    void block(unsigned threads) override { exploring->turn.block(threads); }
    void unblock(unsigned threads) override { exploring->turn.unblock(threads); }
    bool may_fail() override {
        return exploring->turn.pick(choice_kind::rare, 2, static_cast<unsigned>(scheduler<N>::running)) != 0;
    }

  private:
    void sched() override {
        if (machine::state.special)
            return;
        turns& turn = exploring->turn;
        const unsigned me = static_cast<unsigned>(scheduler<N>::running);
        ++machine::state.steps[me];
        if (!turn.step())
            give_up();
        if (turn.late())
            exploring->watch_step(me);
        if (!turn.first_step(me) && turn.runnable() != 1u << me)
            switch_to(exploring->next(me, false), me, turn);
        if (exploring->options.cover != nullptr)
            exploring->options.cover->step(me, machine::state.operation[me]);
    }

    void yield(unsigned, rl::debug_info_param) override {
        if (machine::state.special)
            return;
        turns& turn = exploring->turn;
        const unsigned me = static_cast<unsigned>(scheduler<N>::running);
        rl::thread_info_base& thread = *rl::ctx().threadx_;
        thread.last_yield_ = thread.own_acq_rel_order_;
        ++machine::state.steps[me];
        if (!turn.step())
            give_up();
        if (turn.late())
            exploring->watch_step(me);
        switch_to(exploring->next(me, true), me, turn);
    }

    void switch_to(unsigned next, unsigned me, turns& turn) {
        if (!turn.error().empty())
            fail_test(turn.error().c_str(), rl::test_result_inconsistent_test_suite, {});
        if (next == me)
            return;
        if (machine::state.recording && (turn.runnable() >> me & 1) != 0 && !machine::state.events.empty() &&
            machine::state.events.back().thread == me)
            machine::state.events.back().preempted = true;
        scheduler<N>::chosen = static_cast<int>(next);
        base::sched();
    }

    void give_up() { fail_test("", rl::test_result_livelock, {}); }

    void fail_test(const char* text, rl::test_result_e kind, rl::debug_info_param at) override {
        exploring->failed(kind, text, at);
        base::fail_test(text, kind, at);
    }

    void atomic_thread_fence_seq_cst() override {
        // Without Relacy's scheduling point: see full_fence().
        rl::context& c = rl::ctx();
        static_cast<rl::thread_info<N>*>(c.threadx_)->atomic_thread_fence_seq_cst(c.seq_cst_fence_order_);
    }

    void* alloc(std::size_t size, bool, rl::debug_info_param) override { return alloc(size); }
    void* alloc(std::size_t size) override {
        void* p = recycled.get(size == 0 ? 1 : size);
        if (p == nullptr)
            throw std::bad_alloc();
        return p;
    }
    void free(void* p, bool, rl::debug_info_param) override { free(p); }
    void free(void* p) override { recycled.put(p); }

    arena<rl::atomic_data_impl<N>> atomics_;
    arena<rl::var_data_impl<N>> plains_;
};

/// Runs the exploration with N threads. Each N is instantiated in a translation unit of its own family.
template <int N> void run_exploration(exploration& e) {
    std::ostream nowhere(nullptr);
    rl::test_params params;
    params.output_stream = &nowhere;
    params.progress_stream = &nowhere;
    params.search_type = rl::sched_random; // loads may be two stores old
    params.execution_depth_limit = ~0u;    // `turns` has the limit
    typename scheduler<N>::shared_context_t shared;
    e.stacks.assign(N, nullptr);
    {
        context<N> machine(params, shared);
        machine.simulate2(false);
    }
    for (void* stack : e.stacks)
        (::free)(stack);
}

} // namespace daxtorture
