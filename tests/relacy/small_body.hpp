/// Small concurrent programs for tests of the simulated machine: objects of type S, made anew for every execution.
#pragma once

#include "machines/relacy/machine.hpp"
#include "search/strategies.hpp"

#include <arch/atomic.hpp>
#include <arch/machine.hpp>
#include <arch/task.hpp>

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace daxtorture::test {

template <class S> class small_body : public body {
  public:
    using step = std::function<void(S&)>;
    small_body(std::vector<step> threads, step finally = {})
        : steps_(std::move(threads)), finally_(std::move(finally)) {}

    unsigned threads() const override { return static_cast<unsigned>(steps_.size()); }
    void set_up() override {
        tasks_ = std::make_unique<std::array<arch::task, 9>>();
        for (unsigned i = 0; i < tasks_->size(); ++i)
            (*tasks_)[i].id = i;
        arch::bind_current((*tasks_)[8]);
        objects_ = std::make_unique<S>();
    }
    void thread(unsigned i) override {
        arch::bind_current((*tasks_)[i]);
        steps_[i](*objects_);
    }
    void finish() override {
        if (finally_)
            finally_(*objects_);
        objects_.reset();
        tasks_.reset();
    }
    arch::task& task(unsigned i) { return (*tasks_)[i]; }
    void abandon() override {
        static_cast<void>(objects_.release());
        static_cast<void>(tasks_.release());
    }

  protected:
    S& objects() { return *objects_; }

  private:
    std::vector<step> steps_;
    step finally_;
    std::unique_ptr<S> objects_;
    std::unique_ptr<std::array<arch::task, 9>> tasks_;
};

inline exploration_options under(memory_class memory) {
    exploration_options options;
    options.memory = memory;
    return options;
}

/// Every outcome of every execution, as text.
template <class S>
std::set<std::string> outcomes(memory_class memory, std::vector<std::function<void(S&)>> threads,
                               std::function<std::string(S&)> outcome) {
    std::set<std::string> seen;
    small_body<S> what(std::move(threads), [&](S& s) { seen.insert(outcome(s)); });
    auto how = make_bound(unlimited, unlimited);
    const exploration_result result = explore(what, *how, under(memory));
    if (result.found.kind != failure_kind::none)
        seen.insert("failure: " + result.found.cause);
    if (!result.exhausted)
        seen.insert("not exhausted");
    return seen;
}

} // namespace daxtorture::test
