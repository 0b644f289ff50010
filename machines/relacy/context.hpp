/// The simulated machine as the engine drives it: Relacy's context with our scheduler, for one number of threads.
///
/// Only context_*.cpp include this. Relacy's own schedulers are not used: every decision goes to `turns`.
///   * a scheduling point at which the same thread goes on does not switch fibres;
///   * cells of atomics and plain data come from an arena that the next execution reuses;
///   * global new and delete, which Relacy replaces, go to heap.hpp, inside fibres too;
///   * its loop of executions ends after each one, so that the search has the loop.
#pragma once

#include "heap.hpp"

#include <algorithm>
#include <array>
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

#include "relacy_machine.hpp"

namespace daxtorture {

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

template <int N> class context;

template <int N> struct suite : rl::test_suite<suite<N>, N> {
    void before() { host().set_up(); }
    void thread(unsigned i) { host().thread(i); }
    void after() { host().finish(); }

  private:
    static relacy_machine& host() { return static_cast<context<N>&>(*simulated::state.host).host(); }
};

/// What the context and its scheduler share.
struct running_thread {
    relacy_machine& host;
    unsigned now = 0;
    unsigned chosen = turn::nobody; ///< decided before the context switches
};

/// What Relacy asks of a scheduler, answered by `turns`.
template <int N> class scheduler {
  public:
    using shared_context_t = running_thread;

    scheduler(rl::test_params&, running_thread& thread, rl::thread_id_t) : thread_(thread) {}

    rl::thread_id_t iteration_begin(rl::iteration_t) {
        thread_.chosen = turn::nobody;
        const unsigned first = thread_.host.next(turn::nobody, false);
        if (first != turn::stop)
            return switch_to(first);
        thread_.host.stop_before_set_up();
        return switch_to(0);
    }
    bool iteration_end() { return true; }
    rl::iteration_t iteration_count() const { return 1; }
    rl::thread_id_t schedule(rl::unpark_reason& reason, unsigned) {
        reason = rl::unpark_reason_normal;
        if (thread_.chosen == turn::nobody)
            thread_.chosen = thread_.host.next(turn::nobody, false);
        if (thread_.chosen == turn::stop)
            rl::ctx().rl_until("", {});
        return switch_to(std::exchange(thread_.chosen, turn::nobody));
    }
    unsigned rand(unsigned limit, rl::sched_type type) {
        if (limit < 2)
            return 0;
        return thread_.host.decides().pick(
            type == rl::sched_type_atomic_load ? choice_kind::load : choice_kind::rare, limit, thread_.now);
    }
    bool park_current_thread(bool, bool) {
        thread_.host.decides().block(1u << thread_.now);
        return thread_.host.decides().runnable() != 0;
    }
    void unpark_thread(rl::thread_id_t thread, bool) { thread_.host.decides().unblock(1u << thread); }
    rl::thread_finish_result thread_finished() {
        turns& turn = thread_.host.decides();
        turn.finish(thread_.now);
        if (turn.finished() == (1u << N) - 1)
            return rl::thread_finish_result_last;
        return turn.runnable() == 0 ? rl::thread_finish_result_deadlock : rl::thread_finish_result_normal;
    }
    rl::thread_id_t create_thread() { return 0; }
    void get_state(std::ostream&) {}
    void set_state(std::istream&) {}

  private:
    rl::thread_id_t switch_to(unsigned thread) {
        thread_.now = thread;
        return static_cast<rl::thread_id_t>(thread);
    }

    running_thread& thread_;
};

/// The parameters that Relacy's context keeps references to.
struct relacy_parameters {
    relacy_parameters() {
        params.output_stream = &nowhere;
        params.progress_stream = &nowhere;
        params.search_type = rl::sched_random; // loads may be two stores old
        params.execution_depth_limit = ~0u;    // `turns` has the limit
    }
    std::ostream nowhere{nullptr};
    rl::test_params params;
};

template <int N>
class context final : private relacy_parameters,
                      private running_thread,
                      public rl::context_impl<suite<N>, scheduler<N>>,
                      public simulated::engine,
                      public simulation {
    using base = rl::context_impl<suite<N>, scheduler<N>>;

  public:
    explicit context(relacy_machine& host)
        : running_thread{host}, base(relacy_parameters::params, static_cast<running_thread&>(*this)) {
        simulated::state.host = this;
    }
    ~context() override { simulated::state.host = nullptr; }
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    relacy_machine& host() { return running_thread::host; }

    void run() override {
        atomics_.clear();
        plains_.clear();
        static_cast<void>(base::simulate2(false));
    }
    void reset() override { base::destroy_current_test_suite(); }

    rl::atomic_data* new_atomic() override {
        // The value a cell starts with was written before all threads: everybody's clock covers time 0, and nobody reads past it.
        cell* data = atomics_.get();
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
    void begin_release_sequence(rl::atomic_data* of, bool release) override {
        auto& data = *static_cast<rl::atomic_data_impl<N>*>(of);
        const auto& me = *static_cast<rl::thread_info<N>*>(rl::ctx().threadx_);
        std::copy_n(release ? me.acq_rel_order_ : me.release_fence_order_, N,
                    data.history_[data.current_index_ % rl::atomic_history_size].acq_rel_order_);
    }
    void order_under_sc(rl::atomic_data* of, bool written) override {
        auto& data = static_cast<cell&>(*static_cast<rl::atomic_data_impl<N>*>(of));
        rl::thread_info_base& me = *rl::ctx().threadx_;
        const auto& newest = data.history_[data.current_index_ % rl::atomic_history_size];
        for (int i = 0; i < N; ++i) {
            if (written)
                me.acq_rel_order_[i] =
                    std::max({me.acq_rel_order_[i], data.reads[i], newest.acq_rel_order_[i]});
            else
                data.reads[i] = std::max(data.reads[i], me.acq_rel_order_[i]);
        }
        me.own_acq_rel_order_ += 1;
    }
    void block(unsigned threads) override { decides().block(threads); }
    void unblock(unsigned threads) override { decides().unblock(threads); }
    bool may_fail() override { return decides().pick(choice_kind::rare, 2, running_thread::now) != 0; }
    std::string describe(const void* object) override { return host().describe(object); }

  private:
    turns& decides() { return host().decides(); }

    void sched() override {
        if (simulated::state.special)
            return;
        turns& turn = decides();
        const unsigned me = running_thread::now;
        reach(turn, me);
        host().announce(me, simulated::state.announced);
        if (!turn.first_step(me) && turn.runnable() != 1u << me)
            switch_to(host().next(me, false), me, turn);
        // A fibre that ended its thread goes on here in the next execution, which another search may have begun.
        decides().go_on(me);
    }

    void yield(unsigned, rl::debug_info_param) override {
        if (simulated::state.special)
            return;
        turns& turn = decides();
        const unsigned me = running_thread::now;
        rl::thread_info_base& thread = *rl::ctx().threadx_;
        thread.last_yield_ = thread.own_acq_rel_order_;
        reach(turn, me);
        host().announce(me, {});
        switch_to(host().next(me, true), me, turn);
    }

    void reach(turns& turn, unsigned me) {
        ++simulated::state.steps[me];
        if (!turn.reach())
            fail_test("", rl::test_result_livelock, {});
        if (turn.late()) {
            simulated::state.watching = true;
            turn.watch(simulated::state.shared, me);
        }
    }

    void switch_to(unsigned next, unsigned me, const turns& turn) {
        if (next == me)
            return;
        if (next == turn::stop)
            base::rl_until("", {}); // leaves the execution
        if (simulated::state.recording && (turn.runnable() >> me & 1) != 0 &&
            !simulated::state.events.empty() && simulated::state.events.back().thread == me)
            simulated::state.events.back().preempted = true;
        running_thread::chosen = next;
        base::sched();
    }

    void fail_test(const char* text, rl::test_result_e kind, rl::debug_info_param at) override {
        host().failed(kind, text, at);
        base::fail_test(text, kind, at);
    }

    void atomic_thread_fence_seq_cst() override {
        // Without Relacy's scheduling point: see full_fence().
        rl::context& c = rl::ctx();
        static_cast<rl::thread_info<N>*>(c.threadx_)->atomic_thread_fence_seq_cst(c.seq_cst_fence_order_);
    }

    void* alloc(std::size_t size, bool, rl::debug_info_param) override { return alloc(size); }
    void* alloc(std::size_t size) override {
        void* p = take_block(recycled, size);
        if (p == nullptr)
            throw std::bad_alloc();
        return p;
    }
    void free(void* p, bool, rl::debug_info_param) override { free(p); }
    void free(void* p) override { give_back(recycled, p); }

    struct cell : rl::atomic_data_impl<N> {
        std::array<rl::timestamp_t, N> reads{}; ///< under sc: what happened before some read
    };

    arena<cell> atomics_;
    arena<rl::var_data_impl<N>> plains_;
};

/// Each N is instantiated in a translation unit of its own family.
template <int N> std::unique_ptr<simulation> make_simulation(relacy_machine& host) {
    return std::make_unique<context<N>>(host);
}

} // namespace daxtorture
