#include "plan.hpp"

#include "sites.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

constexpr std::array<std::string_view, 6> conditions{"entry", "exit", "at", "op", "blocked", "done"};

bool read_number(std::string_view text, unsigned& value) {
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    return wrong == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Reads one line's words into the step. Returns what is wrong.
std::string read_step(std::vector<std::string> words, const program& of, plan_step& step) {
    const auto thread = std::ranges::find(of.threads, words[0], &thread_program::name);
    if (thread == of.threads.end())
        return fmt::format("the scenario has no thread '{}'", words[0]);
    step.thread = static_cast<unsigned>(thread - of.threads.begin());
    const auto condition = words.size() < 2 ? conditions.end() : std::ranges::find(conditions, words[1]);
    if (condition == conditions.end())
        return "expected entry, exit, at, op, blocked or done after the thread's name";
    step.what = static_cast<plan_step::until>(condition - conditions.begin());
    words.erase(words.begin(), words.begin() + 2);
    if (!words.empty() && words.back().starts_with("x") &&
        read_number(std::string_view(words.back()).substr(1), step.times))
        words.pop_back();
    const bool takes_operand = step.what <= plan_step::until::operation;
    if (words.size() != (takes_operand ? 1u : 0u))
        return fmt::format("'{}' takes {} operand{}", *condition, takes_operand ? "one" : "no",
                           takes_operand ? "" : "s");
    if (step.what == plan_step::until::operation)
        return read_number(words[0], step.number) ? "" : fmt::format("expected a number, got '{}'", words[0]);
    if (!takes_operand)
        return {};
    step.function = words[0];
    if (step.what != plan_step::until::at)
        return is_function(step.function)
                   ? ""
                   : fmt::format("no function '{}' is entered: it is inlined, or not there (use at)",
                                 step.function);
    unsigned line = 0;
    if (const std::size_t colon = step.function.find(':'); colon != std::string::npos) {
        if (!read_number(std::string_view(step.function).substr(colon + 1), line))
            return fmt::format("expected FUNCTION:LINE, got '{}'", step.function);
        step.function.resize(colon);
    }
    step.places = sites_in(step.function, line);
    return step.places.empty() ? fmt::format("no access of the kernel is in '{}'", words[0]) : "";
}

} // namespace

plan_result parse_plan(std::string_view text, const std::string& file, const program& of) {
    plan_result result;
    std::istringstream lines{std::string(text)};
    unsigned number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        line.resize(std::min(line.find('#'), line.size()));
        std::istringstream in(line);
        std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
        if (words.empty())
            continue;
        plan_step step;
        step.line = number;
        step.text = fmt::format("{}", fmt::join(words, " "));
        if (const std::string wrong = read_step(std::move(words), of, step); !wrong.empty()) {
            result.error = fmt::format("{}:{}: {}", file, number, wrong);
            return result;
        }
        result.steps.push_back(std::move(step));
    }
    return result;
}

void plan_pilot::begin() {
    at_ = 0;
    left_ = steps_.empty() ? 0 : steps_[0].times;
    operations_begun_.assign(machine_threads, 0);
    ended_ = 0;
    diverged_ = false;
}

bool plan_pilot::reached(const plan_step& step, hook kind, const void* place) const {
    switch (step.what) {
    case plan_step::until::entry:
        return kind == hook::enter && function_of(place) == step.function;
    case plan_step::until::exit:
        return kind == hook::leave && function_of(place) == step.function;
    case plan_step::until::at:
        return (kind == hook::access || kind == hook::spin) &&
               std::ranges::find(step.places, place) != step.places.end();
    case plan_step::until::operation:
        return kind == hook::operation && operations_begun_[step.thread] == step.number + 1;
    case plan_step::until::blocked:
    case plan_step::until::done:
        return false;
    }
    return false;
}

unsigned plan_pilot::whose_turn(unsigned otherwise, unsigned runnable) {
    while (at_ < steps_.size() && steps_[at_].what == plan_step::until::done &&
           (ended_ >> steps_[at_].thread & 1) != 0)
        left_ = ++at_ < steps_.size() ? steps_[at_].times : 0;
    if (at_ < steps_.size() && (runnable >> steps_[at_].thread & 1) != 0)
        return steps_[at_].thread;
    if (at_ < steps_.size() && steps_[at_].what != plan_step::until::done)
        diverged_ = true; // it cannot run, so it will not come there
    if (otherwise != turn::nobody && (runnable >> otherwise & 1) != 0)
        return otherwise;
    return static_cast<unsigned>(std::countr_zero(runnable));
}

unsigned plan_pilot::at(hook kind, const void* place, unsigned thread, unsigned runnable) {
    if (kind == hook::operation)
        ++operations_begun_[thread];
    if (kind == hook::spin && (runnable & ~(1u << thread)) != 0)
        return static_cast<unsigned>(std::countr_zero(runnable & ~(1u << thread)));
    if (diverged_ || at_ == steps_.size())
        return thread;
    const plan_step& step = steps_[at_];
    if (step.thread == thread && reached(step, kind, place) && --left_ == 0)
        left_ = ++at_ < steps_.size() ? steps_[at_].times : 0;
    return whose_turn(thread, runnable);
}

unsigned plan_pilot::after(unsigned thread, bool ended, unsigned runnable) {
    if (ended)
        ended_ |= 1u << thread;
    if (at_ < steps_.size() && thread == steps_[at_].thread && !ended &&
        steps_[at_].what == plan_step::until::blocked)
        left_ = ++at_ < steps_.size() ? steps_[at_].times : 0;
    return whose_turn(turn::nobody, runnable);
}

} // namespace daxtorture::kernel_machine
