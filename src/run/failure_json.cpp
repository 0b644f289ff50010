#include "run/failure_json.hpp"

#include "run/json_node.hpp"
#include "words/invariant.hpp"

#include <array>
#include <string>

namespace daxtorture {

using nlohmann::json;

// Elements of arrays: found by json_node::read.
static void decode(const json_node& from, event& to) {
    from.required("thread", to.thread);
    from.required("kind", to.kind);
    from.optional("operation", to.operation);
    from.optional("function", to.function);
    from.optional("file", to.file);
    from.optional("line", to.line);
    from.optional("object", to.object);
    from.optional("before", to.before);
    from.optional("after", to.after);
    from.optional("time", to.time);
    from.optional("stale", to.stale);
    from.optional("preempted", to.preempted);
    from.optional("no_return", to.no_return);
}
static void decode(const json_node& from, task_snapshot& to) {
    from.required("id", to.id);
    from.required("name", to.name);
    from.required("operation", to.operation);
    from.required("blocked", to.blocked);
    from.required("waits_for", to.waits_for);
    from.required("wait_site", to.wait_site);
    from.required("predicate_true", to.predicate_true);
    from.required("held", to.held);
}
static void decode(const json_node& from, folio_snapshot& to) {
    from.required("pfn", to.pfn);
    from.required("refcount", to.refcount);
    from.required("mapcount", to.mapcount);
    from.required("pins", to.pins);
    from.required("mapping", to.mapping);
    from.required("index", to.index);
    from.required("holders", to.holders);
}
static void decode(const json_node& from, entry_snapshot& to) {
    from.required("file", to.file);
    from.required("index", to.index);
    from.required("pfn", to.pfn);
    from.required("locked", to.locked);
    from.required("empty", to.empty);
}
static void decode(const json_node& from, wake_snapshot& to) {
    from.required("by", to.by);
    from.required("key", to.key);
    from.required("woken", to.woken);
}

namespace {

constexpr std::array kinds{failure_kind::none,     failure_kind::invariant, failure_kind::data_race,
                           failure_kind::deadlock, failure_kind::livelock,  failure_kind::leak,
                           failure_kind::tool};

void decode_invariant(const json_node& from, invariant& to) {
    int number = 0;
    from.required("invariant", number);
    to = invariant_numbered(number);
    if (number != daxtorture::number(to))
        from.at("invariant").fail("0 to " + std::to_string(invariant_table.size()));
}

void decode_snapshot(const json_node& from, snapshot& to) {
    from.required("tasks", to.tasks);
    from.required("folios", to.folios);
    from.required("entries", to.entries);
    from.required("wakes", to.wakes);
    from.required("cause", to.cause);
    decode_invariant(from, to.invariant);
    from.optional("ledger", to.ledger);
}

json encode(const snapshot& s) {
    json tasks = json::array();
    for (const task_snapshot& t : s.tasks)
        tasks.push_back({{"id", t.id},
                         {"name", t.name},
                         {"operation", t.operation},
                         {"blocked", t.blocked},
                         {"waits_for", t.waits_for},
                         {"wait_site", t.wait_site},
                         {"predicate_true", t.predicate_true},
                         {"held", t.held}});
    json folios = json::array();
    for (const folio_snapshot& f : s.folios)
        folios.push_back({{"pfn", f.pfn},
                          {"refcount", f.refcount},
                          {"mapcount", f.mapcount},
                          {"pins", f.pins},
                          {"mapping", f.mapping},
                          {"index", f.index},
                          {"holders", f.holders}});
    json entries = json::array();
    for (const entry_snapshot& e : s.entries)
        entries.push_back(
            {{"file", e.file}, {"index", e.index}, {"pfn", e.pfn}, {"locked", e.locked}, {"empty", e.empty}});
    json wakes = json::array();
    for (const wake_snapshot& w : s.wakes)
        wakes.push_back({{"by", w.by}, {"key", w.key}, {"woken", w.woken}});
    return {{"tasks", tasks},   {"folios", folios},         {"entries", entries}, {"wakes", wakes},
            {"cause", s.cause}, {"invariant", s.invariant}, {"ledger", s.ledger}};
}

} // namespace

json encode(const event& e) {
    json j{{"thread", e.thread}, {"kind", e.kind}};
    const auto put = [&j](const char* key, const std::string& value) {
        if (!value.empty())
            j[key] = value;
    };
    if (e.operation >= 0)
        j["operation"] = e.operation;
    put("function", e.function);
    put("file", e.file);
    if (e.line != 0)
        j["line"] = e.line;
    put("object", e.object);
    put("before", e.before);
    put("after", e.after);
    if (e.time != 0)
        j["time"] = e.time;
    if (e.stale)
        j["stale"] = true;
    if (e.preempted)
        j["preempted"] = true;
    if (e.no_return)
        j["no_return"] = true;
    return j;
}

json encode(const failure& f) {
    json events = json::array();
    for (const event& e : f.events)
        events.push_back(encode(e));
    return {{"kind", name(f.kind)},    {"invariant", f.invariant}, {"cause", f.cause},
            {"detail", f.detail},      {"schedule", f.schedule},   {"events", std::move(events)},
            {"state", encode(f.state)}};
}

std::vector<event> decode_events(const json& from) {
    std::vector<event> made;
    json_node(from, "events").read(made);
    return made;
}

failure decode_failure(const json& from) {
    const json_node top(from, "");
    failure made;
    std::string kind;
    top.required("kind", kind);
    bool known = false;
    for (const failure_kind one : kinds)
        if (kind == name(one)) {
            made.kind = one;
            known = true;
        }
    if (!known)
        top.at("kind").fail("a kind of failure");
    decode_invariant(top, made.invariant);
    top.required("cause", made.cause);
    top.required("detail", made.detail);
    top.required("schedule", made.schedule);
    top.required("events", made.events);
    decode_snapshot(top.at("state"), made.state);
    return made;
}

} // namespace daxtorture
