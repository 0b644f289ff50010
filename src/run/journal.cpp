#include "run/journal.hpp"

#include "base/fnv1a.hpp"
#include "run/failure_json.hpp"
#include "run/json_node.hpp"
#include "words/invariant.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <system_error>
#include <tuple>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace daxtorture {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view line_head = R"({"check":")";
constexpr std::string_view line_middle = R"(","record":)";
constexpr std::size_t digits = 16;

std::string check_of(std::string_view text) { return fmt::format("{:016x}", fnv1a(text)); }

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

template <class T>
std::vector<T> get_list(const json_node& from, const char* key, T (*decode)(const json_node&)) {
    std::vector<T> all;
    if (from.has(key))
        for (const json_node& one : from.at(key).elements())
            all.push_back(decode(one));
    return all;
}

// ---- parameters

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

void encode_into(json& record, const observations& seen) {
    record["latencies"] = encode(seen.latencies);
    record["near_misses"] = encode(seen.near_misses);
    record["overlaps"] = encode(seen.overlaps);
}
/// Records of an earlier build have none.
observations decode_observations(const json_node& from) {
    const auto list = [&](const char* key) {
        return from.has(key) ? decode_tallies(from.at(key)) : tallies{};
    };
    return {list("latencies"), list("near_misses"), list("overlaps")};
}

// ---- records

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
    json all{{"load", r.load},
             {"leg", r.leg},
             {"at", r.at},
             {"seconds", r.seconds},
             {"workers", r.workers},
             {"rounds", r.rounds},
             {"quiescent_checks", r.quiescent_checks},
             {"failures_seen", r.failures_seen},
             {"rss_kib", r.rss_kib},
             {"per_operation", encode(r.per_operation)}};
    if (!r.failures.empty()) {
        all["failures"] = json::array();
        for (const failure_note& f : r.failures)
            all["failures"].push_back(encode(f));
    }
    encode_into(all, r.seen);
    encode_source(all, r.run, r.number);
    return all;
}
slice_record decode_slice(const json_node& from) {
    slice_record r;
    r.load = from.get<unsigned>("load");
    r.leg = from.get<unsigned>("leg");
    r.at = from.get<double>("at");
    r.seconds = from.get<double>("seconds");
    r.workers = from.get<unsigned>("workers");
    r.rounds = from.get<std::uint64_t>("rounds");
    r.quiescent_checks = from.get<std::uint64_t>("quiescent_checks");
    r.failures_seen = from.get<std::uint64_t>("failures_seen");
    r.rss_kib = from.get<std::uint64_t>("rss_kib");
    r.per_operation = decode_counts(from.at("per_operation"));
    r.seen = decode_observations(from);
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

constexpr const char* type_names[] = {"begin", "slice", "event", "end"};

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

/// The record in a line without its newline; what is wrong, thrown as decode_error.
json checked_record(std::string_view line) {
    const std::size_t frame = line_head.size() + digits + line_middle.size();
    if (line.size() <= frame + 1 || line.substr(0, line_head.size()) != line_head ||
        line.substr(line_head.size() + digits, line_middle.size()) != line_middle || line.back() != '}')
        throw decode_error("expected a journal record");
    const std::string_view text = line.substr(frame, line.size() - frame - 1);
    if (line.substr(line_head.size(), digits) != check_of(text))
        throw decode_error("wrong checksum: the record was damaged");
    try {
        return json::parse(text);
    } catch (const json::exception&) {
        throw decode_error("expected a journal record");
    }
}

std::string file_contents(const fs::path& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text;
    if (stream)
        text.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream)
        throw journal_error(file.string() + ": " + std::strerror(errno != 0 ? errno : EIO));
    return text;
}

void put(run_contents& into, journal_record what, std::uint64_t number) {
    if ((number == 0) != std::holds_alternative<begin_record>(what))
        throw decode_error(number == 0 ? "expected the record that begins a run"
                                       : "a second record that begins a run");
    into.end.reset();
    if (auto* begin = std::get_if<begin_record>(&what))
        into.begin = std::move(*begin);
    else if (auto* slice = std::get_if<slice_record>(&what)) {
        if (slice->load >= into.begin.parameters.loads.size())
            throw decode_error("load: expected one of the parameters' loads");
        if (slice->run.empty())
            slice->number = number;
        into.slices.push_back(std::move(*slice));
    } else if (auto* event = std::get_if<event_record>(&what)) {
        if (event->run.empty())
            event->number = number;
        into.events.push_back(std::move(*event));
    } else
        into.end = std::get<end_record>(what);
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            throw std::system_error(errno, std::generic_category());
    }
}

[[noreturn]] void fail_errno(const fs::path& file) {
    throw journal_error(file.string() + ": " + std::strerror(errno));
}

int open_locked(const fs::path& file, int flags) {
    const int fd = ::open(file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | flags, 0666);
    if (fd < 0)
        fail_errno(file);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        ::close(fd);
        if (why == EWOULDBLOCK)
            throw journal_error(file.string() + ": another process is writing this run");
        errno = why;
        fail_errno(file);
    }
    return fd;
}

void sync_directory(const fs::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    ::fsync(fd);
    ::close(fd);
}

void add(std::vector<stress_count>& sum, const std::vector<stress_count>& more) {
    for (const stress_count& one : more) {
        const auto known = std::find_if(sum.begin(), sum.end(),
                                        [&](const stress_count& c) { return c.operation == one.operation; });
        if (known == sum.end()) {
            sum.push_back(one);
            continue;
        }
        known->total += one.total;
        known->done += one.done;
    }
}

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string text;
    for (const std::string& word : words)
        if (!word.empty())
            text += (text.empty() ? "" : between) + word;
    return text;
}

std::vector<std::string> distinct(std::vector<std::string> words) {
    std::vector<std::string> once;
    for (std::string& word : words)
        if (std::find(once.begin(), once.end(), word) == once.end())
            once.push_back(std::move(word));
    return once;
}

/// Those of which the ledger alone sees some violations.
std::string ledger_invariants() {
    std::vector<std::string> names;
    for (const ledger_check& one : ledger_checks)
        if (one.id != invariant::none)
            names.push_back(name(one.id));
    return joined(distinct(std::move(names)), " ");
}

} // namespace

std::string parameters_json(const run_parameters& p) { return dump(encode(p)); }

std::vector<std::string> differing_parameters(const run_parameters& a, const run_parameters& b) {
    const json first = encode(a);
    const json second = encode(b);
    std::vector<std::string> names;
    for (auto one = first.begin(); one != first.end(); ++one)
        if (second.at(one.key()) != *one)
            names.push_back(one.key());
    return names;
}

std::string parameters_text(const run_parameters& p) {
    std::vector<std::string> loads;
    for (const load& l : p.loads)
        loads.push_back((l.scenario.empty() ? "mix " : "scenario ") + l.name + " under " + l.protocol +
                        (l.rules.empty() ? "" : " " + joined(l.rules, " ")) +
                        (l.arch.empty() ? "" : " on " + l.arch));
    std::string text =
        fmt::format("{}; {}, {:g} s, seed {}, hang after {:g} s{}", joined(loads, ", "),
                    p.workers == 0 ? "a worker per processor" : fmt::format("{} workers", p.workers),
                    p.seconds, p.seed, p.hang_after, p.keep_going ? ", keep going" : "");
    if (!p.record)
        text += ", no recorder";
    if (!p.ledger)
        text += ", no ledger (off: some checks of " + ledger_invariants() + ")";
    if (!p.pin)
        text += ", not pinned";
    else if (!p.processors.empty())
        text += fmt::format(", on processors {}", fmt::join(p.processors, ","));
    if (p.loads.size() > 1)
        text += fmt::format(", turns of {:g} s", p.turn);
    if (p.shard_count > 1)
        text += fmt::format(", shard {}/{}", p.shard_index + 1, p.shard_count);
    return text;
}

fs::path journal_file(const fs::path& directory) { return directory / "journal.jsonl"; }

std::string journal_line(const journal_record& what, std::uint64_t number) {
    json record = std::visit([](const auto& r) { return encode(r); }, what);
    record["type"] = type_names[what.index()];
    record["n"] = number;
    const std::string text = dump(record);
    return std::string(line_head) + check_of(text) + std::string(line_middle) + text + "}\n";
}

bool holds_run(const fs::path& directory) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(journal_file(directory), error);
    return !error && size != 0;
}

run_contents read_journal(const fs::path& directory) {
    const fs::path file = journal_file(directory);
    const std::string text = file_contents(file);
    run_contents all;
    all.directory = directory;
    std::size_t line_number = 0;
    for (std::size_t at = 0; at < text.size();) {
        ++line_number;
        const std::size_t end = text.find('\n', at);
        const std::string place = file.string() + ":" + std::to_string(line_number) + ": ";
        if (end == std::string::npos) {
            all.notice = place + "unfinished last record dropped";
            break;
        }
        try {
            const json kept = checked_record(std::string_view(text).substr(at, end - at));
            const json_node record(kept, "record");
            if (const auto number = record.get<std::uint64_t>("n"); number != all.records)
                throw decode_error(fmt::format("expected record {}, got {}", all.records, number));
            put(all, decode_record(record), all.records);
        } catch (const decode_error& wrong) {
            // A power cut may leave a last line of the right length and the wrong contents.
            if (end + 1 == text.size() && all.records != 0) {
                all.notice = place + wrong.what() + "; last record dropped";
                break;
            }
            throw journal_error(place + wrong.what());
        }
        at = end + 1;
        ++all.records;
        all.bytes = at;
    }
    if (all.records == 0)
        throw journal_error(file.string() + ":1: expected the record that begins a run, got end of file");
    return all;
}

journal_writer journal_writer::create(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        throw journal_error(directory.string() + ": " + error.message());
    const fs::path file = journal_file(directory);
    const int fd = open_locked(file, O_CREAT);
    journal_writer made(file, fd, 0, 0);
    struct stat now {};
    if (::fstat(fd, &now) != 0)
        fail_errno(file);
    if (now.st_size != 0)
        throw journal_error(
            directory.string() +
            ": already holds a run; go on with --resume or --or-resume, or choose another directory");
    sync_directory(directory);
    return made;
}

journal_writer journal_writer::resume(const run_contents& after) {
    const fs::path file = journal_file(after.directory);
    const int fd = open_locked(file, 0);
    journal_writer made(file, fd, after.records, after.bytes);
    struct stat now {};
    if (::fstat(fd, &now) != 0)
        fail_errno(file);
    // Only what was dropped with a notice may be cut off, not what another process wrote meanwhile.
    const bool longer = static_cast<std::uintmax_t>(now.st_size) > after.bytes;
    if (longer && after.notice.empty())
        throw journal_error(file.string() + ": another process wrote this run meanwhile");
    if (longer && ::ftruncate(fd, static_cast<off_t>(after.bytes)) != 0)
        fail_errno(file);
    return made;
}

journal_writer::~journal_writer() {
    if (fd_ >= 0)
        ::close(fd_);
}

void journal_writer::append(const journal_record& what) {
    const std::string line = journal_line(what, next_);
    try {
        write_all(fd_, line);
        if (::fdatasync(fd_) != 0 && errno != EINVAL)
            throw std::system_error(errno, std::generic_category());
    } catch (const std::system_error& wrong) {
        // Take back what was written of it. If that fails too, a reader drops the unfinished line.
        [[maybe_unused]] const int ignored = ::ftruncate(fd_, static_cast<off_t>(bytes_));
        throw journal_full(file_.string() + ": " + wrong.code().message() +
                           "; all records before it are kept");
    }
    bytes_ += line.size();
    ++next_;
}

std::vector<failure_note> failures_of(const run_contents& what) {
    std::vector<failure_note> all;
    std::set<std::string> known;
    for (const slice_record& slice : what.slices)
        for (const failure_note& f : slice.failures)
            if (known.insert(f.bundle).second)
                all.push_back(f);
    return all;
}

double seconds_raced(const run_contents& what) {
    double sum = 0;
    for (const slice_record& slice : what.slices)
        sum += slice.seconds;
    return sum;
}

end_record judge(const run_contents& what, bool complete) {
    end_record r;
    r.at = seconds_raced(what);
    r.complete = complete;
    std::uint64_t failures = 0;
    std::uint64_t checks = 0;
    for (const slice_record& slice : what.slices) {
        failures += slice.failures_seen + slice.failures.size();
        checks += slice.quiescent_checks;
    }
    std::map<std::string, unsigned> legs;
    std::string crash;
    for (const event_record& e : what.events) {
        ++legs[e.what];
        if (e.what == "leg-crashed")
            crash = e.text;
    }
    std::vector<std::string> notes;
    if (legs["leg-crashed"] != 0)
        notes.push_back(fmt::format("{} worker process{} crashed, the last by {}", legs["leg-crashed"],
                                    legs["leg-crashed"] == 1 ? "" : "es", crash));
    if (legs["leg-stuck"] != 0)
        notes.push_back(fmt::format("{} worker process{} did not end in time and had to be killed",
                                    legs["leg-stuck"], legs["leg-stuck"] == 1 ? "" : "es"));
    if (legs["leg-killed"] != 0)
        notes.push_back(fmt::format("{} worker process{} killed from outside; the run went on",
                                    legs["leg-killed"], legs["leg-killed"] == 1 ? " was" : "es were"));
    if (checks == 0)
        notes.push_back("no round ended");
    if (failures != 0) {
        r.verdict = verdict_kind::fail;
    } else {
        r.tool_failed = legs["leg-crashed"] != 0;
        r.verdict = r.tool_failed || legs["leg-stuck"] != 0 || checks == 0 || !complete
                        ? verdict_kind::inconclusive
                        : verdict_kind::pass;
    }
    r.note = joined(notes, "; ");
    return r;
}

stress_summary summarise(const run_contents& what) {
    stress_summary all;
    std::vector<std::string> names;
    std::vector<std::string> protocols;
    std::vector<std::string> rules;
    for (const load& l : what.begin.parameters.loads) {
        names.push_back((l.scenario.empty() ? "mix " : "") + l.name);
        protocols.push_back(l.protocol);
        rules.push_back(joined(l.rules, " "));
    }
    all.what = joined(distinct(names), ", ");
    all.protocol = joined(distinct(protocols), ", ");
    all.rules = joined(distinct(rules), ", ");
    all.seed = what.begin.parameters.seed;
    all.ledger = what.begin.parameters.ledger;
    const end_record end = what.end ? *what.end : judge(what, false);
    all.verdict = end.verdict;
    all.note = end.note;
    if (!what.end)
        all.note += (all.note.empty() ? "" : "; ") + std::string("the run has not ended");
    for (const slice_record& slice : what.slices) {
        all.seconds += slice.seconds;
        all.workers = std::max(all.workers, slice.workers);
        all.rounds += slice.rounds;
        all.quiescent_checks += slice.quiescent_checks;
        all.failures_seen += slice.failures_seen;
        add(all.per_operation, slice.per_operation);
        add(all.seen, slice.seen);
    }
    for (const stress_count& one : all.per_operation)
        all.operations += one.total;
    std::sort(all.per_operation.begin(), all.per_operation.end(),
              [](const stress_count& a, const stress_count& b) { return a.operation < b.operation; });
    return all;
}

void add_to_sums(run_contents& sums, const slice_record& slice) {
    const auto known = std::find_if(sums.slices.begin(), sums.slices.end(),
                                    [&](const slice_record& s) { return s.load == slice.load; });
    if (known == sums.slices.end()) {
        sums.slices.push_back(slice);
        return;
    }
    known->leg = slice.leg;
    known->at = slice.at;
    known->seconds += slice.seconds;
    known->workers = std::max(known->workers, slice.workers);
    known->rounds += slice.rounds;
    known->quiescent_checks += slice.quiescent_checks;
    known->failures_seen += slice.failures_seen;
    known->rss_kib = slice.rss_kib;
    add(known->per_operation, slice.per_operation);
    add(known->seen, slice.seen);
    known->failures.insert(known->failures.end(), slice.failures.begin(), slice.failures.end());
}

// ---- merging

namespace {

void refuse_mixed(const run_contents& first, const run_contents& other) {
    const run_parameters& a = first.begin.parameters;
    const run_parameters& b = other.begin.parameters;
    const auto refuse = [&](const char* what, const std::string& one, const std::string& two) {
        throw journal_error(fmt::format("{}: {} differs from {}: {} and {}; such runs are not merged",
                                        other.directory.string(), what, first.directory.string(), two, one));
    };
    if (first.begin.origin.version != other.begin.origin.version)
        refuse("the version of daxtorture", first.begin.origin.version, other.begin.origin.version);
    const bool same_length = a.until != 0 || b.until != 0 || a.seconds == b.seconds;
    if (a.loads != b.loads || a.workers != b.workers || a.hang_after != b.hang_after ||
        a.keep_going != b.keep_going || a.ledger != b.ledger || !same_length)
        refuse("the list of parameters", "'" + parameters_text(a) + "'", "'" + parameters_text(b) + "'");
}

/// Records of a run that is not merged get its name.
void name_sources(run_contents& one) {
    const std::string& run = one.begin.origin.run;
    for (slice_record& slice : one.slices)
        if (slice.run.empty())
            slice.run = run;
    for (event_record& event : one.events)
        if (event.run.empty())
            event.run = run;
    if (!one.begin.origin.merged.empty())
        return;
    // How this run ended, as an event: the latest one of each run counts.
    event_record ended;
    const end_record end = one.end ? *one.end : judge(one, false);
    ended.what = "run-ended";
    ended.at = end.at;
    ended.time = one.end ? end.time : one.begin.origin.started;
    ended.text = one.end ? std::string(name(end.verdict)) : "not ended";
    ended.run = run;
    ended.number = one.records;
    one.events.push_back(std::move(ended));
    one.begin.origin.merged = {run};
}

template <class Record> void sort_and_unite(std::vector<Record>& all) {
    const auto key = [](const Record& r) { return std::tie(r.run, r.number); };
    std::sort(all.begin(), all.end(), [&](const Record& a, const Record& b) { return key(a) < key(b); });
    all.erase(std::unique(all.begin(), all.end(),
                          [&](const Record& a, const Record& b) { return key(a) == key(b); }),
              all.end());
}

end_record judge_merged(const run_contents& all) {
    std::map<std::string, std::string> ends;
    end_record end;
    for (const event_record& event : all.events)
        if (event.what == "run-ended") {
            ends[event.run] = event.text;
            end.time = std::max(end.time, event.time);
        }
    const bool complete =
        std::all_of(ends.begin(), ends.end(), [](const auto& e) { return e.second != "not ended"; });
    const std::int64_t time = end.time;
    end = judge(all, complete);
    end.time = time;
    unsigned inconclusive = 0;
    for (const auto& [run, verdict] : ends)
        inconclusive += verdict == "inconclusive" || verdict == "not ended";
    if (inconclusive != 0) {
        end.note += fmt::format("{}{} of {} runs inconclusive or not ended", end.note.empty() ? "" : "; ",
                                inconclusive, ends.size());
        if (end.verdict == verdict_kind::pass)
            end.verdict = verdict_kind::inconclusive;
    }
    return end;
}

void copy_bundles(const run_contents& from, const fs::path& out) {
    for (const failure_note& f : failures_of(from)) {
        const fs::path source = from.directory / "failures" / f.bundle;
        const fs::path target = out / "failures" / f.bundle;
        std::error_code error;
        if (!fs::exists(source, error) || fs::exists(target, error))
            continue;
        fs::create_directories(target.parent_path(), error);
        if (!error)
            fs::copy(source, target, fs::copy_options::recursive, error);
        if (error)
            throw journal_error(target.string() + ": " + error.message());
    }
}

} // namespace

run_contents merge_runs(const std::vector<fs::path>& from, const fs::path& out) {
    std::vector<run_contents> parts;
    parts.reserve(from.size());
    for (const fs::path& directory : from)
        parts.push_back(read_journal(directory));
    std::error_code error;
    if (fs::exists(journal_file(out), error)) {
        parts.push_back(read_journal(out));
        if (parts.back().begin.origin.merged.empty())
            throw journal_error(out.string() +
                                ": holds a run that is not a merged one; choose another --out");
    }
    if (parts.empty())
        throw journal_error("nothing to merge");
    for (const run_contents& part : parts)
        refuse_mixed(parts.front(), part);
    fs::create_directories(out, error);
    if (error)
        throw journal_error(out.string() + ": " + error.message());
    run_contents all;
    for (run_contents& part : parts) {
        copy_bundles(part, out);
        name_sources(part);
        if (all.begin.origin.run.empty() ||
            part.begin.origin.merged.front() < all.begin.origin.merged.front()) {
            const std::vector<std::string> merged = std::move(all.begin.origin.merged);
            all.begin = part.begin;
            all.begin.origin.merged.insert(all.begin.origin.merged.end(), merged.begin(), merged.end());
        } else {
            all.begin.origin.merged.insert(all.begin.origin.merged.end(), part.begin.origin.merged.begin(),
                                           part.begin.origin.merged.end());
        }
        std::vector<std::string>& merged = all.begin.origin.merged;
        std::sort(merged.begin(), merged.end());
        merged.erase(std::unique(merged.begin(), merged.end()), merged.end());
        all.begin.origin.started = std::min(all.begin.origin.started, part.begin.origin.started);
        all.slices.insert(all.slices.end(), part.slices.begin(), part.slices.end());
        all.events.insert(all.events.end(), part.events.begin(), part.events.end());
    }
    all.begin.origin.run = "merged-" + check_of(joined(all.begin.origin.merged, " "));
    all.begin.origin.command.clear();
    all.begin.parameters.shard_index = 0;
    all.begin.parameters.shard_count = 1;
    sort_and_unite(all.slices);
    sort_and_unite(all.events);
    all.directory = out;
    all.end = judge_merged(all);

    const fs::path fresh = journal_file(out).string() + ".new";
    fs::remove(fresh, error);
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        fail_errno(fresh);
    std::string text = journal_line(all.begin, all.records++);
    for (const slice_record& slice : all.slices)
        text += journal_line(slice, all.records++);
    for (const event_record& event : all.events)
        text += journal_line(event, all.records++);
    text += journal_line(*all.end, all.records++);
    all.bytes = text.size();
    try {
        write_all(fd, text);
        if (::fsync(fd) != 0)
            throw std::system_error(errno, std::generic_category());
    } catch (const std::system_error& wrong) {
        ::close(fd);
        fs::remove(fresh, error);
        throw journal_error(fresh.string() + ": " + wrong.code().message());
    }
    ::close(fd);
    if (::rename(fresh.c_str(), journal_file(out).c_str()) != 0)
        fail_errno(journal_file(out));
    sync_directory(out);
    return all;
}

// ---- between a worker process and its supervisor

std::string encode_message(const leg_message& what) {
    if (const auto* found = std::get_if<failure>(&what))
        return dump(json{{"failure", encode(*found)}});
    const auto& r = std::get<leg_report>(what);
    json all{{"seconds", r.seconds},
             {"workers", r.workers},
             {"rounds", r.rounds},
             {"quiescent_checks", r.quiescent_checks},
             {"failures_seen", r.failures_seen},
             {"rss_kib", r.rss_kib},
             {"per_operation", encode(r.per_operation)},
             {"last", r.last},
             {"note", r.note},
             {"error", r.error}};
    encode_into(all, r.seen);
    return dump(all);
}

std::optional<leg_message> decode_message(const std::string& line) {
    try {
        const json message = json::parse(line);
        if (const auto found = message.find("failure"); found != message.end())
            return decode_failure(*found);
        const json_node from(message, "");
        leg_report r;
        r.seconds = from.get<double>("seconds");
        r.workers = from.get<unsigned>("workers");
        r.rounds = from.get<std::uint64_t>("rounds");
        r.quiescent_checks = from.get<std::uint64_t>("quiescent_checks");
        r.failures_seen = from.get<std::uint64_t>("failures_seen");
        r.rss_kib = from.get<std::uint64_t>("rss_kib");
        r.per_operation = decode_counts(from.at("per_operation"));
        r.seen = decode_observations(from);
        r.last = from.get<bool>("last");
        r.note = from.get<std::string>("note");
        r.error = from.get<std::string>("error");
        return r;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::string encode_order(const leg_order& what) {
    return dump(json{{"parameters", encode(what.parameters)},
                     {"load", what.load},
                     {"seconds", what.seconds},
                     {"seed", what.seed},
                     {"parent", what.parent}});
}

leg_order decode_order(const std::string& text) {
    const json order = json::parse(text);
    const json_node from(order, "");
    return {decode_parameters(from.at("parameters")), from.get<unsigned>("load"), from.get<double>("seconds"),
            from.get<std::uint64_t>("seed"), from.get<int>("parent")};
}

} // namespace daxtorture
