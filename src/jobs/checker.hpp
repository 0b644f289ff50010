/// The checker's side of the command line: requests to daxtorture-checker processes and their answers (machines/relacy/main.cpp).
#pragma once

#include "jobs/child_process.hpp"
#include "jobs/shard.hpp"
#include "jobs/usage_error.hpp"

#include "scenario/program.hpp"
#include "words/failure.hpp"
#include "words/operation.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace daxtorture::jobs {

/// The checker failed: nothing was learnt.
struct checker_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Operation `operation` of a scenario's set-up sleeps, for what the message names: there is nobody to wake it.
struct blocked_setup : std::runtime_error {
    blocked_setup(unsigned number, const std::string& waits_for)
        : std::runtime_error(waits_for), operation(number) {}
    unsigned operation;
};

/// Operation `operation` of `thread` ran between two steps of operation `outer` of `outer_thread`.
using operation_pair = std::array<unsigned, 4>; ///< outer_thread, outer, thread, operation

/// What one checker process is to do. Fields that its kind does not use are ignored.
struct checker_request {
    enum class kind { search, replay, shrink } what = kind::search;
    std::string scenario; ///< text of the scenario file, rules included
    std::string file;     ///< its name, for errors
    std::string memory;   ///< sc, tso, weak
    std::string scheduler;
    unsigned depth = 3;
    unsigned bound = 2;
    bool reduce = true; ///< full: without executions that differ only in the order of steps that commute
    shard tree;         ///< bound, full: the share of the tree of executions
    std::vector<operation_pair> targets; ///< aim: pairs to meet
    std::uint64_t seed = 1;
    std::uint64_t first = 1;
    std::uint64_t iterations = 0;
    double seconds = 0;
    bool by_executions =
        false; ///< shrink: not the clock counts the seconds, so that the same comes out every time
    std::vector<std::uint32_t> schedule;
    std::optional<failure> wanted; ///< search: failures unlike it are passed by
    bool coverage = false;         ///< search: report what it covered
    bool collect_orders = false;   ///< search: report the memory orders it met
    std::string weaken_file;       ///< search: weaken the memory order here ...
    unsigned weaken_line = 0;
    std::string weaken_kind;  ///< ... of this access: load, store, rmw, fence
    std::string weaken_order; ///< ... to this one
    bool no_return = false;   ///< replay, shrink: mark the point of no return
};

/// A memory order in the model.
struct order_place {
    std::string file, function;
    unsigned line = 0;
    std::string kind, order;
};

/// What a search covered.
struct search_coverage {
    std::set<std::uint64_t> outcomes; ///< results of all operations and the state at quiescence, hashed
    /// Of each pair that was met, by the outer operation's steps: bits of the inner one's steps that came before the next (search/coverage.hpp).
    std::map<operation_pair, std::vector<std::uint64_t>> pairs;
    std::map<std::array<unsigned, 2>, unsigned>
        steps;                  ///< of operations [thread, number]: the most that were seen
    std::uint64_t last_new = 0; ///< execution that had the last new outcome

    void add(const search_coverage& other);
    /// In how many ways a pair was met, by steps, and could have been.
    std::uint64_t ways(const operation_pair& pair) const;
    std::uint64_t ways_possible(const operation_pair& pair) const;
};

/// How many executions ended with each outcome: by thread, the last of which is the set-up, by operation, by outcome.
using outcome_table = std::vector<std::vector<std::array<std::uint64_t, outcome_names.size()>>>;
void add(outcome_table& sum, const outcome_table& more);

struct checker_answer {
    failure found; ///< kind none: nothing was found
    std::uint64_t executions = 0;
    std::uint64_t repetitions = 0; ///< of them: cut short because they repeated others
    std::uint64_t failed_at = 0;   ///< search: number of the failing execution
    std::uint64_t passed_by = 0;   ///< search: executions that failed in other ways than was wanted
    double seconds = 0;
    bool exhausted = false;
    double explored = 0; ///< bound, full: estimate of the share of the executions that was run
    std::uint64_t depth_limit_hits = 0;
    bool diverged = false;   ///< replay: it met a decision that the schedule does not answer
    bool unanswered = false; ///< replay: ... or ended before the schedule did; not: at the schedule's end
    std::uint64_t divergence = 0;    ///< replay: number of that decision
    std::size_t divergence_step = 0; ///< replay: number of the event that came of it
    std::vector<event> events;       ///< replay
    std::string reduced;             ///< shrink: text of the smaller scenario
    bool reproduced = true;          ///< shrink
    unsigned preemptions = 0;        ///< shrink: forced context switches left
    unsigned stale = 0;              ///< shrink: stale loads left
    unsigned switches = 0;           ///< shrink: context switches left, forced or not
    std::optional<unsigned>
        shown_stale;        ///< shrink: none with fewer preemptions and at most so many stale loads fails so
    unsigned undecided = 0; ///< shrink: smaller programs that may fail so, too
    std::uint64_t rechecked = 0; ///< executions that were run twice and were the same
    bool gave_up = false;        ///< an execution did not end, and no argument shows that it never will
    outcome_table counts;
    search_coverage covered;
    std::vector<order_place> orders;
};

/// One checker at work.
class checker {
  public:
    explicit checker(const checker_request& request);
    /// One that is asked again and again: starting a process takes longer than searching a small program.
    checker();
    /// Of one that has no question open. It stands after usage_error and blocked_setup, too; after checker_failed it is gone.
    void ask(const checker_request& request);

    int output() const { return child_.output(); }
    /// Takes what the checker has said. True when it has answered; throws checker_failed when it failed, blocked_setup when the
    /// scenario's set-up does not end, stopped_by_signal when a signal ended it.
    bool advance();
    const checker_answer& answer() const { return answer_; }
    std::uint64_t executions() const { return answer_.executions; } ///< so far
    double explored() const { return answer_.explored; }            ///< so far
    void stop() { child_.stop(); }

  private:
    void hear(const std::string& line);
    void take(const nlohmann::json& line);

    child_process child_;
    checker_answer answer_;
    bool answered_ = false;
};

/// A set-up that sleeps is bad input: its place, the operation, and what it waits for.
usage_error unusable_setup(const program& what, const blocked_setup& problem);
/// Asks a checker about the program, and makes a blocked set-up an error that names its place in the file.
template <class Ask> auto with_usable_setup(const program& what, const Ask& ask) {
    try {
        return ask();
    } catch (const blocked_setup& problem) {
        throw unusable_setup(what, problem);
    }
}

/// Runs the scenario's set-up once on the simulated machine, where a sleep shows at once. Throws usage_error when it does not end.
void check_setup(const program& what);

/// Waits for a checker's answer; throws stopped_by_signal when a signal comes first.
checker_answer wait_for_answer(checker& one);
/// Starts one checker and waits for its answer.
checker_answer ask_checker(const checker_request& request);

} // namespace daxtorture::jobs
