// Lockless readers against writers on real threads; ThreadSanitizer runs it too.
//
// Every entry says which indices it covers, so a reader knows whether what it found can ever have been right. A few entries
// are never touched: a reader must find them, whatever happens to the tree around them.
#include "catch.hpp"
#include "tests/xarray/fixture.hpp"

#include <atomic>
#include <memory>
#include <random>
#include <thread>

using namespace xarray_tests;

namespace {

constexpr std::uint64_t entry_for(std::uint64_t base, unsigned order, unsigned stamp) {
    return xa_mk_value(base << 24 | std::uint64_t{order} << 16 | (stamp & 0xffff));
}
constexpr bool covers(std::uint64_t entry, std::uint64_t index) {
    const std::uint64_t value = xa_to_value(entry);
    const unsigned order = value >> 16 & 0xff;
    return xa_is_value(entry) && index >> order == value >> 24 >> order;
}

/// What a lockless reader may get for an index: an entry that covers it, or, redirected by a sibling to a canonical slot whose
/// large entry was replaced meanwhile, the smaller entry there. The kernel's readers look again for that reason; see
/// `torn_sibling` in relacy_scenarios.hpp.
bool may_be_found(std::uint64_t entry, std::uint64_t index, unsigned order_max) {
    for (unsigned order = 0; order <= order_max; ++order) {
        if (covers(entry, index >> order << order))
            return true;
    }
    return false;
}

struct race {
    race(unsigned chunk_shift, std::uint64_t size, std::vector<std::uint64_t> permanent, unsigned largest)
        : f(chunk_shift, 1U << 14), indices(size), fixed(std::move(permanent)), order_max(largest) {
        for (const std::uint64_t index : fixed)
            f.store(index, entry_for(index, 0, 0));
    }

    bool is_fixed(std::uint64_t base, unsigned order) const {
        for (const std::uint64_t index : fixed) {
            if (index >> order == base >> order)
                return true;
        }
        return false;
    }

    void write(unsigned seed, unsigned rounds) {
        std::mt19937 random(seed);
        for (unsigned step = 0; step < rounds; ++step) {
            const unsigned order = random() % 3 == 0 ? static_cast<unsigned>(random() % (order_max + 1)) : 0;
            const std::uint64_t index = random() % indices >> order << order;
            if (is_fixed(index, order))
                continue;
            // Drawn before the loop: what is tried again after an allocation failed must be the same, or half a path stays.
            const bool erase = random() % 3 == 0;
            const bool change_mark = random() % 4 == 0;
            const bool set_mark = random() % 2 == 0;
            xa_state xas(f.array, index, order);
            do {
                const arch::guard held(f.array.xa_lock);
                xas_set_order(xas, index, 0);
                const bool occupied = xas_load(xas) != 0;
                const unsigned there = occupied ? xas_get_order(xas) : 0;
                if (there > order || erase) {
                    xas_store(xas, 0);
                    continue;
                }
                if (occupied && change_mark) {
                    set_mark ? xas_set_mark(xas, xa_mark_0) : xas_clear_mark(xas, xa_mark_0);
                    continue;
                }
                // Entries of any smaller order inside go at once only if they are below in other nodes: make room first.
                xas_set_order(xas, index, order);
                xas_store(xas, 0);
                xas_set_order(xas, index, order);
                xas_store(xas, entry_for(index, order, step));
                if (set_mark && xas_valid(xas))
                    xas_set_mark(xas, xa_mark_0);
            } while (xas_nomem(xas));
        }
        stop.store(true);
    }

    void read(unsigned seed) {
        std::mt19937 random(seed);
        while (!stop.load(std::memory_order_relaxed)) {
            for (const std::uint64_t index : fixed)
                lost += f.load(index) != entry_for(index, 0, 0);
            const std::uint64_t index = random() % indices;
            if (const std::uint64_t entry = f.load(index); entry != 0)
                wrong += !may_be_found(entry, index, order_max);
            const arch::rcu_read_guard reading(f.rcu);
            xa_state xas(f.array, random() % 2 == 0 ? 0 : index);
            const std::uint64_t from = xas.xa_index;
            const std::uint64_t max = from + random() % indices;
            if (random() % 2 == 0) {
                for (std::uint64_t e = xas_find(xas, max); e != 0; e = xas_next_entry(xas, max)) {
                    if (xas_retry(xas, e))
                        continue;
                    ++found;
                    wrong += !may_be_found(e, xas.xa_index, order_max);
                }
            } else {
                for (std::uint64_t e = xas_find_marked(xas, max, xa_mark_0); e != 0;
                     e = xas_next_marked(xas, max, xa_mark_0)) {
                    if (xas_retry(xas, e) || xa_is_sibling(e)) // marked_sibling in relacy_scenarios.hpp
                        continue;
                    ++found;
                    wrong += !may_be_found(e, xas.xa_index, order_max);
                }
            }
        }
    }

    void run(unsigned readers, unsigned writers, unsigned rounds) {
        std::vector<std::thread> threads;
        std::vector<std::unique_ptr<arch::task>> tasks;
        for (unsigned i = 0; i < readers + writers; ++i) {
            tasks.push_back(std::make_unique<arch::task>(i));
            threads.emplace_back([this, i, readers, rounds, self = tasks[i].get()] {
                arch::bind_current(*self);
                i < readers ? read(i) : write(i, rounds);
                arch::unbind_current();
            });
        }
        for (std::thread& thread : threads)
            thread.join();
        CHECK(lost == 0);
        CHECK(wrong == 0);
        CHECK(f.check() >= 0);
        f.array.for_each_peek([&](std::uint64_t index, unsigned order, std::uint64_t entry, unsigned) {
            CHECK(covers(entry, index));
            CHECK(covers(entry, index + ((std::uint64_t{1} << order) - 1)));
        });
    }

    fixture f;
    const std::uint64_t indices;
    const std::vector<std::uint64_t> fixed;
    const unsigned order_max;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> lost{0};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> found{0};
};

constexpr unsigned steps = 20000;

} // namespace

TEST_CASE("readers find what is never touched, and nothing that never was", "[xarray]") {
    const unsigned chunk_shift = GENERATE(1U, 2U, 6U);
    SECTION("a tree that grows and collapses around index 0") {
        race r(chunk_shift, 1U << (2 * chunk_shift), {0}, 0);
        r.run(2, 2, steps);
    }
    SECTION("entries of all orders") {
        race r(chunk_shift, 1U << 12, {0, 777, 2048}, 9);
        r.run(2, 2, steps);
    }
    SECTION("nothing else than what comes and goes") {
        race r(chunk_shift, 1U << (chunk_shift + 1), {}, chunk_shift);
        r.run(2, 1, steps);
    }
}
