/// A campaign as text, JSON, JUnit XML, one HTML page, and metrics for Prometheus' textfile collector.
///
/// All from the journal and the bundles beside it. The page is one file: style and drawings are in it, nothing is fetched.
#pragma once

#include "run/campaign/records.hpp"

#include <string>

namespace daxtorture {

std::string run_text(const run_contents& run, bool colour);
/// Without a newline at the end. Keys: those of `stress --json`, and more; docs/json.md.
std::string run_json(const run_contents& run);
std::string run_junit(const run_contents& run);
std::string run_html(const run_contents& run);
/// At most twelve lines of at most 72 columns, for a mail.
std::string run_digest(const run_contents& run);
std::string run_prometheus(const run_contents& run, double seconds_remaining);

/// "hang, I28: wrong queue: ... (break-vs-pin under v7.3)"
std::string title_of(const failure_note& f, const run_parameters& p);
/// report.txt of a failure's bundle; empty when it is not there.
std::string failure_report(const run_contents& run, const failure_note& of);
/// 2026-11-21 07:30:00, local time.
std::string local_time(std::int64_t unix_time);

} // namespace daxtorture
