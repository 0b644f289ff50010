#include "events.hpp"

#include <arch/machine.hpp>

#include <arch/detail/state.hpp>

#include <utility>

namespace daxtorture {

namespace {

/// "walk_area<...>" -> "walk_area": the kernel has no templates.
std::string function_name(const char* function) {
    const std::string name = function;
    return name.rfind("operator", 0) == 0 ? name : name.substr(0, name.find('<'));
}

/// These have no value before; the wrappers pass a name there: the lock's class, what is noted, the operation.
bool has_name_for_value(const std::string& kind) {
    for (const char* named : {"lock", "unlock", "lock-fail", "downgrade", "note", "begin", "end"})
        if (kind == named)
            return true;
    return false;
}

event name_event(const arch::relacy::detail::raw_event& raw, body& names) {
    event e;
    e.thread = raw.thread;
    e.operation = raw.operation;
    e.function = function_name(raw.at.function);
    e.file = path_below_root(raw.at.file);
    e.line = raw.at.line;
    e.kind = raw.kind;
    e.object = raw.object != nullptr ? names.describe(raw.object) : std::string();
    e.before = raw.before;
    e.after = raw.after;
    e.decisions = raw.decisions;
    if (has_name_for_value(e.kind)) {
        if (e.object.empty())
            e.object = raw.before;
        e.before.clear();
    }
    const bool lock =
        e.kind == "lock" || e.kind == "unlock" || e.kind == "lock-fail" || e.kind == "downgrade";
    if (raw.object != nullptr && !lock) {
        if (!e.before.empty())
            e.before = names.value_text(raw.object, e.before);
        if (!e.after.empty() && e.kind != "wake")
            e.after = names.value_text(raw.object, e.after);
    }
    e.stale = raw.stale;
    e.preempted = raw.preempted;
    return e;
}

} // namespace

std::string path_below_root(const char* file) {
    std::string path = file;
    for (const char* top : {"src/", "search/", "machines/", "tests/", "arch/"}) {
        const std::size_t at = path.rfind(top);
        if (at != std::string::npos && (at == 0 || path[at - 1] == '/'))
            return path.substr(at);
    }
    return path;
}

std::vector<event> name_events(body& names) {
    std::vector<event> events;
    events.reserve(arch::relacy::detail::state.events.size());
    for (const auto& raw : arch::relacy::detail::state.events)
        events.push_back(name_event(raw, names));
    return events;
}

} // namespace daxtorture
