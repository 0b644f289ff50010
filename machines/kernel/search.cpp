#include "search.hpp"

#include "follow.hpp"

#include "search/strategies.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

constexpr unsigned warm_up_executions = 24;
constexpr unsigned most_rounds = 8;

failure tool_failure(std::string cause) {
    failure f;
    f.kind = failure_kind::tool;
    f.cause = std::move(cause);
    return f;
}

class searcher {
  public:
    searcher(body& what, const search_options& options)
        : body_(what), options_(options), machine_(machine::get()), start_(clock::now()) {}

    search_result run() {
        machine_.set_tso(options_.tso);
        machine_.set_known(options_.skip);
        if (options_.scheduler.empty() || options_.scheduler == "bound")
            search_bounded();
        if (options_.scheduler == "full")
            search_all();
        for (const char* name : {"pos", "pct", "surw", "uniform"})
            if (options_.scheduler == name ||
                (options_.scheduler.empty() && std::string_view(name) != "uniform"))
                search_at_random(name);
        if (!over() && met_early_.found.kind != failure_kind::none) {
            const double seconds = elapsed();
            take(met_early_);
            result_.seconds = seconds;
        }
        confirm();
        result_.complete = !out_of_time_;
        result_.executions = machine_.count().executions;
        result_.accesses = machine_.count().accesses;
        result_.switches = machine_.count().switches;
        result_.shared_words = machine_.shared().shared_words();
        result_.seconds = elapsed();
        return std::move(result_);
    }

  private:
    using clock = std::chrono::steady_clock;

    struct met {
        failure found;
        stretch_log schedule;
        std::string by;
    };

    double elapsed() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
    bool over() const { return result_.found.kind != failure_kind::none || out_of_time_; }

    /// One execution. True: it failed in a way that is not known.
    bool execute(strategy& decides) {
        machine_.execute(body_, decides);
        if (!machine_.strategy_error().empty())
            result_.found = tool_failure(machine_.strategy_error());
        if (++executions_ % 64 == 0)
            look_at_clock();
        const bool failed = machine_.found().kind != failure_kind::none;
        const bool known = failed && machine_.is_known(machine_.found());
        result_.skipped += known;
        if ((!failed || known) && executions_ % options_.world_check_every == 0)
            look_for_leak();
        return failed && !known;
    }

    void look_for_leak() {
        if (const void* leak = machine_.leak())
            result_.found = tool_failure(fmt::format(
                "an execution left something behind in the next one's world, at {}", fmt::ptr(leak)));
    }

    void look_at_clock() {
        const double seconds = elapsed();
        out_of_time_ = options_.seconds != 0 && seconds > options_.seconds;
        if (options_.progress && seconds - told_ > 0.5) {
            told_ = seconds;
            options_.progress(machine_.count().executions, seconds);
        }
    }

    met meeting(const char* by) const { return {machine_.found(), machine_.stretches(), by}; }

    void take(const met& what) {
        result_.found = what.found;
        result_.schedule = what.schedule;
        result_.found_by = what.by;
        result_.failed_at = machine_.count().executions;
    }

    /// Random executions that show which words are shared. What they find is told only if the search does not find it more simply.
    void warm_up() {
        const std::unique_ptr<strategy> decides = make_pct(options_.seed + 1, 3);
        for (unsigned i = 0; i < warm_up_executions && !over(); ++i) {
            decides->begin(i, body_.threads());
            if (execute(*decides) && met_early_.found.kind == failure_kind::none)
                met_early_ = meeting("pct");
            decides->end(0);
            machine_.learn_leaks();
        }
    }

    void search_bounded() {
        warm_up();
        for (unsigned bound = 0; bound <= options_.bound && !over(); ++bound)
            if (search_tree("bound",
                            [&] { return make_bound(bound, options_.tso ? bound : 0, {}, reduces()); }))
                result_.bound_done = static_cast<int>(bound);
        result_.exhausted = result_.bound_done == static_cast<int>(options_.bound);
    }

    void search_all() {
        warm_up();
        result_.exhausted = search_tree(
            "full", [&] { return reduces() ? make_reduced() : make_bound(unlimited, unlimited); });
    }

    /// What a store buffer does is in no footprint.
    bool reduces() const { return options_.reduce && !options_.tso; }

    /// With the words known to be shared, again and again until there are no more. False: it ended before.
    bool search_tree(const char* name, const std::function<std::unique_ptr<strategy>()>& make) {
        for (unsigned round = 0; round < most_rounds && !over(); ++round) {
            machine_.shared().freeze();
            if (!search_round(name, *make()))
                return false;
            if (machine_.shared().fresh() == 0)
                return true;
        }
        return false;
    }

    bool search_round(const char* name, strategy& decides) {
        for (std::uint64_t number = 0; decides.begin(number, body_.threads()); ++number) {
            const std::uint64_t points = machine_.count().points;
            const bool failed = execute(decides);
            if (number == 0)
                result_.points = machine_.count().points - points;
            if (failed && !over())
                take(meeting(name));
            if (over())
                return false;
        }
        return true;
    }

    void search_at_random(const char* name) {
        strategy_options o;
        o.seed = options_.seed;
        o.depth = options_.depth;
        const std::unique_ptr<strategy> decides = make_strategy(name, o);
        if (decides->wants_probe())
            run_at_random(name, *decides, 0);
        for (std::uint64_t number = 0; number < options_.iterations && !over(); ++number)
            run_at_random(name, *decides, number);
    }

    void run_at_random(const char* name, strategy& decides, std::uint64_t number) {
        const std::uint64_t points = machine_.count().points;
        decides.begin(number, body_.threads());
        if (execute(decides) && !over())
            take(meeting(name));
        decides.end(machine_.count().points - points);
    }

    /// A failure must happen again under its schedule, or the machine is not what it claims to be.
    void confirm() {
        if (result_.found.kind == failure_kind::none || result_.found.kind == failure_kind::tool)
            return;
        follower again(result_.schedule);
        machine_.execute(body_, again);
        if (!same_failure(machine_.found(), result_.found))
            result_.found = tool_failure(
                fmt::format("a failure did not happen again under its schedule: '{}' became '{}'",
                            result_.found.cause, machine_.found().cause));
    }

    body& body_;
    const search_options& options_;
    machine& machine_;
    search_result result_;
    met met_early_;
    clock::time_point start_;
    std::uint64_t executions_ = 0;
    double told_ = 0;
    bool out_of_time_ = false;
};

} // namespace

search_result search(body& what, const search_options& options) { return searcher(what, options).run(); }

} // namespace daxtorture::kernel_machine
