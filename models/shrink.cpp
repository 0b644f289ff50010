#include "shrink.hpp"

#include "budget.hpp"
#include "shrink_schedule.hpp"

#include <algorithm>

namespace daxtorture {

namespace {

/// Takes an operation out, and with a pin or get the unpin or put that belongs to it. Dropping these alone would make a leak of
/// its own, which is not the failure looked for.
bool remove_operation(std::vector<operation>& operations, std::size_t i) {
    const op kind = operations[i].kind;
    if (kind == op::unpin || kind == op::put)
        return false;
    operations.erase(operations.begin() + static_cast<std::ptrdiff_t>(i));
    if (kind == op::pin || kind == op::get) {
        const op drop = kind == op::pin ? op::unpin : op::put;
        const auto its_drop =
            std::find_if(operations.begin() + static_cast<std::ptrdiff_t>(i), operations.end(),
                         [drop](const operation& o) { return o.kind == drop; });
        if (its_drop != operations.end())
            operations.erase(its_drop);
    }
    return !operations.empty();
}

/// Programs with one thread or one operation less, most promising first. `interrupt` names threads by number.
std::vector<program> smaller_programs(const program& what) {
    std::vector<program> smaller;
    for (std::size_t t = 0; t < what.threads.size() && what.threads.size() > 1; ++t) {
        program less = what;
        less.threads.erase(less.threads.begin() + static_cast<std::ptrdiff_t>(t));
        bool named = false;
        for (thread_program& other : less.threads) {
            for (operation& o : other.operations) {
                if (info(o.kind).takes != operands::thread)
                    continue;
                named = named || o.object == t;
                o.object = static_cast<std::uint8_t>(o.object - (o.object > t ? 1 : 0));
            }
        }
        less.world.workers = static_cast<unsigned>(less.threads.size());
        if (!named)
            smaller.push_back(std::move(less));
    }
    for (std::size_t t = 0; t < what.threads.size(); ++t) {
        for (std::size_t i = what.threads[t].operations.size();
             i-- > 0 && what.threads[t].operations.size() > 1;) {
            program less = what;
            if (remove_operation(less.threads[t].operations, i))
                smaller.push_back(std::move(less));
        }
    }
    for (std::size_t i = what.setup.size(); i-- > 0;) {
        program less = what;
        less.setup.erase(less.setup.begin() + static_cast<std::ptrdiff_t>(i));
        smaller.push_back(std::move(less));
    }
    return smaller;
}

class program_shrinker {
  public:
    program_shrinker(const shrink_options& options, const budget& time) : options_(options), time_(time) {}

    void run(shrink_result& best) {
        for (bool smaller = true; smaller && !time_.over();) {
            smaller = false;
            for (program& candidate : smaller_programs(best.what)) {
                if (time_.over())
                    return;
                failure found;
                if (!fails_the_same(candidate, best.found, best.executions, found))
                    continue;
                best.what = std::move(candidate);
                best.found = std::move(found);
                smaller = true;
                break;
            }
        }
    }

  private:
    /// Few executions: what fails at all fails often in a small program.
    bool fails_the_same(const program& candidate, const failure& target, std::uint64_t& executions,
                        failure& found) {
        search_options s;
        s.memory = options_.memory;
        s.depth_limit = options_.depth_limit;
        s.iterations = 4000;
        for (std::uint64_t attempt = 1; attempt <= 3 && !time_.over(); ++attempt) {
            s.seed = attempt;
            s.seconds = std::max(0.01, std::min(0.5, time_.left()));
            search_result r = search(candidate, s);
            executions += r.executions;
            if (r.found.kind == failure_kind::none)
                return false;
            if (same_failure(r.found, target)) {
                found = std::move(r.found);
                return true;
            }
        }
        return false;
    }

    const shrink_options& options_;
    const budget& time_;
};

} // namespace

shrink_result shrink(const program& what, const failure& target, const shrink_options& options) {
    const budget time(options.seconds);
    shrink_result best;
    best.what = what;
    best.found = replay(what, target.schedule, options.memory, false, options.depth_limit).found;
    best.executions = 1;
    best.reproduced = same_failure(best.found, target);
    if (!best.reproduced)
        return best;
    if (options.reduce_program) {
        const budget first_half(options.seconds / 2);
        program_shrinker(options, first_half).run(best);
    }
    if (options.progress)
        options.progress(best.executions, options.seconds - time.left());
    exploration_options e;
    e.memory = options.memory;
    e.depth_limit = options.depth_limit;
    const program reduced = best.what;
    schedule_shrink s =
        shrink_schedule([&reduced] { return make_world_body(reduced); }, best.found, e, time.left());
    best.executions += s.executions;
    best.minimal = s.minimal;
    best.found = replay(best.what, s.found.schedule, options.memory, true, options.depth_limit).found;
    best.preemptions = count_preemptions(best.found.schedule);
    best.stale = count_unusual(best.found.schedule);
    best.seconds = options.seconds - time.left();
    return best;
}

} // namespace daxtorture
