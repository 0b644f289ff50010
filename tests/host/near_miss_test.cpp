// Near misses: counted where the thread was told to, with distances in powers of two; and nowhere else.
#include "tests/catch.hpp"

#include <arch/near_miss.hpp>

#include <chrono>
#include <memory>
#include <thread>

namespace {
enum class kind { first, second };
} // namespace

TEST_CASE("a thread without a tally counts nothing") {
    const auto tally = std::make_unique<arch::near_miss_tally>();
    arch::near_miss(kind::first);
    CHECK((*tally)[0].total() == 0);
}

TEST_CASE("near misses are counted by kind, with their distance") {
    const auto tally = std::make_unique<arch::near_miss_tally>();
    arch::count_near_misses(tally.get());
    arch::near_miss(kind::second);
    const arch::stopwatch since;
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // at least: only that is asked below
    arch::near_miss(kind::second, since);
    arch::count_near_misses(nullptr);
    arch::near_miss(kind::second);
    CHECK((*tally)[0].total() == 0);
    CHECK((*tally)[1].total() == 2);
    std::uint64_t late = 0;
    for (std::size_t i = 20; i < arch::histogram::buckets; ++i) // from 1.05 ms
        late += (*tally)[1].bucket(i);
    CHECK(late == 1);
}

TEST_CASE("buckets are powers of two, the last without end") {
    arch::histogram h;
    h.add(0);
    h.add(1);
    h.add(2);
    h.add(1023);
    h.add(1024);
    h.add(~std::uint64_t{0});
    CHECK(h.bucket(0) == 2);
    CHECK(h.bucket(1) == 1);
    CHECK(h.bucket(9) == 1);
    CHECK(h.bucket(10) == 1);
    CHECK(h.bucket(arch::histogram::buckets - 1) == 1);
    CHECK(h.total() == 6);
}
