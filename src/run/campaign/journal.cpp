#include "run/campaign/journal.hpp"

#include "base/fnv1a.hpp"
#include "base/write_all.hpp"
#include "run/campaign/codec.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <variant>

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

} // namespace

fs::path journal_file(const fs::path& directory) { return directory / "journal.jsonl"; }

std::string journal_line(const journal_record& record, std::uint64_t number) {
    json numbered = encode(record);
    numbered["n"] = number;
    const std::string text = one_line(numbered);
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

void journal_writer::append(const journal_record& record) {
    const std::string line = journal_line(record, next_);
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

void replace_journal(const fs::path& directory, std::string_view text) {
    const fs::path fresh = journal_file(directory).string() + ".new";
    std::error_code error;
    fs::remove(fresh, error);
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        fail_errno(fresh);
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
    if (::rename(fresh.c_str(), journal_file(directory).c_str()) != 0)
        fail_errno(journal_file(directory));
    sync_directory(directory);
}

} // namespace daxtorture
