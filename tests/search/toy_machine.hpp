/// A machine for tests of the search: threads are lists of accesses to objects, each a step, and an execution's outcome is their order, one
/// letter a step. A load may be stale. No model, no fibres.
#pragma once

#include "search/machine.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace daxtorture::test {

struct toy_step {
    unsigned object = 0;
    bool written = true;
    unsigned values = 1; ///< more than one: the load asks which
};

class toy_machine : public machine {
  public:
    using program = std::vector<std::vector<toy_step>>;
    using check = std::function<bool(const std::string& order)>;
    /// `seen` is told the order of every complete execution; one fails when it returns false.
    toy_machine(program threads, check seen) : threads_(std::move(threads)), seen_(std::move(seen)) {}

    std::function<std::string(const std::string& order)> cause_of = [](const std::string&) {
        return "a bad order";
    };

    unsigned threads() const override { return static_cast<unsigned>(threads_.size()); }
    void configure(const machine_options&) override {}

    ending run(turns& decides, execution& told) override {
        at_.assign(threads_.size(), 0);
        std::string order;
        for (unsigned i = 0; i < threads(); ++i)
            announce(i);
        decides.start(at_.data(), operations_, next_);
        for (unsigned me = decides.next(turn::nobody, false); me != turn::stop;) {
            const toy_step& step = threads_[me][at_[me]];
            order += static_cast<char>('a' + me);
            if (step.values > 1)
                order += std::to_string(decides.pick(choice_kind::load, step.values, me));
            decides.this_step().add(step.object + 1, step.written);
            ++at_[me];
            announce(me);
            if (!decides.reach())
                return ending::endless;
            if (at_[me] == threads_[me].size())
                decides.finish(me);
            if (decides.runnable() == 0) {
                decides.end();
                return conclude(order, told);
            }
            me = decides.next(at_[me] == threads_[me].size() ? turn::nobody : me, false);
        }
        return ending::abandoned;
    }

  private:
    void announce(unsigned thread) {
        const std::vector<toy_step>& mine = threads_[thread];
        next_[thread] = {};
        if (at_[thread] < mine.size())
            next_[thread] = {reinterpret_cast<const void*>(std::uintptr_t{mine[at_[thread]].object} + 1),
                             mine[at_[thread]].written};
    }
    ending conclude(const std::string& order, execution& told) const {
        told.outcome = std::hash<std::string>()(order);
        if (seen_(order))
            return ending::completed;
        told.found = {};
        told.found.kind = failure_kind::invariant;
        told.found.cause = cause_of(order);
        return ending::failed;
    }

    program threads_;
    check seen_;
    std::vector<std::uint32_t> at_;
    int operations_[max_threads] = {-1, -1, -1, -1, -1, -1, -1, -1};
    access next_[max_threads];
};

} // namespace daxtorture::test
