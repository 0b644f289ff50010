#include "run/campaign/merge.hpp"

#include "base/fnv1a.hpp"
#include "base/words.hpp"
#include "run/campaign/journal.hpp"
#include "run/campaign/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

namespace daxtorture {

namespace fs = std::filesystem;

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

/// The journal that is already at `out` is one of the parts, when it is a merged one.
std::vector<run_contents> read_parts(const std::vector<fs::path>& from, const fs::path& out) {
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
    return parts;
}

/// The records of `part`, whose sources are named, join those of `all`. What is said once of all is said as the first run says it.
void unite(run_contents& all, const run_contents& part) {
    run_origin origin = all.begin.origin;
    std::vector<std::string> merged = part.begin.origin.merged;
    merged.insert(merged.end(), origin.merged.begin(), origin.merged.end());
    const bool first = origin.run.empty() || part.begin.origin.merged.front() < origin.merged.front();
    if (first)
        all.begin = part.begin;
    std::ranges::sort(merged);
    all.begin.origin.merged = distinct(std::move(merged));
    all.begin.origin.started = std::min(all.begin.origin.started, part.begin.origin.started);
    all.slices.insert(all.slices.end(), part.slices.begin(), part.slices.end());
    all.events.insert(all.events.end(), part.events.begin(), part.events.end());
}

std::string text_of(run_contents& all) {
    std::string text = journal_line(all.begin, all.records++);
    for (const slice_record& slice : all.slices)
        text += journal_line(slice, all.records++);
    for (const event_record& event : all.events)
        text += journal_line(event, all.records++);
    return text + journal_line(*all.end, all.records++);
}

} // namespace

run_contents merge_runs(const std::vector<fs::path>& from, const fs::path& out) {
    std::vector<run_contents> parts = read_parts(from, out);
    std::error_code error;
    fs::create_directories(out, error);
    if (error)
        throw journal_error(out.string() + ": " + error.message());
    run_contents all;
    for (run_contents& part : parts) {
        copy_bundles(part, out);
        name_sources(part);
        unite(all, part);
    }
    all.begin.origin.run = fmt::format("merged-{:016x}", fnv1a(joined(all.begin.origin.merged, " ")));
    all.begin.origin.command.clear();
    all.begin.parameters.shard_index = 0;
    all.begin.parameters.shard_count = 1;
    sort_and_unite(all.slices);
    sort_and_unite(all.events);
    all.directory = out;
    all.end = judge_merged(all);
    const std::string text = text_of(all);
    all.bytes = text.size();
    replace_journal(out, text);
    return all;
}

} // namespace daxtorture
