/// What a campaign's journal keeps, as plain data.
#pragma once

#include "run/campaign/parameters.hpp"
#include "run/totals.hpp"
#include "run/verdict.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace daxtorture {

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

/// What was done since the record before it.
struct slice_record : stress_totals {
    unsigned load = 0;         ///< index into parameters.loads
    unsigned leg = 0;          ///< number of the worker process
    double at = 0;             ///< seconds of racing at its end
    std::uint64_t rss_kib = 0; ///< of the worker process, at its end
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

} // namespace daxtorture
