/// A schedule in words, valid on any tree (docs/kernel.md): one step a line,
///
///     THREAD entry|exit FUNCTION [xN]     until the thread enters or leaves the function, the N-th time
///     THREAD at FUNCTION[:LINE] [xN]      until its next access inside the function, inlined or not
///     THREAD op N                         until it begins its operation number N, from 0
///     THREAD blocked                      until it sleeps or waits for a lock
///     THREAD done                         until it has ended
///
/// `#` begins a comment. When the steps are used up the threads go on one after the other.
#pragma once

#include "machine.hpp"

#include "scenario/program.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::kernel_machine {

struct plan_step {
    enum class until : std::uint8_t { entry, exit, at, operation, blocked, done };

    unsigned line = 0;
    std::string text;
    unsigned thread = 0;
    until what = until::done;
    std::string function;
    unsigned number = 0; ///< of the operation
    unsigned times = 1;
    std::vector<const void*> places; ///< of `at`
};

struct plan_result {
    std::vector<plan_step> steps;
    std::string error; ///< "file:line: message"; empty: none
};
plan_result parse_plan(std::string_view text, const std::string& file, const program& of);

class plan_pilot : public pilot {
  public:
    explicit plan_pilot(std::vector<plan_step> steps) : steps_(std::move(steps)) {}

    void begin() override;
    unsigned at(hook kind, const void* place, unsigned thread, unsigned runnable) override;
    unsigned after(unsigned thread, bool ended, unsigned runnable) override;

    bool diverged() const { return diverged_; }
    std::size_t done() const { return at_; } ///< steps
    const std::vector<plan_step>& steps() const { return steps_; }

  private:
    bool reached(const plan_step& step, hook kind, const void* place) const;
    unsigned whose_turn(unsigned otherwise, unsigned runnable);

    std::vector<plan_step> steps_;
    std::size_t at_ = 0;
    unsigned left_ = 0; ///< times that the step's condition must still come
    std::vector<unsigned> operations_begun_;
    unsigned ended_ = 0; ///< mask of threads
    bool diverged_ = false;
};

} // namespace daxtorture::kernel_machine
