/// The journal of a hunt, OUT/hunt.journal: what it was asked, what it kept, how far it came. A hunt that was killed goes on from it.
///
/// One JSON object a line, appended: {"type": "begin"}, then {"type": "failure"} as each is kept, {"type": "progress"} about once a
/// second and at the end. A line that was cut off is left out, and what was searched after the last progress is searched again.
#pragma once

#include "jobs/hunt/hunt.hpp"
#include "jobs/hunt/steering.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace daxtorture::jobs::hunt {

/// How far a hunt came: totals, and what is new since the last time.
struct progress_record {
    std::uint64_t programs = 0;
    std::uint64_t distinct = 0;
    std::uint64_t unusable = 0;
    std::uint64_t executions = 0;
    std::uint64_t drawn = 0;      ///< number of the next program that is drawn
    std::uint64_t enumerated = 0; ///< number of the next of all small ones
    double seconds = 0;
    std::vector<std::uint64_t> seen; ///< fingerprints
    steering::step_rows rows;
    std::vector<std::array<std::uint64_t, 3>> outcomes; ///< totals: kind, outcome, count
};

/// What the journal of a directory says.
struct hunt_log {
    hunt_options options; ///< as it was begun
    std::vector<trophy> trophies;
    progress_record reached; ///< all of `seen` and `rows`
};
/// Throws usage_error when the directory has no journal of a hunt.
hunt_log read_log(const std::filesystem::path& directory);

bool has_log(const std::filesystem::path& directory);

/// Appends to the journal; it is locked as long as this stands. Throws usage_error.
class log_writer {
  public:
    /// `resumed`: goes on with the journal that is there; else there must be none.
    log_writer(const hunt_options& options, bool resumed);
    ~log_writer();
    log_writer(const log_writer&) = delete;
    log_writer& operator=(const log_writer&) = delete;

    void add(const trophy& kept);
    void add(const progress_record& reached);

  private:
    void cut_last_line();
    void append(const std::string& line);

    std::filesystem::path file_;
    int fd_ = -1;
};

} // namespace daxtorture::jobs::hunt
