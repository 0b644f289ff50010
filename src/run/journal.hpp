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

#include "run/verdict.hpp"
#include "words/failure.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace daxtorture {

/// One line, ready for the user: "DIR/journal.jsonl:7: expected ...".
struct journal_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// The journal cannot grow any more: the device is full, or gone. What was written before is whole.
struct journal_full : journal_error {
    using journal_error::journal_error;
};

/// One thing that a campaign runs in turn: a scenario or a mix, under a protocol.
struct load {
    std::string name; ///< of the scenario or mix
    std::string
        scenario; ///< canonical text, rules included: a resumed run does not depend on files; empty: a mix
    std::string protocol;
    std::vector<std::string> rules; ///< "NAME=VALUE"
    std::string arch;               ///< of a mix; a scenario's text has its own

    friend bool operator==(const load&, const load&) = default;
};

struct run_parameters {
    std::vector<load> loads;
    unsigned workers = 0;
    double seconds = 0;     ///< of racing, all legs together
    std::int64_t until = 0; ///< Unix time at which the run ends, resumed or not; 0: when `seconds` are over
    std::uint64_t seed = 0;
    double hang_after = 30;
    bool keep_going = false;
    bool record = true;               ///< flight recorders
    bool ledger = true;               ///< who holds each page is counted
    bool pin = true;                  ///< each worker stays on a processor
    std::vector<unsigned> processors; ///< on which; empty: those that the process may use
    double turn = 0;                  ///< seconds until the next load's turn
    double slice = 0;                 ///< seconds of one slice record
    unsigned shard_index = 0;
    unsigned shard_count = 1;
};

/// "mix default, v6.15, wake-key=refcount, 4 workers, 60 s, seed 7, shard 1/2": all parameters in one line.
std::string parameters_text(const run_parameters& what);

/// The names of those that are not the same.
std::vector<std::string> differing_parameters(const run_parameters& a, const run_parameters& b);

/// All of them as JSON, as records and reports have them.
std::string parameters_json(const run_parameters& what);

struct run_origin {
    std::string run; ///< unique name of the run
    std::string version;
    std::string host;
    std::string kernel;
    std::string compiler;
    std::int64_t started = 0; ///< Unix time
    std::vector<std::string> command;
    std::vector<std::string> merged; ///< names of the runs that were folded into this one
};

struct begin_record {
    run_origin origin;
    run_parameters parameters;
};

/// A distinct failure; its bundle is DIR/failures/NAME.
struct failure_note {
    std::string bundle;
    std::string kind;
    int invariant = 0;
    std::string cause;
    unsigned load = 0;
};

struct slice_record {
    unsigned load = 0;  ///< index into parameters.loads
    unsigned leg = 0;   ///< number of the worker process
    double at = 0;      ///< seconds of racing at its end
    double seconds = 0; ///< its length
    unsigned workers = 0;
    std::uint64_t rounds = 0;
    std::uint64_t quiescent_checks = 0;
    std::uint64_t failures_seen = 0;
    std::uint64_t rss_kib = 0; ///< of the worker process, at its end
    std::vector<stress_count> per_operation;
    observations seen;
    std::vector<failure_note> failures;
    // Of a merged journal: the record it comes from.
    std::string run;
    std::uint64_t number = 0;
};

struct event_record {
    double at = 0;
    std::int64_t time = 0;
    std::string
        what; ///< "resumed", "leg" (began), "leg-crashed", "leg-stuck", "leg-killed", "leg-cut", "run-ended"
    unsigned leg = 0;
    std::string text;
    std::string run; ///< of a merged journal, with `number`
    std::uint64_t number = 0;
};

struct end_record {
    double at = 0;
    std::int64_t time = 0;
    verdict_kind verdict = verdict_kind::inconclusive;
    std::string note;
    bool complete = false; ///< nothing remains to be resumed
    bool tool_failed = false;
};

using journal_record = std::variant<begin_record, slice_record, event_record, end_record>;

/// Everything a journal says.
struct run_contents {
    std::filesystem::path directory;
    begin_record begin;
    std::vector<slice_record> slices;
    std::vector<event_record> events;
    std::optional<end_record> end; ///< the last record, if it is one
    std::uint64_t records = 0;
    std::uintmax_t bytes = 0; ///< of whole records
    std::string notice;       ///< what was dropped; empty: nothing
};

inline constexpr int journal_version = 1;
std::filesystem::path journal_file(const std::filesystem::path& directory);

/// Has a run begun in this directory? A journal without any record, of a run that was killed at its first breath, is none.
bool holds_run(const std::filesystem::path& directory);

/// Throws journal_error.
run_contents read_journal(const std::filesystem::path& directory);

/// A record as its line, with the newline.
std::string journal_line(const journal_record& what, std::uint64_t number);

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
    void append(const journal_record& what);

  private:
    journal_writer(std::filesystem::path file, int fd, std::uint64_t next, std::uintmax_t bytes)
        : file_(std::move(file)), fd_(fd), next_(next), bytes_(bytes) {}

    std::filesystem::path file_;
    int fd_;
    std::uint64_t next_;
    std::uintmax_t bytes_;
};

/// The sum of all slices, and the verdict: of the last record, else what the records so far come to.
stress_summary summarise(const run_contents& what);
/// Distinct failures in the order they were found.
std::vector<failure_note> failures_of(const run_contents& what);
/// What the records come to, whatever the last one says; `complete`: the run came to its planned end.
end_record judge(const run_contents& what, bool complete);
/// Folds a slice into the one of its load: sums for a process that runs for days.
void add_to_sums(run_contents& sums, const slice_record& slice);
/// Seconds of racing so far.
double seconds_raced(const run_contents& what);

/// Folds runs into the directory `out`, and what it already holds of them: the union of their records, in an order of its own, so that
/// doing it again changes nothing. Throws journal_error for runs of another version or with other parameters (seed and shard may differ).
run_contents merge_runs(const std::vector<std::filesystem::path>& from, const std::filesystem::path& out);

// What a worker process tells its supervisor, one line each.

struct leg_report {
    double seconds = 0; ///< all numbers since the leg began
    unsigned workers = 0;
    std::uint64_t rounds = 0;
    std::uint64_t quiescent_checks = 0;
    std::uint64_t failures_seen = 0;
    std::uint64_t rss_kib = 0;
    std::vector<stress_count> per_operation;
    observations seen;
    bool last = false;
    std::string note;  ///< of the last one: why it is inconclusive
    std::string error; ///< of the last one: it could not run at all
};
using leg_message = std::variant<leg_report, failure>;

std::string encode_message(const leg_message& what);
/// Nothing for a line that is no message: the pipe of a killed worker may end anywhere.
std::optional<leg_message> decode_message(const std::string& line);

struct leg_order {
    run_parameters parameters;
    unsigned load = 0;
    double seconds = 0;
    std::uint64_t seed = 0;
    int parent = 0; ///< pid of the supervisor
};
std::string encode_order(const leg_order& what);
leg_order decode_order(const std::string& text);

} // namespace daxtorture
