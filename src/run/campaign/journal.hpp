/// The journal of a stress campaign: DIR/journal.jsonl, append-only JSON lines that survive whoever writes them.
///
/// A line        {"check":"<16 hex digits>","record":{...}}; `check` is the FNV-1a hash of the record's bytes. Records count from 0 (`n`), so
///               that a missing line shows too.
/// Records       begin    first: parameters, version, host, compiler
///               slice    what was done since the record before it: a few seconds. Deltas, so totals are the sum of all slices
///               event    a leg (worker process) began or ended, the run was resumed
///               end      verdict; the last record of a run that ended. A resumed run goes on behind it
/// Writing       one write(2) and fdatasync(2) per record. A record that does not fit on the device is taken back whole.
/// Reading       an unfinished last line is dropped with a notice; anything else that does not check out is an error with file:line.
/// Checked by tests/campaign.
#pragma once

#include "run/campaign/records.hpp"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace daxtorture {

/// One line, ready for the user: "DIR/journal.jsonl:7: expected ...".
struct journal_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// The journal cannot grow any more: the device is full, or gone. What was written before is whole.
struct journal_full : journal_error {
    using journal_error::journal_error;
};

std::filesystem::path journal_file(const std::filesystem::path& directory);

/// Has a run begun in this directory? A journal without any record, of a run that was killed at its first breath, is none.
bool holds_run(const std::filesystem::path& directory);

/// Throws journal_error.
run_contents read_journal(const std::filesystem::path& directory);

/// A record as its line, with the newline.
std::string journal_line(const journal_record& record, std::uint64_t number);

class journal_writer {
  public:
    /// Makes the directory if need be. Throws journal_error when it already holds a run or cannot be written.
    static journal_writer create(const std::filesystem::path& directory);
    /// Goes on behind the records that were read; what follows them is cut off. Throws journal_error, also when another process writes it.
    static journal_writer resume(const run_contents& after);
    ~journal_writer();
    journal_writer(journal_writer&& other) noexcept
        : file_(std::move(other.file_)), fd_(std::exchange(other.fd_, -1)), next_(other.next_),
          bytes_(other.bytes_) {}
    journal_writer& operator=(journal_writer&&) = delete;

    /// On the device when it returns. Throws journal_full.
    void append(const journal_record& record);

  private:
    journal_writer(std::filesystem::path file, int fd, std::uint64_t next, std::uintmax_t bytes)
        : file_(std::move(file)), fd_(fd), next_(next), bytes_(bytes) {}

    std::filesystem::path file_;
    int fd_;
    std::uint64_t next_;
    std::uintmax_t bytes_;
};

/// Writes the file whole: beside its place, synced, renamed. Throws journal_error.
void replace_journal(const std::filesystem::path& directory, std::string_view text);

} // namespace daxtorture
