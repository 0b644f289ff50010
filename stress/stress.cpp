#include "stress/stress.hpp"

#include "stress/group.hpp"
#include "stress/placement.hpp"
#include "stress/watchdog.hpp"

#include <arch/check.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <thread>

namespace daxtorture {

namespace {

using stress::clock;
using stress::group;
using stress::plan;
using stress::watchdog;

clock::duration as_duration(double seconds) {
    // About 30 years: beyond it the clock's own counter could overflow.
    return std::chrono::duration_cast<clock::duration>(
        std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e9)));
}

double as_seconds(clock::duration d) { return std::chrono::duration<double>(d).count(); }

void plan_scenario(plan& what, const program& scenario) {
    if (scenario.threads.empty())
        throw std::invalid_argument("scenario '" + scenario.name + "' has no threads");
    what.world = scenario.world;
    what.world.workers = static_cast<unsigned>(scenario.threads.size());
    for (const thread_program& thread : scenario.threads)
        what.names.push_back(thread.name);
    const auto named = [&](const std::vector<operation>& operations) {
        std::vector<stress::named_operation> list;
        list.reserve(operations.size());
        for (const operation& o : operations)
            list.push_back(stress::name_operation(o, what.world, what.names));
        return list;
    };
    what.setup = named(scenario.setup);
    for (const thread_program& thread : scenario.threads)
        what.threads.push_back(named(thread.operations));
}

void plan_mix(plan& what, const stress_options& options, unsigned workers) {
    const stress::mix* weights = stress::find_mix(options.mix);
    if (weights == nullptr) {
        std::string known;
        for (const stress::mix& m : stress::mix_table())
            known += (known.empty() ? "" : ", ") + std::string(m.name);
        throw std::invalid_argument("unknown mix '" + options.mix + "'; known: " + known);
    }
    what.world = stress::mix_world(*weights, options.rules, options.machine, workers);
    what.mixed = std::make_unique<const stress::repertoire>(*weights, what.world);
    for (unsigned i = 0; i < workers; ++i)
        what.names.push_back("worker" + std::to_string(i));
    for (std::size_t mm = 0; mm < what.world.mms.size(); ++mm) {
        const operation unmap{op::munmap, 0, static_cast<std::uint8_t>(mm)};
        what.unmaps.push_back(stress::name_operation(unmap, what.world, what.names));
    }
}

/// The groups of a run with their threads and watchdogs.
class run {
  public:
    explicit run(const stress_options& options) : options_(options), plan_(std::make_shared<plan>()) {
        const unsigned workers = stress::worker_count(options.workers);
        unsigned groups = 1;
        if (options.scenario) {
            plan_scenario(*plan_, *options.scenario);
            groups = std::max(1U, workers / plan_->world.workers);
        } else {
            plan_mix(*plan_, options, workers);
        }
        plan_->world.ledger = options.ledger;
        arch::tick_nanoseconds(); // measured before anybody needs it
        plan_->seed = options.seed;
        plan_->rounds_max = options.rounds_max;
        plan_->preempt = options.preempt;
        plan_->record = options.record;
        plan_->pin = options.pin;
        plan_->processors = options.processors.empty() ? stress::allowed_processors() : options.processors;
        plan_->stop_on_failure = options.stop_on_failure;
        plan_->failures_max = options.failures_max;

        stress::watch_limits limits;
        limits.hang_after = as_duration(options.hang_after);
        for (unsigned i = 0; i < groups; ++i) {
            groups_.push_back(std::make_shared<group>(plan_, i));
            watchdogs_.emplace_back(groups_.back(), limits);
        }
    }

    stress_result supervise() {
        const arch::violation_handler before = arch::set_violation_handler(&group::on_violation);
        const clock::time_point start = clock::now();
        for (const std::shared_ptr<group>& g : groups_)
            for (unsigned worker = 0; worker < g->workers(); ++worker)
                threads_.emplace_back([g, worker] { g->work(worker); });

        bool cancelled = false;
        bool gave_up = false;
        clock::time_point stopping_since = clock::time_point::max();
        clock::time_point next_progress = start + as_duration(options_.progress_every);
        // A mix is paused four times a second, and those pauses should be short.
        const auto tick = std::chrono::milliseconds(options_.scenario ? 10 : 2);
        while (!ended() && !gave_up) {
            std::this_thread::sleep_for(tick);
            const clock::time_point now = clock::now();
            if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed))
                cancelled = true;
            if (cancelled || now - start >= as_duration(options_.seconds))
                plan_->stopping.store(true);
            if (plan_->stopping.load() && stopping_since == clock::time_point::max())
                stopping_since = now;
            for (watchdog& dog : watchdogs_) {
                dog.look(now, stopping_since);
                gave_up = gave_up || dog.gave_up();
            }
            tell_failures();
            if (options_.on_progress && now >= next_progress) {
                options_.on_progress(progress(as_seconds(now - start)));
                next_progress = now + as_duration(options_.progress_every);
            }
        }
        tell_failures();
        const double seconds = as_seconds(clock::now() - start);
        if (gave_up) {
            // Their group lives on with them; the handler stays, for their violations.
            for (std::jthread& thread : threads_)
                thread.detach();
        } else {
            threads_.clear(); // joins
            arch::set_violation_handler(before);
        }
        return result(seconds, cancelled, gave_up);
    }

  private:
    bool ended() const {
        return std::all_of(groups_.begin(), groups_.end(),
                           [](const std::shared_ptr<group>& g) { return g->threads_left() == 0; });
    }

    /// Those that nobody was told of.
    void tell_failures() {
        if (!options_.on_failure)
            return;
        told_.resize(groups_.size());
        for (std::size_t i = 0; i < groups_.size(); ++i) {
            if (groups_[i]->failures_seen() == told_[i].seen)
                continue;
            told_[i].seen = groups_[i]->failures_seen();
            const std::vector<failure> all = groups_[i]->failures();
            for (; told_[i].kept < all.size(); ++told_[i].kept)
                options_.on_failure(all[told_[i].kept]);
        }
    }

    stress_progress progress(double seconds) const {
        stress_progress sum;
        sum.seconds = seconds;
        sum.seconds_total = options_.seconds;
        sum.workers = static_cast<unsigned>(threads_total());
        for (const std::shared_ptr<group>& g : groups_) {
            for (unsigned worker = 0; worker < g->workers(); ++worker)
                stress::collect(g->slot(worker).seen, sum.seen);
            sum.rounds += g->rounds_ended();
            sum.quiescent_checks += g->quiescent_checks();
            sum.failures_seen += g->failures_seen();
            for (unsigned worker = 0; worker < g->workers(); ++worker)
                for (std::size_t kind = 0; kind < stress::operation_kinds; ++kind) {
                    const std::uint64_t total = g->slot(worker).total[kind].load(std::memory_order_relaxed);
                    sum.per_operation[kind].total += total;
                    sum.per_operation[kind].done +=
                        g->slot(worker).done[kind].load(std::memory_order_relaxed);
                    sum.operations += total;
                }
        }
        return sum;
    }

    stress_result result(double seconds, bool cancelled, bool gave_up) const {
        stress_result r;
        static_cast<stress_counts&>(r) = progress(seconds);
        r.seed = options_.seed;
        r.cancelled = cancelled;
        r.abandoned_workers = gave_up;
        for (const std::shared_ptr<group>& g : groups_)
            for (failure& f : g->failures())
                r.failures.push_back(std::move(f));
        const bool cut_short = std::any_of(watchdogs_.begin(), watchdogs_.end(),
                                           [](const watchdog& d) { return d.cut_short(); });
        if (!r.failures.empty()) {
            r.verdict = verdict_kind::fail;
        } else if (cut_short || gave_up) {
            r.note = "a worker did not end its operation in time";
        } else if (r.quiescent_checks == 0) {
            r.note = "no round ended";
        } else if (!cancelled) {
            r.verdict = verdict_kind::pass;
        }
        return r;
    }

    std::size_t threads_total() const {
        std::size_t n = 0;
        for (const std::shared_ptr<group>& g : groups_)
            n += g->workers();
        return n;
    }

    const stress_options& options_;
    const std::shared_ptr<plan> plan_;
    std::vector<std::shared_ptr<group>> groups_;
    std::vector<watchdog> watchdogs_;
    std::vector<std::jthread> threads_;
    struct told {
        std::uint64_t seen = 0;
        std::size_t kept = 0;
    };
    std::vector<told> told_; ///< by group
};

} // namespace

stress_result run_stress(const stress_options& options) { return run(options).supervise(); }

} // namespace daxtorture
