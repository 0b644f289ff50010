#include "run/divergence.hpp"

#include "scenario/printer.hpp"

#include <algorithm>
#include <tuple>

namespace daxtorture {

namespace {

/// The lines of operations are those of a scenario file, which is printed anew for a bundle.
bool is_at_the_same(const event& a, const event& b) {
    return (a.file.empty() && b.file.empty()) ||
           std::tie(a.function, a.file, a.line) == std::tie(b.function, b.file, b.line);
}

/// Objects get their names when a run is over: a slot of an array that was freed by then has none. So one access at one place
/// with two names says nothing yet; if it was to two objects, later steps differ too.
bool does_the_same(const event& a, const event& b) {
    const auto what = [](const event& e) {
        return std::tie(e.thread, e.operation, e.kind, e.stale, e.preempted);
    };
    if (what(a) != what(b))
        return false;
    if (a.object == b.object)
        return a.before == b.before && a.after == b.after;
    return !a.file.empty() && a.kind != "note" && is_at_the_same(a, b);
}

std::string what_it_did(const event& e) {
    std::string text = e.kind + (e.object.empty() ? "" : " " + e.object);
    if (!e.before.empty() && !e.after.empty())
        return text + " " + e.before + " -> " + e.after;
    const std::string& value = e.before.empty() ? e.after : e.before;
    return text + (value.empty() ? "" : " = " + value) + (e.stale ? " (old)" : "");
}

} // namespace

std::optional<divergence> compare_runs(const std::vector<event>& recorded, const std::vector<event>& now) {
    const auto [left, right] =
        std::mismatch(recorded.begin(), recorded.end(), now.begin(), now.end(), does_the_same);
    if (left != recorded.end() || right != now.end())
        return divergence{static_cast<std::size_t>(left - recorded.begin()), false};
    const auto moved = std::mismatch(recorded.begin(), recorded.end(), now.begin(), is_at_the_same).first;
    if (moved != recorded.end())
        return divergence{static_cast<std::size_t>(moved - recorded.begin()), true};
    return std::nullopt;
}

std::string step_text(const event& what, const program& of) {
    const bool worker = what.thread < of.threads.size();
    const std::vector<operation>& operations = worker ? of.threads[what.thread].operations : of.setup;
    std::string text = worker ? of.threads[what.thread].name : "set-up";
    if (!what.function.empty())
        text += " in " + what.function + "()";
    if (!what.file.empty())
        text += " at " + what.file + ":" + std::to_string(what.line);
    if (what.operation >= 0 && static_cast<std::size_t>(what.operation) < operations.size())
        text += ", " + print(operations[static_cast<std::size_t>(what.operation)], of);
    return text + ": " + what_it_did(what);
}

} // namespace daxtorture
