#include "no_return.hpp"

#include "budget.hpp"
#include "random.hpp"
#include "replay.hpp"

#include <algorithm>
#include <bit>

namespace daxtorture {

namespace {

constexpr unsigned tries = 40;
constexpr unsigned sure = 38;

/// Follows a prefix; then threads change at random, and loads are seldom old.
class reseeded : public replay_strategy {
  public:
    reseeded(schedule_log prefix, std::uint64_t seed)
        : replay_strategy(std::move(prefix)), random_(seed, 1), run_(random_.below(8)) {}

    unsigned next_thread(const turn& t) override {
        if (!followed_all())
            return replay_strategy::next_thread(t);
        if (t.current != turn::nobody && !t.yielding && (t.allowed >> t.current & 1) != 0 &&
            random_.below(8) < run_)
            return t.current;
        return random_.bit_of(t.allowed);
    }
    unsigned pick(const question& q) override {
        if (!followed_all())
            return replay_strategy::pick(q);
        return random_.below(8) == 0 ? random_.below(q.options) : 0;
    }

  private:
    random_source random_;
    unsigned run_; ///< of 8: how often a thread simply goes on, in this execution
};

class finder {
  public:
    finder(machine& runs, const failure& found, memory_class memory, std::uint64_t depth_limit,
           double seconds, bool by_executions)
        : machine_(runs), found_(found), time_(seconds, by_executions ? &executions_ : nullptr) {
        options_.memory = memory;
        options_.depth_limit = depth_limit;
        options_.executions = 1;
    }

    /// Fails after the first `length` decisions whatever comes then?
    bool fails_after(std::size_t length) {
        const schedule_log prefix(found_.schedule.begin(),
                                  found_.schedule.begin() + static_cast<std::ptrdiff_t>(length));
        unsigned missed = 0;
        for (unsigned i = 0; i < tries && missed <= tries - sure && !time_.over(); ++i) {
            reseeded goes_on(prefix, i + 1);
            const failure f = explore(machine_, goes_on, options_).found;
            missed += same_failure(f, found_) ? 0 : 1;
            ++executions_;
        }
        return missed <= tries - sure && !time_.over();
    }
    bool over() const { return time_.over(); }

  private:
    machine& machine_;
    const failure& found_;
    std::uint64_t executions_ = 0;
    budget time_;
    exploration_options options_;
};

} // namespace

std::optional<std::size_t> point_of_no_return(machine& runs, const failure& found, memory_class memory,
                                              std::uint64_t depth_limit, double seconds, bool by_executions) {
    finder look(runs, found, memory, depth_limit, seconds, by_executions);
    std::size_t open = 0; // after so many decisions the failure can still be escaped
    std::size_t lost = found.schedule.size();
    if (look.fails_after(0))
        return 0;
    while (lost - open > 1) {
        const std::size_t middle = open + (lost - open) / 2;
        (look.fails_after(middle) ? lost : open) = middle;
        if (look.over())
            return std::nullopt;
    }
    return lost;
}

void mark_no_return(std::vector<event>& events, std::size_t decisions, std::size_t threads) {
    const auto at = std::find_if(events.begin(), events.end(), [&](const event& e) {
        return e.thread < threads && e.decisions >= decisions;
    });
    if (at != events.end())
        at->no_return = true;
}

} // namespace daxtorture
