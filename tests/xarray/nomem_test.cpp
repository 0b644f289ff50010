// Memory: failure at every allocation, restart, reclaim.
#include "catch.hpp"
#include "tests/xarray/fixture.hpp"

#include <arch/lock.hpp>

using namespace xarray_tests;

namespace {

constexpr std::uint64_t value(std::uint64_t n) { return xa_mk_value(n); }

using contents = std::map<std::uint64_t, std::pair<unsigned, std::uint64_t>>;

contents all(const fixture& f) {
    contents result;
    f.array.for_each_peek([&](std::uint64_t index, unsigned order, std::uint64_t entry, unsigned) {
        result[index] = {order, entry};
    });
    return result;
}

/// What a fault does: several stores, each with its retries.
void fill(fixture& f) {
    f.store(3, value(1));
    f.store(0, value(2));
    f.store(4096, value(3), 9);
    f.store(700, value(4));
    f.store(512, value(5), 9);
    f.store(1 << 20, value(6), 4);
    f.store(700, 0);
    f.store(700, value(7));
}

} // namespace

TEST_CASE("a failure at any one allocation changes nothing in the end", "[xarray]") {
    const unsigned chunk_shift = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    fixture smooth(chunk_shift);
    fill(smooth);
    const contents expected = all(smooth);
    const std::uint64_t allocations = smooth.array.pool().allocations();
    REQUIRE(allocations > 6);
    for (std::uint64_t n = 1; n <= allocations; ++n) {
        CAPTURE(chunk_shift, n);
        fixture f(chunk_shift);
        f.array.pool().fail_nth(n);
        fill(f);
        CHECK(all(f) == expected);
        CHECK(f.array.pool().allocations() == allocations + 1); // xas_nomem's
        CHECK(f.check() == smooth.check());
        CHECK(f.nodes_in_use() == smooth.nodes_in_use());
    }
}

TEST_CASE("two failures in a row: xas_nomem gives up, the operation can be repeated later", "[xarray]") {
    const unsigned chunk_shift = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    fixture smooth(chunk_shift);
    smooth.store(5, value(1));
    const std::uint64_t before = smooth.array.pool().allocations();
    smooth.store(70000, value(2), 9);
    const std::uint64_t steps = smooth.array.pool().allocations() - before;
    for (std::uint64_t n = 1; n <= steps; ++n) {
        CAPTURE(chunk_shift, n);
        fixture f(chunk_shift);
        f.store(5, value(1));
        f.array.pool().fail_nth(n, 2);
        xa_state xas(f.array, 70000, 9);
        {
            const arch::guard held(f.array.xa_lock);
            xas_store(xas, value(2));
        }
        CHECK(xas_error(xas) == -xa_enomem);
        CHECK_FALSE(xas_nomem(xas));
        CHECK(xas_error(xas) == -xa_enomem);
        CHECK(f.load(5) == value(1));
        CHECK(f.load(70000) == 0);
        {
            const arch::guard held(f.array.xa_lock);
            CHECK(xas_load(xas) == 0); // an error stays until it is dealt with
            CHECK(xas_find(xas, last_index) == 0);
            CHECK(xas_find_conflict(xas) == 0);
            CHECK(xas_store(xas, value(2)) == 0);
            CHECK_FALSE(xas_get_mark(xas, 0));
        }
        CHECK(xas_nomem(xas));
        f.store(70000, value(2), 9);
        CHECK(all(f) == all(smooth));
        xas_destroy(xas);
        CHECK(f.nodes_in_use() == smooth.nodes_in_use());
    }
}

TEST_CASE("what xas_nomem got and nobody used comes back", "[xarray]") {
    fixture f(4);
    {
        xa_state xas(f.array, 99);
        f.array.pool().fail_nth(1);
        {
            const arch::guard held(f.array.xa_lock);
            xas_store(xas, value(1));
        }
        REQUIRE(xas_nomem(xas));
        CHECK(f.array.pool().in_use() == 1);
        // Somebody else has stored meanwhile, so this store needs no node.
        f.store(99, value(2));
        {
            const arch::guard held(f.array.xa_lock);
            CHECK(xas_store(xas, value(1)) == value(2));
        }
        CHECK(f.array.pool().in_use() == 3);
        CHECK_FALSE(xas_nomem(xas));
        CHECK(f.array.pool().in_use() == 2);
        f.array.pool().fail_nth(1);
        xas_set(xas, 1 << 20);
        {
            const arch::guard held(f.array.xa_lock);
            xas_store(xas, value(1));
        }
        REQUIRE(xas_nomem(xas));
    } // the destructor too
    f.store(1 << 20, 0);
    f.store(99, 0);
    xa_destroy(f.array); // nodes that the failed store left empty
    CHECK(f.nodes_in_use() == 0);
}

TEST_CASE("a pool that is all in use or waiting is waited for", "[xarray]") {
    // Room for the one tree, not for two: each round must reuse the nodes of the one before.
    fixture f(2, 3);
    for (unsigned round = 1; round < 200; ++round) {
        CHECK(f.store(40 + round % 8, value(round)) == 0);
        CHECK(f.load(40 + round % 8) == value(round));
        xa_erase(f.array, 40 + round % 8);
    }
    CHECK(f.nodes_in_use() == 0);
}

TEST_CASE("a pool that is too small says so", "[xarray]") {
    fixture f(1, 3);
    int error = 0;
    xa_store(f.array, 1000, value(1), &error);
    CHECK(error == -xa_enomem);
    CHECK(f.load(1000) == 0);
    xa_destroy(f.array);
    xa_store(f.array, 5, value(1), &error);
    CHECK(error == 0);
    CHECK(f.load(5) == value(1));
}

TEST_CASE("xa_nodes_needed is enough for any fill, twice", "[xarray]") {
    const unsigned chunk_shift = GENERATE(1U, 2U, 3U, 6U);
    const std::uint64_t pages = GENERATE(1U, 2U, 7U, 64U, 1000U);
    fixture f(chunk_shift, xa_nodes_needed(chunk_shift, pages));
    const arch::rcu_read_guard reader(f.rcu); // nothing comes back
    for (unsigned turn = 0; turn < 2; ++turn) {
        for (std::uint64_t i = 0; i < pages; ++i) {
            xa_state xas(f.array, i);
            const arch::guard held(f.array.xa_lock);
            xas_store(xas, value(i));
            REQUIRE(xas_error(xas) == 0);
        }
        for (std::uint64_t i = 0; i < pages; ++i)
            xa_erase(f.array, i);
        CHECK(xa_empty(f.array));
    }
}
