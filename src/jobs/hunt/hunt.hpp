/// The hunt: programs are drawn and searched until the time is over; what fails is made small and kept.
///
/// A failure is told once for each invariant, cause and explanation (examine.hpp). Programs that are equal but for names are searched once.
/// A number of programs comes out the same every time, whatever the machine and however many checkers: only `seconds` and signals end a
/// hunt where the clock says.
#pragma once

#include "jobs/hunt/examine.hpp"
#include "jobs/shard.hpp"

#include "run/exit_code.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace daxtorture::jobs::hunt {

struct hunt_options {
    protocols under;
    double seconds = 600;
    std::uint64_t programs = 0; ///< 0: as many as the time allows
    std::uint64_t seed = 1;
    unsigned jobs = 0; ///< checkers; 0: as many as processors
    shard part;
    std::string out;      ///< where scenarios and bundles go
    bool journal = false; ///< it can be resumed (log.hpp)
};

/// A failure that is told: the scenario that shows it, made small.
struct trophy {
    std::string scenario; ///< its file
    std::string bundle;   ///< its directory; empty: it could not be kept
    std::string invariant, cause, kind;
    std::string known; ///< what explains it; empty: nothing does
    std::string protocol, rules;
    unsigned threads = 0;
    unsigned operations = 0;      ///< of all threads
    std::uint64_t executions = 0; ///< of the search that found it
    std::uint64_t programs = 1;   ///< that failed so
    std::string report;           ///< to print
    std::string unkept;           ///< why its files are not there; empty: they are
};

/// What all programs together have met (steering.hpp), and how many of the smallest were searched (enumerate.hpp).
struct hunt_coverage {
    std::uint64_t step_pairs = 0;
    std::uint64_t operation_pairs = 0;
    std::uint64_t operation_pairs_possible = 0;
    std::vector<std::string> never_done; ///< operations that did nothing in any program
    struct small_size {
        std::array<unsigned, 2> operations;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
    };
    std::vector<small_size> small;
};

struct hunt_result {
    std::uint64_t programs = 0; ///< drawn
    std::uint64_t distinct = 0; ///< searched
    std::uint64_t unusable = 0; ///< of them: the set-up does not end
    std::uint64_t executions = 0;
    std::uint64_t crashes = 0; ///< of the checker
    std::string crash;         ///< the first
    std::string
        unwritten; ///< the first file that could not be written, and why: the hunt ended there; empty: none
    double seconds = 0;
    std::uint64_t seed = 0;
    bool interrupted = false;
    hunt_coverage covered;
    std::vector<trophy> trophies;
};

/// `news` is called with each failure that is told, `progress` with a line of status.
struct hunt_listener {
    std::function<void(const trophy&)> news;
    std::function<void(const std::string&)> progress;
};
hunt_result hunt(const hunt_options& options, const hunt_listener& listener);
/// Goes on with the hunt in a directory, as it was begun. What was told before is not told again. Throws usage_error.
hunt_result resume_hunt(const std::string& directory, const hunt_listener& listener);

/// 1 when something failed that nothing explains; else 2 when a file could not be written, 4 when the checker failed, 3 when a signal came;
/// else 0.
exit_code exit_code_of(const hunt_result& result);

} // namespace daxtorture::jobs::hunt
