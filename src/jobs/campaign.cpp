#include "jobs/campaign.hpp"

#include "jobs/arch.hpp"
#include "jobs/child_process.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/output.hpp"
#include "jobs/terminal.hpp"

#include "base/seed.hpp"
#include "daxtorture_config.hpp"
#include "protocol/presets.hpp"
#include "report/run.hpp"
#include "report/text.hpp"
#include "run/campaign/journal.hpp"
#include "run/campaign/summary.hpp"
#include "run/campaign/worker_protocol.hpp"
#include "run/lift/lift.hpp"
#include "scenario/parser.hpp"
#include "stress/mix.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>

#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace daxtorture::jobs {
namespace {

using clock = std::chrono::steady_clock;

constexpr double grace = 4;          ///< seconds from a deadline or signal until the worker process is killed
constexpr double silence_limit = 20; ///< seconds without a word from a worker process
constexpr unsigned stillborn_limit = 3; ///< legs in a row that end before they report anything

#ifdef __clang__
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

double seconds_since(clock::time_point then) {
    return std::chrono::duration<double>(clock::now() - then).count();
}

run_origin origin_here() {
    run_origin here;
    utsname system{};
    uname(&system);
    here.run = fmt::format("{:x}-{:x}", std::time(nullptr), fresh_seed() >> 16);
    here.version = DAXTORTURE_VERSION;
    here.host = system.nodename;
    here.kernel = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
    here.compiler = compiler;
    here.started = std::time(nullptr);
    here.command = own_command();
    return here;
}

class supervisor {
  public:
    supervisor(const run_contents& so_far, journal_writer journal, const campaign_options& options)
        : options_(options), parameters_(so_far.begin.parameters), journal_(std::move(journal)) {
        sums_.directory = options.directory;
        sums_.begin = so_far.begin;
        sums_.events = so_far.events;
        for (const slice_record& slice : so_far.slices) {
            add_to_sums(sums_, slice);
            leg_ = std::max(leg_, slice.leg + 1);
        }
        for (const event_record& event : so_far.events)
            leg_ = std::max(leg_, event.leg + (event.what == "leg" ? 1 : 0));
        for (const failure_note& f : failures_of(sums_))
            known_.push_back(f.bundle);
    }

    exit_code run(double seconds) {
        deadline_ = seconds;
        try {
            spdlog::info("stress: {}; {}", parameters_text(parameters_), options_.directory.string());
            spdlog::info("stress: {}, {}, daxtorture {} by {}", sums_.begin.origin.host,
                         sums_.begin.origin.kernel, sums_.begin.origin.version, sums_.begin.origin.compiler);
            legs();
            end_record end = judge(sums_, complete_);
            end.time = std::time(nullptr);
            if (!complete_)
                end.note =
                    fmt::format("stopped by a signal, {:.0f} s remain{}{}",
                                std::max(0.0, deadline_ - elapsed()), end.note.empty() ? "" : "; ", end.note);
            if (!broken_.empty()) {
                end.note = broken_;
                end.tool_failed = true;
            }
            journal_.append(end);
        } catch (const journal_error& wrong) {
            broken_ = wrong.what();
        }
        status_.clear();
        return tell();
    }

  private:
    double elapsed() const { return seconds_since(start_); }
    bool cancelled() const {
        return options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed);
    }

    void legs() {
        unsigned stillborn = 0;
        while (!cancelled() && broken_.empty()) {
            const double remaining = deadline_ - elapsed();
            if (remaining <= 0.05) {
                complete_ = true;
                return;
            }
            const auto loads = static_cast<unsigned>(parameters_.loads.size());
            heard_ = false;
            race(leg_ % loads, loads == 1 ? remaining : std::min(parameters_.turn, remaining));
            ++leg_;
            if (!sums_.slices.empty() && !parameters_.keep_going && failures() != 0) {
                complete_ = true;
                return;
            }
            stillborn = heard_ ? 0 : stillborn + 1;
            if (stillborn == stillborn_limit)
                broken_ = fmt::format("{} worker processes in a row ended before they reported anything",
                                      stillborn);
        }
    }

    std::uint64_t failures() const {
        std::uint64_t sum = 0;
        for (const slice_record& slice : sums_.slices)
            sum += slice.failures_seen;
        return sum;
    }

    void note_event(const char* what, std::string text) {
        event_record event;
        event.at = seconds_raced(sums_);
        event.time = std::time(nullptr);
        event.what = what;
        event.leg = leg_;
        event.text = std::move(text);
        journal_.append(event);
        if (event.what != "leg" && event.what != "resumed") { // what sums need; the rest is in the journal
            sums_.events.push_back(std::move(event));
        }
    }

    /// One leg: a worker process with one load.
    void race(unsigned load, double seconds) {
        leg_order order;
        order.parameters = parameters_;
        order.load = load;
        order.seconds = seconds;
        order.seed = derive(parameters_.seed, parameters_.shard_index, leg_);
        order.parent = getpid();
        load_ = load;
        before_ = now_ = {};
        note_event("leg", fmt::format("{} under {}, seed {}", parameters_.loads[load].name,
                                      parameters_.loads[load].protocol, order.seed));
        child_process worker("/proc/self/exe", encode_order(order), {"stress-worker"});
        const clock::time_point began = clock::now();
        clock::time_point heard = began;
        clock::time_point told = began;
        clock::time_point asked = clock::time_point::max();
        bool stuck = false;
        bool open = true;
        while (open) {
            pollfd what{worker.output(), POLLIN, 0};
            poll(&what, 1, 100);
            open = worker.read_more();
            while (const auto line = worker.next_line()) {
                heard = clock::now();
                hear(*line);
            }
            if (seconds_since(told) >= parameters_.slice || !notes_.empty()) {
                journal_slice();
                told = clock::now();
            }
            show();
            if (cancelled() && asked == clock::time_point::max()) {
                worker.stop();
                asked = clock::now();
            }
            const bool late = seconds_since(began) > seconds + grace ||
                              (asked != clock::time_point::max() && seconds_since(asked) > grace);
            if (open && !now_.last && !stuck && (late || seconds_since(heard) > silence_limit)) {
                stuck = true;
                worker.kill_now();
            }
            // After its last word nothing that it still does matters.
            if (now_.last)
                break;
        }
        if (!now_.last || seconds_since(heard) > 1)
            worker.kill_now();
        journal_slice();
        if (now_.last) {
            heard_ = true;
            if (!now_.error.empty())
                broken_ = "a worker process could not run: " + now_.error;
            if (!now_.note.empty() && now_.quiescent_checks != 0)
                note_event("leg-cut", now_.note);
            return; // its destructor ends it
        }
        const int code = worker.wait();
        if (stuck) {
            spdlog::warn("worker process {} did not end in time: killed", leg_);
            note_event("leg-stuck", "did not end in time");
        } else if (code == 128 + SIGKILL || code == 128 + SIGTERM) {
            spdlog::warn("worker process {} was killed from outside", leg_);
            note_event("leg-killed", strsignal(code - 128));
        } else {
            const std::string how = code > 128 ? strsignal(code - 128) : fmt::format("exit code {}", code);
            spdlog::error("worker process {} crashed: {}", leg_, how);
            note_event("leg-crashed", how);
        }
    }

    void hear(const std::string& line) {
        std::optional<leg_message> message = decode_message(line);
        if (!message)
            return;
        heard_ = true;
        if (auto* found = std::get_if<failure>(&*message))
            keep(std::move(*found));
        else
            now_ = std::get<leg_report>(std::move(*message));
    }

    /// The bundle first, then the record that names it.
    void keep(failure found) {
        const load& of = parameters_.loads[load_];
        told_failure told;
        const bool mix = of.scenario.empty();
        if (mix)
            told.kept.what = window_of(stress::mix_program(of.name, of.protocol, of.rules,
                                                           of.arch.empty() ? target{} : arch_named(of.arch),
                                                           stress::worker_count(parameters_.workers)),
                                       found.events);
        else if (parse_result parsed = parse_scenario(of.scenario, of.name))
            told.kept.what = std::move(*parsed.value);
        told.kept.engine = "stress";
        told.kept.command = own_command();
        told.kept.seed = parameters_.seed;
        told.kept.source_hash = checker_fingerprint();
        told.kept.memory = "weak";
        told.kept.found = found;
        const std::string name = (mix ? "stress-mix-" : "stress-") + of.name;
        failure_note note;
        note.bundle = bundle_name(told.kept, name);
        note.kind = daxtorture::name(found.kind);
        note.invariant = number(found.invariant);
        note.cause = found.cause;
        note.load = load_;
        if (std::find(known_.begin(), known_.end(), note.bundle) != known_.end())
            return;
        spdlog::error("failure: {}; {}", found.cause, note.bundle);
        const std::filesystem::path failures = options_.directory / "failures";
        scenario_verdict verdict;
        verdict.name = name;
        verdict.protocol = of.protocol;
        verdict.rules = fmt::format("{}", fmt::join(of.rules, " "));
        verdict.memory = "host";
        verdict.verdict = verdict_kind::fail;
        verdict.found = found;
        if (const kept_failure kept = keep_failure(told, verdict, failures.string(), {});
            !kept.problem.empty()) {
            tell_unkept(kept);
            unkept_ = true;
            throw journal_full(kept.problem);
        }
        known_.push_back(note.bundle);
        notes_.push_back(std::move(note));
    }

    void journal_slice() {
        slice_record slice;
        static_cast<stress_totals&>(slice) = difference(now_, before_);
        slice.load = load_;
        slice.leg = leg_;
        slice.at = seconds_raced(sums_) + slice.seconds;
        slice.rss_kib = now_.rss_kib;
        slice.failures = notes_;
        if (slice.seconds <= 0 && slice.failures.empty())
            return;
        journal_.append(slice);
        notes_.clear();
        before_ = now_;
        add_to_sums(sums_, slice);
        write_prometheus();
    }

    void write_prometheus() {
        if (options_.prometheus.empty() || prometheus_failed_)
            return;
        try {
            write_result(options_.prometheus, run_prometheus(sums_, std::max(0.0, deadline_ - elapsed())));
        } catch (const std::exception& wrong) {
            prometheus_failed_ = true;
            spdlog::warn("{}; the run goes on without it", wrong.what());
        }
    }

    void show() {
        const stress_summary now = summarise(sums_);
        const std::string text =
            fmt::format("{:.0f}/{:.0f} s  {} operations  {} rounds  {} failures", elapsed(), deadline_,
                        grouped(now.operations), grouped(now.rounds), now.failures_seen);
        status_.show(text);
        if (elapsed() >= next_line_) { // on a pipe one line a minute
            next_line_ += 60;
            if (!isatty(STDERR_FILENO))
                spdlog::info("{}", text);
        }
    }

    /// From the journal, not from memory: what was told is what is kept.
    exit_code tell() {
        const run_contents all = read_journal(options_.directory);
        if (options_.json != "-")
            fmt::print("{}", run_text(all, colours_on_stdout()));
        std::fflush(stdout);
        if (!options_.json.empty())
            write_result(options_.json, run_json(all));
        write_prometheus();
        const stress_summary sum = summarise(all);
        if (!broken_.empty())
            spdlog::error("stress: {}", broken_);
        spdlog::info("stress: {}{}: {}; {}, {}, daxtorture {}; {}", name(sum.verdict),
                     sum.note.empty() ? "" : " (" + sum.note + ")", parameters_text(parameters_),
                     all.begin.origin.host, all.begin.origin.kernel, all.begin.origin.version,
                     options_.directory.string());
        if (unkept_)
            return exit_code::violation;
        if (!broken_.empty() && sum.verdict != verdict_kind::fail)
            return exit_code::tool_failed;
        return exit_code_of_run(all);
    }

    const campaign_options options_;
    const run_parameters parameters_;
    journal_writer journal_;
    run_contents sums_; ///< one slice per load
    std::vector<std::string> known_;
    const clock::time_point start_ = clock::now();
    double deadline_ = 0; ///< seconds from start_
    bool complete_ = false;
    std::string broken_;
    bool unkept_ = false; ///< a failure was found that neither bundle nor journal has
    status_line status_;
    double next_line_ = 60;
    bool prometheus_failed_ = false;
    // Of the current leg.
    unsigned leg_ = 0;
    unsigned load_ = 0;
    bool heard_ = false;
    leg_report now_;
    leg_report before_; ///< what is journaled
    std::vector<failure_note> notes_;
};

} // namespace

exit_code exit_code_of_run(const run_contents& run) {
    const stress_summary sum = summarise(run);
    if (sum.verdict == verdict_kind::fail)
        return exit_code::violation;
    if (run.end && run.end->tool_failed)
        return exit_code::tool_failed;
    return sum.verdict == verdict_kind::pass ? exit_code::pass : exit_code::inconclusive;
}

exit_code begin_campaign(const run_parameters& parameters, const campaign_options& options) {
    try {
        journal_writer journal = journal_writer::create(options.directory);
        require_writable(options.json); // they may lie in the directory that was made for the journal
        require_writable(options.prometheus);
        run_contents fresh;
        fresh.directory = options.directory;
        fresh.begin = {origin_here(), parameters};
        journal.append(fresh.begin);
        return supervisor(std::move(fresh), std::move(journal), options).run(parameters.seconds);
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
}

exit_code resume_campaign(const campaign_options& options) {
    try {
        run_contents so_far = read_journal(options.directory);
        const run_parameters& p = so_far.begin.parameters;
        if (!so_far.notice.empty())
            spdlog::warn("{}", so_far.notice);
        if (so_far.begin.origin.version != DAXTORTURE_VERSION)
            throw usage_error(fmt::format("{}: was begun by daxtorture {}, this is " DAXTORTURE_VERSION,
                                          options.directory.string(), so_far.begin.origin.version));
        if (!so_far.begin.origin.merged.empty())
            throw usage_error(options.directory.string() + ": a merged run cannot go on; resume its parts");
        const double remaining = p.until != 0
                                     ? std::difftime(static_cast<std::time_t>(p.until), std::time(nullptr))
                                     : p.seconds - seconds_raced(so_far);
        const bool over = so_far.end && so_far.end->complete;
        if (over || (p.until != 0 && remaining <= 0)) {
            spdlog::info("stress: nothing remains of {}", options.directory.string());
            fmt::print("{}", run_text(so_far, colours_on_stdout()));
            if (!options.json.empty())
                write_result(options.json, run_json(so_far));
            return exit_code_of_run(so_far);
        }
        require_writable(options.json);
        require_writable(options.prometheus);
        journal_writer journal = journal_writer::resume(so_far);
        event_record resumed;
        resumed.at = seconds_raced(so_far);
        resumed.time = std::time(nullptr);
        resumed.what = "resumed";
        resumed.text = fmt::format("on {}, {:.1f} s remain", origin_here().host, std::max(0.0, remaining));
        journal.append(resumed);
        spdlog::info("stress: resumed, {:.1f} s remain", std::max(0.0, remaining));
        return supervisor(std::move(so_far), std::move(journal), options).run(std::max(0.0, remaining));
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
}

} // namespace daxtorture::jobs
