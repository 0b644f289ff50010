#include "jobs/hunt/hunt.hpp"

#include "jobs/hunt/canonical.hpp"
#include "jobs/hunt/draw.hpp"
#include "jobs/hunt/enumerate.hpp"
#include "jobs/hunt/keep.hpp"
#include "jobs/hunt/log.hpp"
#include "jobs/hunt/steering.hpp"
#include "jobs/interrupt.hpp"

#include "report/text.hpp"
#include "scenario/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace daxtorture::jobs::hunt {
namespace {

using clock = std::chrono::steady_clock;

constexpr effort first_look{.sampled = 300, .bounded = 0};
constexpr effort closer_look{.sampled = 3'000, .bounded = 1'000, .coverage = false};
constexpr std::uint64_t share_of_closer_looks = 4; ///< one of so many executions, at most
constexpr double seconds_between_records = 1;

std::string invariant_text(invariant id) { return id == invariant::none ? "" : name(id); }

class hunter {
  public:
    hunter(const hunt_options& options, const hunt_listener& listener)
        : options_(options), listener_(listener), header_(header_of(options)), small_(header_) {
        small_.go_to(options.part.index);
        if (options.journal)
            journal_ = std::make_unique<log_writer>(options, false);
    }

    /// Goes on where a journal ends.
    hunter(const hunt_log& before, const hunt_listener& listener)
        : hunter(without_journal(before), listener) {
        journal_ = std::make_unique<log_writer>(options_, true);
        const progress_record& r = before.reached;
        result_.programs = r.programs;
        result_.distinct = r.distinct;
        result_.unusable = r.unusable;
        result_.executions = r.executions;
        result_.trophies = before.trophies;
        drawn_ = r.drawn;
        small_.go_to(std::max<std::uint64_t>(r.enumerated, options_.part.index));
        seconds_before_ = r.seconds;
        seen_.insert(r.seen.begin(), r.seen.end());
        met_.restore(r.rows);
        for (const auto& [kind, outcome, count] : r.outcomes)
            met_.restore_outcome(kind, outcome, count);
        for (std::size_t place = 0; place < before.trophies.size(); ++place)
            trophies_.emplace(key_of(before.trophies[place]), place);
    }

    hunt_result run() {
        const unsigned jobs =
            options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
        std::vector<std::thread> lanes;
        running_ = jobs;
        for (unsigned i = 0; i < jobs; ++i)
            lanes.emplace_back([this] { work(); });
        watch();
        for (std::thread& lane : lanes)
            lane.join();
        record_progress();
        if (problem_)
            std::rethrow_exception(problem_);
        result_.seconds = seconds();
        result_.seed = options_.seed;
        result_.interrupted = interrupted();
        result_.covered = covered();
        return std::move(result_);
    }

  private:
    /// The same failure for a user: it is told once.
    using trophy_key = std::tuple<std::string, std::string, std::string>;
    static trophy_key key_of(const trophy& one) { return {one.invariant, one.cause, one.known}; }
    static trophy_key key_of(const suspect& one) {
        return {invariant_text(one.found.invariant), one.found.cause, one.known};
    }

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

    bool is_over() const {
        return interrupted() || seconds() >= options_.seconds || problem_ ||
               (options_.programs != 0 && result_.distinct >= options_.programs);
    }

    /// One checker's work: a program, what is to be said of it, the next.
    void work() {
        try {
            examiner mine(options_.under, explanations_, options_.seed);
            while (const std::optional<program> next = take()) {
                const bool promising = conclude(*next, mine.examine(*next, first_look), false);
                if (promising)
                    conclude(*next, mine.examine(*next, closer_look), true);
            }
        } catch (const stopped_by_signal&) {
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            problem_ = std::current_exception();
        }
        const std::scoped_lock lock(mutex_);
        --running_;
        news_.notify_all();
    }

    /// The next program that was not searched before; nothing when the hunt is over.
    std::optional<program> take() {
        const std::scoped_lock lock(mutex_);
        while (!is_over()) {
            program drawn = draw();
            ++result_.programs;
            const std::uint64_t number = fingerprint(drawn);
            if (!seen_.insert(number).second)
                continue;
            unrecorded_.push_back(number);
            ++result_.distinct;
            return drawn;
        }
        return std::nullopt;
    }

    /// Now and then one of all small programs, more often while some of one operation each are left; else one that is drawn.
    program draw() {
        const bool smallest_left = small_.done(0) < small_.total(0);
        if (result_.programs % (smallest_left ? 4 : 16) == 0)
            if (std::optional<program> next = small_.next()) {
                small_.go_to(small_.next_number() + options_.part.count - 1);
                return std::move(*next);
            }
        const std::uint64_t batch = drawn_ / batch_size;
        if (batch != batch_) {
            batch_ = batch;
            generator of_batch(derive(options_.seed, options_.part.index, batch, 0));
            taste_ = draw_taste(of_batch);
        }
        generator random(derive(options_.seed, options_.part.index, drawn_++, 1));
        const program* const example = random.chance(1, 3) ? met_.example(random) : nullptr;
        return example != nullptr ? vary_program(*example, taste_, random)
                                  : draw_program(header_, taste_, random);
    }

    /// True when the program is worth a closer look.
    bool conclude(const program& searched, examined done, bool closer) {
        std::unique_lock lock(mutex_);
        result_.executions += done.executions;
        executions_of_closer_looks_ += closer ? done.executions : 0;
        result_.unusable += done.unusable ? 1 : 0;
        if (!done.tool_failure.empty()) {
            ++result_.crashes;
            if (result_.crash.empty())
                result_.crash = done.tool_failure + "; its program: " + keep_program(searched, options_.out);
        }
        const bool promising = !closer && met_.learn(searched, done.first) &&
                               executions_of_closer_looks_ * share_of_closer_looks <= result_.executions;
        tell_of(done.suspects, lock);
        return promising;
    }

    /// The lock is not held while a failure is made small.
    void tell_of(std::vector<suspect>& suspects, std::unique_lock<std::mutex>& lock) {
        for (const suspect& one : suspects) {
            const trophy_key key = key_of(one);
            if (const auto known = trophies_.find(key); known != trophies_.end()) {
                ++result_.trophies[known->second].programs;
                continue;
            }
            trophies_.emplace(key, result_.trophies.size());
            const std::size_t place = result_.trophies.size();
            result_.trophies.emplace_back();
            lock.unlock();
            trophy made = keep(one, options_);
            lock.lock();
            made.programs += result_.trophies[place].programs - 1;
            result_.trophies[place] = std::move(made);
            if (journal_ != nullptr)
                journal_->add(result_.trophies[place]);
            untold_.push_back(place);
            news_.notify_all();
        }
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
            if (seconds() - recorded_ >= seconds_between_records)
                record_progress();
            const std::string line = status();
            lock.unlock();
            listener_.progress(line);
            lock.lock();
        }
    }

    /// What was searched since the last time.
    void record_progress() {
        recorded_ = seconds();
        if (journal_ == nullptr)
            return;
        progress_record r{.programs = result_.programs,
                          .distinct = result_.distinct,
                          .unusable = result_.unusable,
                          .executions = result_.executions,
                          .drawn = drawn_,
                          .enumerated = small_.next_number(),
                          .seconds = recorded_,
                          .seen = std::exchange(unrecorded_, {}),
                          .rows = met_.take_news(),
                          .outcomes = {}};
        for (std::size_t kind = 0; kind < met_.outcomes().size(); ++kind)
            for (std::size_t outcome = 0; outcome < outcome_names.size(); ++outcome)
                if (const std::uint64_t count = met_.outcomes()[kind][outcome]; count != 0)
                    r.outcomes.push_back({kind, outcome, count});
        journal_->add(r);
    }

    hunt_coverage covered() const {
        hunt_coverage all;
        all.step_pairs = met_.step_pairs();
        all.operation_pairs = met_.operation_pairs();
        all.operation_pairs_possible = steering::operation_pairs_possible();
        all.never_done = met_.never_done();
        for (std::size_t size = 0; size < small_programs::sizes.size(); ++size)
            all.small.push_back({small_programs::sizes[size], small_.done(size), small_.total(size)});
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
    const program header_;
    const clock::time_point started_ = clock::now();
    double seconds_before_ = 0; ///< of a hunt that goes on
    explanations explanations_;

    std::mutex mutex_; ///< of all below
    std::condition_variable news_;
    unsigned running_ = 0;
    std::exception_ptr problem_;
    small_programs small_;
    std::uint64_t drawn_ = 0; ///< number of the next program that is drawn
    std::uint64_t batch_ = ~std::uint64_t{0};
    taste taste_;
    steering met_;
    std::uint64_t executions_of_closer_looks_ = 0;
    std::unordered_set<std::uint64_t> seen_; ///< fingerprints
    std::vector<std::uint64_t> unrecorded_;  ///< those that the journal does not have
    std::unique_ptr<log_writer> journal_;    ///< null: none
    double recorded_ = 0;
    std::map<trophy_key, std::size_t> trophies_; ///< places in result_
    std::vector<std::size_t> untold_;
    hunt_result result_;
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
    if (result.crashes != 0)
        return exit_code::tool_failed;
    return result.interrupted ? exit_code::inconclusive : exit_code::pass;
}

} // namespace daxtorture::jobs::hunt
