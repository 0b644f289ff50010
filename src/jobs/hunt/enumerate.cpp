#include "jobs/hunt/enumerate.hpp"

#include "jobs/hunt/canonical.hpp"
#include "jobs/hunt/draw.hpp"
#include "jobs/hunt/worlds.hpp"

#include "scenario/choices.hpp"

#include <algorithm>

namespace daxtorture::jobs::hunt {
namespace {

std::uint64_t power(std::uint64_t base, unsigned exponent) {
    std::uint64_t result = 1;
    while (exponent-- != 0)
        result *= base;
    return result;
}

/// What the threads find: nothing cached; dirty pages; and where two files may share, shared blocks that both have mapped.
std::vector<std::vector<operation>> setups_of(const world_config& world) {
    std::vector<std::vector<operation>> setups{{}};
    std::vector<operation> stores, loads;
    for (std::size_t mm = 0; mm < world.mms.size(); ++mm) {
        stores.push_back({op::store, 0, static_cast<std::uint8_t>(mm), world.mms[mm].areas[0].at});
        loads.push_back({op::load, 0, static_cast<std::uint8_t>(mm), world.mms[mm].areas[0].at});
    }
    if (!stores.empty())
        setups.push_back(stores);
    const std::vector<operation> clones = choices(op::reflink, world);
    if (!clones.empty()) {
        setups.push_back({clones.front()});
        setups.back().insert(setups.back().end(), loads.begin(), loads.end());
    }
    return setups;
}

} // namespace

small_programs::small_programs(const program& header) {
    for (const world_config& world : basic_worlds()) {
        stage made{header, {}};
        const protocol rules = header.world.rules;
        made.base.world = world;
        made.base.world.rules = rules;
        made.base.world.workers = 2;
        made.base.threads = {{"t0", {}}, {"t1", {}}};
        for (const operation_info& known : operation_table)
            for (const operation& one : sensible_choices(known.kind, made.base.world))
                if (const std::optional<op> drop = drop_of(known.kind))
                    made.actions.push_back({one, {*drop}});
                else if (!is_drop(known.kind) && known.kind != op::dma_write && !concerns_power(known.kind))
                    made.actions.push_back({one});
        for (std::vector<operation>& setup : setups_of(world)) {
            made.base.setup = std::move(setup);
            stages_.push_back(made);
        }
    }
}

/// Of two threads of equal size, (a, b) and (b, a) are one program.
std::uint64_t small_programs::total(const stage& of, std::size_t size) const {
    const std::uint64_t first = power(of.actions.size(), sizes[size][0]);
    const std::uint64_t second = power(of.actions.size(), sizes[size][1]);
    return sizes[size][0] == sizes[size][1] ? first * (first + 1) / 2 : first * second;
}

std::uint64_t small_programs::total(std::size_t size) const {
    std::uint64_t sum = 0;
    for (const stage& one : stages_)
        sum += total(one, size);
    return sum;
}

std::uint64_t small_programs::done(std::size_t size) const {
    std::uint64_t before = 0;
    for (std::size_t smaller = 0; smaller < size; ++smaller)
        before += total(smaller);
    return next_ <= before ? 0 : std::min(next_ - before, total(size));
}

std::vector<operation> small_programs::thread_of(const stage& of, unsigned operations,
                                                 std::uint64_t number) const {
    std::vector<operation> all;
    for (; operations != 0; --operations) {
        const action& next = of.actions[number % of.actions.size()];
        all.insert(all.end(), next.begin(), next.end());
        number /= of.actions.size();
    }
    return all;
}

program small_programs::made(const stage& of, std::size_t size, std::uint64_t number) const {
    const auto [first, second] = sizes[size];
    const std::uint64_t of_first = power(of.actions.size(), first);
    std::uint64_t a = number % of_first;
    std::uint64_t b = number / of_first;
    if (first == second) // row b has b + 1 programs
        for (a = number, b = 0; a > b; ++b)
            a -= b + 1;
    program made = of.base;
    made.threads[0].operations = thread_of(of, first, a);
    made.threads[1].operations = thread_of(of, second, b);
    return canonical(made);
}

std::optional<program> small_programs::next() {
    std::uint64_t number = next_;
    for (std::size_t size = 0; size < sizes.size(); ++size)
        for (const stage& one : stages_) {
            const std::uint64_t here = total(one, size);
            if (number < here) {
                ++next_;
                return made(one, size, number);
            }
            number -= here;
        }
    return std::nullopt;
}

} // namespace daxtorture::jobs::hunt
