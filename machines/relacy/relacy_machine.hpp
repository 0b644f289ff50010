/// The part of Relacy's machine that does not depend on the number of threads: what one execution does before, between and after the
/// steps of its threads. The other part is context.hpp.
#pragma once

#include "machine.hpp"

#include <arch/machine.hpp>

#include <arch/detail/state.hpp>

#include <array>
#include <csetjmp>
#include <functional>
#include <memory>
#include <vector>

namespace daxtorture {

namespace simulated = arch::relacy::detail;
static_assert(simulated::max_threads == max_threads);

/// Relacy's context for one number of threads.
class simulation {
  public:
    virtual ~simulation() = default;
    /// From the start of the threads until they are at their end, or somebody left.
    virtual void run() = 0;
    /// What an execution left behind that is not at its end.
    virtual void reset() = 0;
};

class relacy_machine : public machine {
  public:
    explicit relacy_machine(body& runs);
    explicit relacy_machine(std::unique_ptr<body> runs);
    ~relacy_machine() override;
    relacy_machine(const relacy_machine&) = delete;
    relacy_machine& operator=(const relacy_machine&) = delete;

    unsigned threads() const override { return body_.threads(); }
    void configure(const machine_options& options) override;
    ending run(turns& decides, execution& told) override;
    std::vector<met_order> orders_met() const override;
    operation_counts counts() const override { return body_.counts(); }

    // What the context calls. The first three run on fibres.
    void set_up();
    void thread(unsigned number);
    void finish();
    /// The execution ends here; the context leaves it.
    void failed(rl::test_result_e kind, const char* text, rl::debug_info_param at);
    /// The thread whose step comes now, or turn::stop. Once a decision: in the header for its speed.
    unsigned next(unsigned current, bool yielding) {
        if (turns_->watched()) [[unlikely]]
            return next_watched(current, yielding);
        return turns_->next(current, yielding);
    }
    /// Before the first step: the set-up is not to be made.
    void stop_before_set_up() { stopped_ = true; }
    turns& decides() { return *turns_; }
    /// The thread comes to a scheduling point, and this access is what lies behind it.
    void announce(unsigned thread, simulated::touched next) {
        announced_[thread] = {next.object, next.written};
    }
    std::string describe(const void* object) { return body_.describe(object); }

  private:
    /// Fibres stay in their loop from one execution to the next. One that was left in the middle starts again where it began.
    struct fibre {
        rl::thread_info_base* thread = nullptr; ///< null: it has not run yet
        std::jmp_buf fresh;
        void* stack = nullptr;
    };

    unsigned next_watched(unsigned current, bool yielding);
    void begin(turns& decides, execution& told);
    void meet_fibre(rl::thread_info_base& thread);
    void reset_fibres();
    void note_step();
    bool setup_is_blocked(const snapshot& state); ///< and if so, tells where
    void name_failure(rl::test_result_e kind, const char* text, rl::debug_info_param at);
    std::vector<event> named_events();

    std::unique_ptr<body> owned_;
    body& body_;
    machine_options options_;
    weak_order weaken_;
    std::unique_ptr<simulation> simulation_;
    std::array<fibre, max_threads> fibres_;
    turns* turns_ = nullptr;
    execution* told_ = nullptr;
    ending ending_ = ending::abandoned;
    bool failing_ = false;
    bool stopped_ = false; ///< before its set-up
    bool setting_up_ = false;
    std::array<access, max_threads> announced_;
};

template <int N> std::unique_ptr<simulation> make_simulation(relacy_machine& host);

} // namespace daxtorture
