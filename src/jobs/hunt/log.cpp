#include "jobs/hunt/log.hpp"

#include "base/write_all.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace daxtorture::jobs::hunt {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* journal_name = "hunt.journal";
constexpr int journal_version = 1;

json encode(const hunt_options& o) {
    return {{"type", "begin"},
            {"version", journal_version},
            {"protocol", o.under.given},
            {"rules", o.under.rules},
            {"seconds", o.seconds},
            {"programs", o.programs},
            {"seed", o.seed},
            {"jobs", o.jobs},
            {"shard", {o.part.index, o.part.count}}};
}
hunt_options decode_options(const json& from) {
    hunt_options o;
    o.under = find_protocols(from.at("protocol"), from.at("rules"));
    o.seconds = from.at("seconds");
    o.programs = from.at("programs");
    o.seed = from.at("seed");
    o.jobs = from.at("jobs");
    o.part = {from.at("shard").at(0), from.at("shard").at(1)};
    return o;
}

json encode(const trophy& t) {
    return {{"type", "failure"},
            {"scenario", t.scenario},
            {"bundle", t.bundle},
            {"invariant", t.invariant},
            {"kind", t.kind},
            {"cause", t.cause},
            {"known", t.known},
            {"protocol", t.protocol},
            {"rules", t.rules},
            {"threads", t.threads},
            {"operations", t.operations},
            {"executions", t.executions}};
}
trophy decode_trophy(const json& from) {
    trophy t;
    t.scenario = from.at("scenario");
    t.bundle = from.at("bundle");
    t.invariant = from.at("invariant");
    t.kind = from.at("kind");
    t.cause = from.at("cause");
    t.known = from.at("known");
    t.protocol = from.at("protocol");
    t.rules = from.at("rules");
    t.threads = from.at("threads");
    t.operations = from.at("operations");
    t.executions = from.at("executions");
    return t;
}

json encode(const progress_record& r) {
    json rows = json::array();
    for (const auto& [place, bits] : r.rows)
        rows.push_back({place[0], place[1], place[2], bits});
    return {{"type", "progress"},
            {"programs", r.programs},
            {"distinct", r.distinct},
            {"unusable", r.unusable},
            {"executions", r.executions},
            {"drawn", r.drawn},
            {"enumerated", r.enumerated},
            {"seconds", r.seconds},
            {"seen", r.seen},
            {"rows", rows},
            {"outcomes", r.outcomes}};
}
/// Totals are those of the last record, sets those of all.
void take_progress(const json& from, progress_record& into) {
    into.programs = from.at("programs");
    into.distinct = from.at("distinct");
    into.unusable = from.at("unusable");
    into.executions = from.at("executions");
    into.drawn = from.at("drawn");
    into.enumerated = from.at("enumerated");
    into.seconds = from.at("seconds");
    for (const std::uint64_t one : from.at("seen"))
        into.seen.push_back(one);
    for (const json& row : from.at("rows"))
        into.rows[{row.at(0), row.at(1), row.at(2)}] = row.at(3);
    into.outcomes = from.at("outcomes").get<decltype(into.outcomes)>();
}

void take_record(const json& record, hunt_log& into) {
    const std::string type = record.at("type");
    if (type == "failure")
        into.trophies.push_back(decode_trophy(record));
    else if (type == "progress")
        take_progress(record, into.reached);
}

[[noreturn]] void fail_errno(const fs::path& file) {
    throw usage_error(file.string() + ": " + std::strerror(errno));
}

} // namespace

bool has_log(const fs::path& directory) {
    std::error_code unknown;
    return fs::exists(directory / journal_name, unknown);
}

hunt_log read_log(const fs::path& directory) {
    const fs::path file = directory / journal_name;
    errno = 0;
    std::ifstream from(file);
    if (!from)
        fail_errno(file);
    hunt_log all;
    std::string line;
    for (unsigned number = 1; std::getline(from, line); ++number) {
        const bool whole = !from.eof(); // a record ends with its newline
        const auto wrong = [&] {
            return usage_error(file.string() + ":" + std::to_string(number) +
                               ": expected a record of a hunt");
        };
        try {
            const json record = json::parse(line);
            if (number != 1)
                take_record(record, all);
            else if (record.at("type") != "begin" || record.at("version") != journal_version)
                throw wrong();
            else
                all.options = decode_options(record);
        } catch (const json::exception&) {
            if (whole || number == 1)
                throw wrong();
        }
    }
    all.options.out = directory.string();
    return all;
}

log_writer::log_writer(const hunt_options& options, bool resumed)
    : file_(fs::path(options.out) / journal_name) {
    std::error_code problem;
    fs::create_directories(options.out, problem);
    fd_ = ::open(file_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | (resumed ? 0 : O_CREAT | O_EXCL), 0666);
    if (fd_ < 0 && errno == EEXIST)
        throw usage_error(file_.string() + ": there is a hunt already: go on with --resume " + options.out +
                          ", or choose another directory with --out");
    if (fd_ < 0)
        fail_errno(file_);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd_);
        throw usage_error(file_.string() + ": another process is writing this hunt");
    }
    if (!resumed)
        append(encode(options).dump());
    else
        cut_last_line();
}

log_writer::~log_writer() {
    if (fd_ >= 0)
        ::close(fd_);
}

/// What was being written when the hunt was killed: all behind the last newline.
void log_writer::cut_last_line() {
    off_t end = ::lseek(fd_, 0, SEEK_END);
    for (char at = 0; end > 0 && ::pread(fd_, &at, 1, end - 1) == 1 && at != '\n';)
        --end;
    if (::ftruncate(fd_, end) != 0)
        fail_errno(file_);
}

void log_writer::add(const trophy& kept) {
    append(encode(kept).dump(-1, ' ', false, json::error_handler_t::replace));
}
void log_writer::add(const progress_record& reached) { append(encode(reached).dump()); }

void log_writer::append(const std::string& line) {
    try {
        write_all(fd_, line + "\n");
    } catch (const std::system_error& wrong) {
        throw usage_error(file_.string() + ": " + wrong.code().message());
    }
}

} // namespace daxtorture::jobs::hunt
