#include "strategies.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace daxtorture {

namespace {

using options = strategy_options;

constexpr std::array registered{
    strategy_kind{"uniform", walk::random, "every choice with equal probability",
                  [](const options& o) { return make_uniform(o.seed); }},
    strategy_kind{"pct", walk::random, "random priorities of threads, changed at --depth - 1 random points",
                  [](const options& o) { return make_pct(o.seed, o.depth); }},
    strategy_kind{"pos", walk::random, "random priorities of steps, new ones for those in conflict",
                  [](const options& o) { return make_pos(o.seed); }},
    strategy_kind{"surw", walk::random, "orders of the accesses to one object with equal probability",
                  [](const options& o) { return make_surw(o.seed); }},
    strategy_kind{"bound", walk::tree, "all with at most --bound forced switches and as many stale loads",
                  [](const options& o) { return make_bounds(o.bound, o.part, o.reduce); }},
    strategy_kind{"full", walk::tree, "all but those that only reorder steps that commute",
                  [](const options& o) {
                      return o.reduce ? make_reduced(o.part) : make_bound(unlimited, unlimited, o.part);
                  }},
    strategy_kind{"aim", walk::aimed, "towards pairs of operations that were not met",
                  [](const options& o) { return make_aim(o.seed, o.targets); }},
};

} // namespace

std::span<const strategy_kind> strategies() { return registered; }

const strategy_kind* find_strategy(std::string_view name) {
    const auto* const found = std::ranges::find(registered, name, &strategy_kind::name);
    return found != registered.end() ? found : nullptr;
}

std::unique_ptr<strategy> make_strategy(std::string_view name, const strategy_options& options) {
    const strategy_kind* const kind = find_strategy(name);
    if (kind == nullptr)
        throw std::invalid_argument("no strategy '" + std::string(name) + "'");
    return kind->make(options);
}

} // namespace daxtorture
