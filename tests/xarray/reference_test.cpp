// Random operations against the obvious model: a std::map from the first index of an entry to the entry.
#include "catch.hpp"
#include "tests/xarray/fixture.hpp"

#include <algorithm>
#include <random>

using namespace xarray_tests;

namespace {

struct reference {
    struct entry {
        unsigned order;
        std::uint64_t value;
        unsigned marks;
    };
    std::map<std::uint64_t, entry> entries;

    static std::uint64_t last_of(std::uint64_t index, unsigned order) {
        return index + ((std::uint64_t{1} << order) - 1);
    }
    /// The entry that covers `index`.
    std::map<std::uint64_t, entry>::iterator at(std::uint64_t index) {
        auto after = entries.upper_bound(index);
        if (after == entries.begin())
            return entries.end();
        --after;
        return last_of(after->first, after->second.order) >= index ? after : entries.end();
    }
    /// Stores as xas_store does: into a larger entry whole, over smaller ones; marks of what it replaces stay.
    void store(std::uint64_t index, unsigned order, std::uint64_t value) {
        const auto around = at(index);
        if (around != entries.end() && around->second.order >= order) {
            if (value != 0)
                around->second.value = value;
            else
                entries.erase(around);
            return;
        }
        unsigned marks = 0;
        auto next = entries.lower_bound(index);
        while (next != entries.end() && next->first <= last_of(index, order)) {
            marks |= next->second.marks;
            next = entries.erase(next);
        }
        if (value != 0)
            entries[index] = {order, value, marks};
    }
};

void compare(fixture& f, const reference& expected) {
    auto next = expected.entries.begin();
    bool equal = true;
    f.array.for_each_peek([&](std::uint64_t index, unsigned order, std::uint64_t entry, unsigned marks) {
        if (next == expected.entries.end()) {
            equal = false;
            return;
        }
        equal = equal && next->first == index && next->second.order == order && next->second.value == entry &&
                next->second.marks == marks;
        ++next;
    });
    REQUIRE(equal);
    REQUIRE(next == expected.entries.end());
    REQUIRE(f.check() >= 0);
}

} // namespace

TEST_CASE("random operations do what a map does", "[xarray]") {
    const unsigned chunk_shift = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    // An entry smaller than another in the same node may be stored over a part of it, which no map describes: one order
    // per node level, as in the page cache of DAX (pages, PMDs, PUDs).
    const std::vector<unsigned> orders = {0, chunk_shift + chunk_shift / 2,
                                          2 * chunk_shift + (chunk_shift + 1) / 2};
    for (unsigned seed = 0; seed < 12; ++seed) {
        CAPTURE(chunk_shift, seed);
        std::mt19937_64 random(seed);
        const unsigned bits = static_cast<unsigned>(3 + random() % 11);
        fixture f(chunk_shift);
        reference expected;
        std::uint64_t value = 0;
        for (unsigned step = 0; step < 3000; ++step) {
            const unsigned order = orders[random() % 10 < 7 ? 0 : 1 + random() % 2];
            const std::uint64_t any = random() % (std::uint64_t{1} << bits);
            const std::uint64_t index = any >> order << order;
            const auto here = expected.at(any);
            switch (random() % 8) {
            case 0:
            case 1:
            case 2: {
                const std::uint64_t entry = xa_mk_value(++value);
                f.store(index, entry, order);
                expected.store(index, order, entry);
                break;
            }
            case 3: {
                const std::uint64_t old = xa_erase(f.array, any);
                REQUIRE(old == (here != expected.entries.end() ? here->second.value : 0));
                expected.store(any, 0, 0);
                break;
            }
            case 4: {
                const xa_mark_t mark = static_cast<xa_mark_t>(random() % 3);
                if (here == expected.entries.end())
                    break;
                const bool set = random() % 3 != 0;
                f.mark(any, mark, set);
                here->second.marks = (here->second.marks & ~(1U << mark)) | static_cast<unsigned>(set)
                                                                                << mark;
                break;
            }
            case 5: {
                // Iterate a range.
                const std::uint64_t max = any + random() % 300;
                std::vector<std::uint64_t> found;
                std::vector<std::uint64_t> wanted;
                {
                    xa_state xas(f.array, any);
                    const arch::guard held(f.array.xa_lock);
                    xas_for_each(xas, max, [&](std::uint64_t entry) { found.push_back(entry); });
                }
                for (const auto& [first, entry] : expected.entries) {
                    if (first <= max && reference::last_of(first, entry.order) >= any)
                        wanted.push_back(entry.value);
                }
                REQUIRE(found == wanted);
                break;
            }
            case 6: {
                const xa_mark_t mark = static_cast<xa_mark_t>(random() % 3);
                const std::uint64_t max = any + random() % 300;
                std::vector<std::uint64_t> found;
                std::vector<std::uint64_t> wanted;
                {
                    xa_state xas(f.array, any);
                    const arch::guard held(f.array.xa_lock);
                    xas_for_each_marked(xas, max, mark, [&](std::uint64_t entry) { found.push_back(entry); });
                }
                for (const auto& [first, entry] : expected.entries) {
                    if (first <= max && reference::last_of(first, entry.order) >= any &&
                        (entry.marks >> mark & 1) != 0)
                        wanted.push_back(entry.value);
                }
                REQUIRE(found == wanted);
                break;
            }
            default: {
                // Every entry in the way of a range, or the larger one around it.
                std::vector<std::uint64_t> found;
                std::vector<std::uint64_t> wanted;
                {
                    xa_state xas(f.array, index, order);
                    const arch::guard held(f.array.xa_lock);
                    xas_for_each_conflict(xas, [&](std::uint64_t entry) { found.push_back(entry); });
                }
                for (const auto& [first, entry] : expected.entries) {
                    if (first <= reference::last_of(index, order) &&
                        reference::last_of(first, entry.order) >= index)
                        wanted.push_back(entry.value);
                }
                REQUIRE(found == wanted);
            }
            }
            if (step % 64 == 0)
                compare(f, expected);
        }
        compare(f, expected);
        while (!expected.entries.empty()) {
            xa_erase(f.array, expected.entries.begin()->first);
            expected.entries.erase(expected.entries.begin());
        }
        REQUIRE(xa_empty(f.array));
        REQUIRE(f.nodes_in_use() == 0);
    }
}
