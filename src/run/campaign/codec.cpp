#include "run/campaign/codec.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <utility>
#include <variant>

namespace daxtorture {

using nlohmann::json;

namespace {

template <class T>
std::vector<T> get_list(const json_node& from, const char* key, T (*decode)(const json_node&)) {
    std::vector<T> all;
    if (from.has(key))
        for (const json_node& one : from.at(key).elements())
            all.push_back(decode(one));
    return all;
}

json encode(const load& l) {
    return {{"name", l.name},
            {"scenario", l.scenario},
            {"protocol", l.protocol},
            {"rules", l.rules},
            {"arch", l.arch}};
}
load decode_load(const json_node& from) {
    return {from.get<std::string>("name"), from.get<std::string>("scenario"),
            from.get<std::string>("protocol"), from.get<std::vector<std::string>>("rules"),
            from.has("arch") ? from.get<std::string>("arch") : ""};
}

} // namespace

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// ---- parameters

json encode(const run_parameters& p) {
    json all{{"workers", p.workers},
             {"seconds", p.seconds},
             {"until", p.until},
             {"seed", p.seed},
             {"hang_after", p.hang_after},
             {"keep_going", p.keep_going},
             {"record", p.record},
             {"ledger", p.ledger},
             {"pin", p.pin},
             {"processors", p.processors},
             {"turn", p.turn},
             {"slice", p.slice},
             {"shard_index", p.shard_index},
             {"shard_count", p.shard_count}};
    all["loads"] = json::array();
    for (const load& l : p.loads)
        all["loads"].push_back(encode(l));
    return all;
}
run_parameters decode_parameters(const json_node& from) {
    run_parameters p;
    p.loads = get_list<load>(from, "loads", decode_load);
    if (p.loads.empty())
        throw decode_error("loads: expected at least one");
    p.workers = from.get<unsigned>("workers");
    p.seconds = from.get<double>("seconds");
    p.until = from.get<std::int64_t>("until");
    p.seed = from.get<std::uint64_t>("seed");
    p.hang_after = from.get<double>("hang_after");
    p.keep_going = from.get<bool>("keep_going");
    p.record = from.get<bool>("record");
    from.optional("ledger", p.ledger); // journals from before there was a choice had one
    p.pin = from.get<bool>("pin");
    p.processors = from.get<std::vector<unsigned>>("processors");
    p.turn = from.get<double>("turn");
    p.slice = from.get<double>("slice");
    p.shard_index = from.get<unsigned>("shard_index");
    p.shard_count = from.get<unsigned>("shard_count");
    return p;
}

std::string parameters_json(const run_parameters& parameters) { return one_line(encode(parameters)); }

std::vector<std::string> differing_parameters(const run_parameters& a, const run_parameters& b) {
    const json first = encode(a);
    const json second = encode(b);
    std::vector<std::string> names;
    for (auto one = first.begin(); one != first.end(); ++one)
        if (second.at(one.key()) != *one)
            names.push_back(one.key());
    return names;
}

// ---- totals

namespace {

json encode(const std::vector<stress_count>& counts) {
    json all = json::object();
    for (const stress_count& one : counts)
        all[one.operation] = {one.total, one.done};
    return all;
}
std::vector<stress_count> decode_counts(const json_node& from) {
    std::vector<stress_count> all;
    for (const auto& [operation, numbers] : from.members()) {
        std::vector<std::uint64_t> both;
        numbers.read(both);
        if (both.size() != 2)
            numbers.fail("two numbers");
        all.push_back({operation, both[0], both[1]});
    }
    return all;
}

json encode(const tallies& all) {
    json from = json::object();
    for (const tally& one : all) {
        json numbers = json::array({one.count});
        for (const std::uint64_t n : one.buckets)
            numbers.push_back(n);
        from[one.name] = std::move(numbers);
    }
    return from;
}
tallies decode_tallies(const json_node& from) {
    tallies all;
    for (const auto& [name, numbers] : from.members()) {
        std::vector<std::uint64_t> buckets;
        numbers.read(buckets);
        if (buckets.empty())
            numbers.fail("a number");
        all.push_back({name, buckets.front(), {buckets.begin() + 1, buckets.end()}});
    }
    return all;
}

} // namespace

void encode_into(json& record, const stress_totals& totals) {
    record["seconds"] = totals.seconds;
    record["workers"] = totals.workers;
    record["rounds"] = totals.rounds;
    record["quiescent_checks"] = totals.quiescent_checks;
    record["failures_seen"] = totals.failures_seen;
    record["per_operation"] = encode(totals.per_operation);
    record["latencies"] = encode(totals.seen.latencies);
    record["near_misses"] = encode(totals.seen.near_misses);
    record["overlaps"] = encode(totals.seen.overlaps);
}

stress_totals decode_totals(const json_node& from) {
    // Records of an earlier build have no observations.
    const auto list = [&](const char* key) {
        return from.has(key) ? decode_tallies(from.at(key)) : tallies{};
    };
    stress_totals totals;
    totals.seconds = from.get<double>("seconds");
    totals.workers = from.get<unsigned>("workers");
    totals.rounds = from.get<std::uint64_t>("rounds");
    totals.quiescent_checks = from.get<std::uint64_t>("quiescent_checks");
    totals.failures_seen = from.get<std::uint64_t>("failures_seen");
    totals.per_operation = decode_counts(from.at("per_operation"));
    totals.seen = {list("latencies"), list("near_misses"), list("overlaps")};
    return totals;
}

// ---- records

namespace {

json encode(const begin_record& r) {
    return {{"version", journal_version},     {"run", r.origin.run},
            {"daxtorture", r.origin.version}, {"host", r.origin.host},
            {"kernel", r.origin.kernel},      {"compiler", r.origin.compiler},
            {"started", r.origin.started},    {"command", r.origin.command},
            {"merged", r.origin.merged},      {"parameters", encode(r.parameters)}};
}
begin_record decode_begin(const json_node& from) {
    if (const int version = from.get<int>("version"); version != journal_version)
        throw decode_error(fmt::format("version: expected {}, got {}", journal_version, version));
    begin_record r;
    r.origin.run = from.get<std::string>("run");
    r.origin.version = from.get<std::string>("daxtorture");
    r.origin.host = from.get<std::string>("host");
    r.origin.kernel = from.get<std::string>("kernel");
    r.origin.compiler = from.get<std::string>("compiler");
    r.origin.started = from.get<std::int64_t>("started");
    r.origin.command = from.get<std::vector<std::string>>("command");
    r.origin.merged = from.get<std::vector<std::string>>("merged");
    r.parameters = decode_parameters(from.at("parameters"));
    return r;
}

json encode(const failure_note& f) {
    return {{"bundle", f.bundle},
            {"kind", f.kind},
            {"invariant", f.invariant},
            {"cause", f.cause},
            {"load", f.load}};
}
failure_note decode_note(const json_node& from) {
    return {from.get<std::string>("bundle"), from.get<std::string>("kind"), from.get<int>("invariant"),
            from.get<std::string>("cause"), from.get<unsigned>("load")};
}

void encode_source(json& into, const std::string& run, std::uint64_t number) {
    if (run.empty())
        return;
    into["run"] = run;
    into["number"] = number;
}
template <class Record> void decode_source(const json_node& from, Record& into) {
    if (from.has("run")) {
        into.run = from.get<std::string>("run");
        into.number = from.get<std::uint64_t>("number");
    }
}

json encode(const slice_record& r) {
    json all{{"load", r.load}, {"leg", r.leg}, {"at", r.at}, {"rss_kib", r.rss_kib}};
    encode_into(all, static_cast<const stress_totals&>(r));
    if (!r.failures.empty()) {
        all["failures"] = json::array();
        for (const failure_note& f : r.failures)
            all["failures"].push_back(encode(f));
    }
    encode_source(all, r.run, r.number);
    return all;
}
slice_record decode_slice(const json_node& from) {
    slice_record r;
    static_cast<stress_totals&>(r) = decode_totals(from);
    r.load = from.get<unsigned>("load");
    r.leg = from.get<unsigned>("leg");
    r.at = from.get<double>("at");
    r.rss_kib = from.get<std::uint64_t>("rss_kib");
    r.failures = get_list<failure_note>(from, "failures", decode_note);
    decode_source(from, r);
    return r;
}

json encode(const event_record& r) {
    json all{{"at", r.at}, {"time", r.time}, {"what", r.what}, {"leg", r.leg}, {"text", r.text}};
    encode_source(all, r.run, r.number);
    return all;
}
event_record decode_event(const json_node& from) {
    event_record r;
    r.at = from.get<double>("at");
    r.time = from.get<std::int64_t>("time");
    r.what = from.get<std::string>("what");
    r.leg = from.get<unsigned>("leg");
    r.text = from.get<std::string>("text");
    decode_source(from, r);
    return r;
}

json encode(const end_record& r) {
    return {{"at", r.at},     {"time", r.time},         {"verdict", name(r.verdict)},
            {"note", r.note}, {"complete", r.complete}, {"tool_failed", r.tool_failed}};
}
end_record decode_end(const json_node& from) {
    end_record r;
    r.at = from.get<double>("at");
    r.time = from.get<std::int64_t>("time");
    const std::string verdict = from.get<std::string>("verdict");
    r.verdict = verdict == "pass"   ? verdict_kind::pass
                : verdict == "fail" ? verdict_kind::fail
                                    : verdict_kind::inconclusive;
    r.note = from.get<std::string>("note");
    r.complete = from.get<bool>("complete");
    r.tool_failed = from.get<bool>("tool_failed");
    return r;
}

} // namespace

json encode(const journal_record& record) {
    constexpr std::array type_names{"begin", "slice", "event", "end"};
    static_assert(type_names.size() == std::variant_size_v<journal_record>);
    json all = std::visit([](const auto& one) { return encode(one); }, record);
    all["type"] = type_names.at(record.index());
    return all;
}

journal_record decode_record(const json_node& from) {
    const std::string type = from.get<std::string>("type");
    if (type == "begin")
        return decode_begin(from);
    if (type == "slice")
        return decode_slice(from);
    if (type == "event")
        return decode_event(from);
    if (type == "end")
        return decode_end(from);
    throw decode_error("type: '" + type + "' is no kind of record");
}

} // namespace daxtorture
