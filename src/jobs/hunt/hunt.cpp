#include "jobs/hunt/hunt.hpp"

#include "jobs/hunt/canonical.hpp"
#include "jobs/hunt/keep.hpp"
#include "jobs/hunt/log.hpp"
#include "jobs/hunt/source.hpp"
#include "jobs/hunt/steering.hpp"
#include "jobs/interrupt.hpp"

#include "report/text.hpp"
#include "scenario/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>

namespace daxtorture::jobs::hunt {
namespace {

using clock = std::chrono::steady_clock;

constexpr effort first_look{.sampled = 300, .bounded = 0};
constexpr effort closer_look{.sampled = 3'000, .bounded = 1'000, .coverage = false};
constexpr std::uint64_t share_of_closer_looks = 4; ///< one of so many executions, at most
constexpr std::uint64_t executions_of_closer_look = 2 * (closer_look.sampled + closer_look.bounded);
constexpr std::uint64_t results_behind = 128; ///< more than there are checkers
constexpr double seconds_between_records = 1;

/// The same failure for a user: invariant, cause, and what explains it. It is told once.
using failure_key = std::tuple<std::string, std::string, std::string>;
failure_key key_of(const trophy& one) { return {one.invariant, one.cause, one.known}; }
failure_key key_of(const suspect& one) {
    return {one.found.invariant == invariant::none ? "" : name(one.found.invariant), one.found.cause,
            one.known};
}

/// A program to search, or a failure to keep.
struct task {
    std::uint64_t number = 0; ///< of the search
    program what;
    bool closer = false;
    source_place reached; ///< by the source, with this program
    std::shared_ptr<const explanations> known;

    std::optional<suspect> to_keep;
    std::size_t place = 0; ///< of the failure in the result
};

struct searched {
    task done;
    examined outcome;
};

/// Lanes search programs side by side. The order of their results does not depend on who is quicker: search number n is chosen when what
/// the searches up to n - `results_behind` brought is taken in, in their order, and no more.
class hunter {
  public:
    hunter(const hunt_options& options, const hunt_listener& listener)
        : options_(options), listener_(listener), source_(header_of(options), options.seed, options.part) {
        if (options.journal)
            journal_ = std::make_unique<log_writer>(options, false);
    }

    /// Goes on where a journal ends.
    hunter(const hunt_log& before, const hunt_listener& listener)
        : hunter(without_journal(before), listener) {
        journal_ = std::make_unique<log_writer>(options_, true);
        const progress_record& r = before.reached;
        result_.distinct = r.distinct;
        result_.unusable = r.unusable;
        result_.executions = r.executions;
        result_.trophies = before.trophies;
        reached_ = {r.programs, r.drawn, r.enumerated};
        source_.go_to(reached_, r.seen);
        chosen_ = r.distinct;
        seconds_before_ = r.seconds;
        met_.restore(r.rows);
        for (const auto& [kind, outcome, count] : r.outcomes)
            met_.restore_outcome(kind, outcome, count);
        for (std::size_t place = 0; place < before.trophies.size(); ++place)
            trophies_.emplace(key_of(before.trophies[place]), place);
    }

    hunt_result run() {
        const unsigned jobs =
            options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
        {
            std::vector<std::jthread> lanes;
            running_ = jobs;
            for (unsigned i = 0; i < jobs; ++i)
                lanes.emplace_back([this] { work(); });
            watch();
        }
        record_progress();
        if (problem_)
            std::rethrow_exception(problem_);
        result_.programs = reached_.programs;
        result_.executions += executions_of_doubts_;
        unite_equal_failures();
        result_.seconds = seconds();
        result_.seed = options_.seed;
        result_.interrupted = interrupted();
        result_.covered = covered();
        return std::move(result_);
    }

  private:
    static hunt_options without_journal(const hunt_log& before) {
        hunt_options same = before.options;
        same.journal = false;
        return same;
    }

    static program header_of(const hunt_options& options) {
        program header;
        header.name = "hunt";
        header.protocol = options.under.given;
        static_cast<void>(resolve_rules(header, options.under.given, options.under.rules));
        return header;
    }

    double seconds() const {
        return seconds_before_ + std::chrono::duration<double>(clock::now() - started_).count();
    }

    /// No search begins any more.
    bool is_over() const {
        return interrupted() || seconds() >= options_.seconds || problem_ || !result_.unwritten.empty();
    }

    /// One checker's work: a task, what came of it, the next.
    void work() {
        try {
            examiner mine(options_.under, options_.seed);
            while (std::optional<task> next = take())
                if (next->to_keep)
                    keep_failure(*next, mine);
                else
                    finish_search(std::move(*next), mine);
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            problem_ = std::current_exception();
        }
        const std::scoped_lock lock(mutex_);
        --running_;
        news_.notify_all();
    }

    void finish_search(task done, examiner& by) {
        examined outcome;
        try {
            outcome = by.examine(done.what, done.closer ? closer_look : first_look, *done.known);
        } catch (const stopped_by_signal&) {
            outcome.stopped = true;
        }
        const std::scoped_lock lock(mutex_);
        const std::uint64_t number = done.number;
        arrived_.emplace(number, searched{std::move(done), std::move(outcome)});
        news_.notify_all();
    }

    void keep_failure(task& next, examiner& by) {
        std::uint64_t executions = 0;
        trophy made = keep(std::move(*next.to_keep), options_, [&](suspect& small) {
            try {
                executions = by.explain_again(small);
            } catch (
                const std::runtime_error&) { // a signal, or a checker that failed: it stays as it is known
            }
        });
        const std::scoped_lock lock(mutex_);
        executions_of_doubts_ += executions;
        --keeping_;
        trophy& kept = result_.trophies[next.place];
        made.programs = kept.programs;
        kept = std::move(made);
        if (!kept.unkept.empty())
            end_unwritten(kept.unkept);
        else if (journal_ != nullptr)
            write([&] { journal_->add(kept); });
        if (told_.insert(key_of(kept)).second)
            untold_.push_back(next.place);
        news_.notify_all();
    }

    /// Waits until there is something to do; nothing when the hunt is over.
    std::optional<task> take() {
        std::unique_lock lock(mutex_);
        for (;;) {
            if (!to_keep_.empty())
                return first_of(to_keep_);
            if (is_over()) {
                if (take_in_next())
                    continue;
                return std::nullopt; // a lane whose result is not there yet takes it in itself
            }
            const bool is_known = next_number_ < taken_in_ + results_behind;
            if (is_known && !to_look_at_.empty())
                return next_search(first_of(to_look_at_));
            if (is_known && (options_.programs == 0 || chosen_ < options_.programs)) {
                if (std::optional<program> fresh = source_.next(met_)) {
                    ++chosen_;
                    task next;
                    next.what = std::move(*fresh);
                    next.reached = source_.place();
                    return next_search(std::move(next));
                }
                continue;
            }
            if (taken_in_ == next_number_)
                return std::nullopt;
            if (!take_in_next())
                news_.wait_for(lock, std::chrono::milliseconds(200));
        }
    }

    static task first_of(std::deque<task>& waiting) {
        task next = std::move(waiting.front());
        waiting.pop_front();
        return next;
    }

    task next_search(task next) {
        next.number = next_number_++;
        next.known = known_;
        return next;
    }

    /// Learns from the next result in order. False: it is not there yet.
    bool take_in_next() {
        const auto next = arrived_.find(taken_in_);
        if (next == arrived_.end())
            return false;
        ++taken_in_;
        searched taken = std::move(next->second);
        arrived_.erase(next);
        if (!taken.outcome.stopped)
            take_in(std::move(taken.done), std::move(taken.outcome));
        return true;
    }

    void take_in(task done, examined outcome) {
        if (!done.closer) {
            ++result_.distinct;
            unrecorded_.push_back(fingerprint(done.what));
            reached_ = done.reached;
        }
        result_.executions += outcome.executions;
        if (done.closer)
            executions_of_closer_looks_ += outcome.executions - executions_of_closer_look;
        result_.unusable += outcome.unusable ? 1 : 0;
        if (!outcome.tool_failure.empty())
            note_crash(done.what, outcome.tool_failure);
        for (suspect& one : outcome.suspects)
            take_in(std::move(one));
        learn(outcome.learnt);
        if (!done.closer && met_.learn(done.what, outcome.first) &&
            executions_of_closer_looks_ * share_of_closer_looks <= result_.executions) {
            executions_of_closer_looks_ += executions_of_closer_look; // until it is known
            done.closer = true;
            to_look_at_.push_back(std::move(done));
        }
    }

    void take_in(suspect found) {
        const auto [known, is_new] = trophies_.emplace(key_of(found), result_.trophies.size());
        if (!is_new) {
            ++result_.trophies[known->second].programs;
            return;
        }
        task next;
        next.place = known->second;
        next.to_keep = std::move(found);
        to_keep_.push_back(std::move(next));
        ++keeping_;
        result_.trophies.emplace_back();
        news_.notify_all();
    }

    void learn(const explanations& news) {
        if (news.empty())
            return;
        auto all = std::make_shared<explanations>(*known_);
        for (const auto& [failure, cures] : news)
            (*all)[failure].insert(cures.begin(), cures.end());
        known_ = std::move(all);
    }

    void note_crash(const program& searched, const std::string& failure) {
        ++result_.crashes;
        write([&] {
            const std::string file = keep_program(searched, options_.out);
            if (result_.crash.empty())
                result_.crash = failure + "; its program: " + file;
        });
    }

    /// What cannot be written ends the hunt; what was found is told all the same.
    template <class Write> void write(Write action) {
        try {
            action();
        } catch (const usage_error& wrong) {
            end_unwritten(wrong.what());
        }
    }
    void end_unwritten(const std::string& why) {
        if (result_.unwritten.empty())
            result_.unwritten = why;
        news_.notify_all();
    }

    /// Two that were kept apart by what explains them are one when a doubt took both explanations away.
    void unite_equal_failures() {
        std::map<failure_key, std::size_t> first;
        std::vector<trophy> all;
        for (trophy& one : result_.trophies) {
            const auto [place, is_new] = first.emplace(key_of(one), all.size());
            if (is_new)
                all.push_back(std::move(one));
            else
                all[place->second].programs += one.programs;
        }
        result_.trophies = std::move(all);
    }

    /// Tells what comes up until all lanes have ended.
    void watch() {
        std::unique_lock lock(mutex_);
        for (;;) {
            news_.wait_for(lock, std::chrono::milliseconds(200));
            for (const std::size_t place : std::exchange(untold_, {})) {
                const trophy one = result_.trophies[place];
                lock.unlock();
                listener_.news(one);
                lock.lock();
            }
            if (running_ == 0 && untold_.empty())
                return;
            if (keeping_ == 0 && seconds() - recorded_ >= seconds_between_records)
                record_progress();
            const std::string line = status();
            lock.unlock();
            listener_.progress(line);
            lock.lock();
        }
    }

    /// What was searched since the last time. Not while a failure of it is not yet kept: a hunt that goes on would never meet it again.
    void record_progress() {
        recorded_ = seconds();
        if (journal_ == nullptr || !result_.unwritten.empty())
            return;
        progress_record r{.programs = reached_.programs,
                          .distinct = result_.distinct,
                          .unusable = result_.unusable,
                          .executions = result_.executions,
                          .drawn = reached_.drawn,
                          .enumerated = reached_.enumerated,
                          .seconds = recorded_,
                          .seen = std::exchange(unrecorded_, {}),
                          .rows = met_.take_news(),
                          .outcomes = {}};
        for (std::size_t kind = 0; kind < met_.outcomes().size(); ++kind)
            for (std::size_t outcome = 0; outcome < outcome_names.size(); ++outcome)
                if (const std::uint64_t count = met_.outcomes()[kind][outcome]; count != 0)
                    r.outcomes.push_back({kind, outcome, count});
        write([&] { journal_->add(r); });
    }

    hunt_coverage covered() const {
        hunt_coverage all;
        all.step_pairs = met_.step_pairs();
        all.operation_pairs = met_.operation_pairs();
        all.operation_pairs_possible = steering::operation_pairs_possible();
        all.never_done = met_.never_done();
        for (std::size_t size = 0; size < small_programs::sizes.size(); ++size)
            all.small.push_back(
                {small_programs::sizes[size], source_.small().done(size), source_.small().total(size)});
        return all;
    }

    std::string status() const {
        const double now = std::max(seconds(), 0.001);
        const auto known =
            std::ranges::count_if(result_.trophies, [](const trophy& t) { return !t.known.empty(); });
        return fmt::format("{} programs, {}/s, {} executions, {:.0f} s; {} known, {} unexplained",
                           grouped(result_.distinct),
                           grouped(static_cast<std::uint64_t>(static_cast<double>(result_.distinct) / now)),
                           grouped(result_.executions), now, counted(known, "finding"),
                           result_.trophies.size() - static_cast<std::size_t>(known));
    }

    const hunt_options options_;
    const hunt_listener& listener_;
    const clock::time_point started_ = clock::now();
    double seconds_before_ = 0; ///< of a hunt that goes on

    std::mutex mutex_; ///< of all below
    std::condition_variable news_;
    unsigned running_ = 0; ///< lanes
    std::exception_ptr problem_;

    // What to do next.
    program_source source_;
    std::uint64_t chosen_ = 0; ///< programs for a first search
    std::uint64_t next_number_ = 0;
    std::deque<task> to_look_at_; ///< more closely
    std::deque<task> to_keep_;
    std::size_t keeping_ = 0; ///< failures that are not kept yet

    // What was learnt.
    std::map<std::uint64_t, searched> arrived_;
    std::uint64_t taken_in_ = 0; ///< results
    source_place reached_;
    steering met_;
    std::shared_ptr<const explanations> known_ = std::make_shared<explanations>();
    std::uint64_t executions_of_closer_looks_ = 0;
    std::uint64_t executions_of_doubts_ = 0;      ///< they decide nothing, as they may come in any order
    std::map<failure_key, std::size_t> trophies_; ///< places in result_
    std::set<failure_key> told_;
    std::vector<std::size_t> untold_;
    hunt_result result_;

    std::unique_ptr<log_writer> journal_;   ///< null: none
    std::vector<std::uint64_t> unrecorded_; ///< fingerprints that the journal does not have
    double recorded_ = 0;
};

} // namespace

hunt_result hunt(const hunt_options& options, const hunt_listener& listener) {
    return hunter(options, listener).run();
}

hunt_result resume_hunt(const std::string& directory, const hunt_listener& listener) {
    return hunter(read_log(directory), listener).run();
}

exit_code exit_code_of(const hunt_result& result) {
    if (std::ranges::any_of(result.trophies, [](const trophy& one) { return one.known.empty(); }))
        return exit_code::violation;
    if (!result.unwritten.empty())
        return exit_code::usage;
    if (result.crashes != 0)
        return exit_code::tool_failed;
    return result.interrupted ? exit_code::inconclusive : exit_code::pass;
}

} // namespace daxtorture::jobs::hunt
