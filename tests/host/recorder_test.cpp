// The flight recorder: what it keeps, what it drops, and that a reader beside a writer sees whole records only.
#include "tests/catch.hpp"

#include <arch/atomic.hpp>
#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/recorder.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace {
constexpr arch::lock_class inner{"inner", 20};

struct recording {
    explicit recording(arch::flight_ring& ring) { arch::record_into(&ring); }
    ~recording() { arch::record_into(nullptr); }
};
} // namespace

TEST_CASE("a thread without a ring records nothing") {
    const auto ring = std::make_unique<arch::flight_ring>();
    arch::record(arch::step::note, "lost");
    CHECK(ring->read().empty());
}

TEST_CASE("notes and counts are recorded in order, with their values; a free lock is not") {
    const auto ring = std::make_unique<arch::flight_ring>();
    const recording on(*ring);
    arch::atomic<int> count{5};
    arch::spinlock lock(inner);
    arch::note("hello", 7);
    count.fetch_sub(6, arch::order::full);
    { arch::guard held(lock); }
    const auto all = ring->read();
    REQUIRE(all.size() == 2);
    CHECK(all[0].kind == arch::step::note);
    CHECK(std::string(all[0].where) == "hello");
    CHECK(all[0].after == 7);
    CHECK(all[1].kind == arch::step::rmw);
    CHECK(all[1].object == &count);
    CHECK(all[1].before == 5);
    CHECK(all[1].after == -1);
    CHECK(all[0].time <= all[1].time);
    ring->forget();
    CHECK(ring->read().empty());
}

TEST_CASE("what has no time stamp of its own lies between its neighbours") {
    arch::flight_nanoseconds(0); // time begins
    const auto ring = std::make_unique<arch::flight_ring>();
    const recording on(*ring);
    for (int i = 0; i < 3; ++i)
        arch::record(arch::step::note, "before");
    const std::uint64_t before = arch::flight_clock();
    arch::record(arch::step::block, "f");
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // at least: only that is asked below
    arch::record(arch::step::resume, "f");
    const std::uint64_t after = arch::flight_clock();
    arch::record(arch::step::note, "after");
    const auto all = ring->read();
    REQUIRE(all.size() == 6);
    for (std::size_t i = 1; i < all.size(); ++i)
        CHECK(all[i - 1].time <= all[i].time);
    // The pause lies between the wait's two records.
    CHECK(all[3].time >= before);
    CHECK(all[4].time <= after);
    CHECK(arch::flight_nanoseconds(all[4].time) - arch::flight_nanoseconds(all[3].time) > 1'000'000);
    CHECK(all[5].time <= arch::flight_clock());
    CHECK(all[0].time > 0);
}

TEST_CASE("records without any time stamp among them are placed before now") {
    const auto ring = std::make_unique<arch::flight_ring>();
    const recording on(*ring);
    arch::record(arch::step::note, "first of eight");
    ring->forget();
    arch::record(arch::step::note, "second");
    arch::record(arch::step::note, "third");
    const auto all = ring->read();
    REQUIRE(all.size() == 2);
    CHECK(all[0].time > 0);
    CHECK(all[0].time < all[1].time);
    CHECK(all[1].time <= arch::flight_clock());
}

TEST_CASE("a full ring keeps the newest records") {
    const auto ring = std::make_unique<arch::flight_ring>();
    const int written = static_cast<int>(arch::flight_ring::size) * 2 + 10;
    for (int i = 0; i < written; ++i)
        ring->put(arch::step::note, "n", nullptr, 0, i);
    const auto all = ring->read();
    REQUIRE(all.size() >= arch::flight_ring::size - 1);
    CHECK(all.back().after == written - 1);
    for (std::size_t i = 1; i < all.size(); ++i)
        CHECK(all[i].after == all[i - 1].after + 1);
}

TEST_CASE("a reader beside the owner sees whole records only") {
    const auto ring = std::make_unique<arch::flight_ring>();
    std::atomic<bool> stop{false};
    std::thread owner([&] {
        for (std::int32_t i = 0; !stop.load(std::memory_order_relaxed); i = (i + 1) & 0x7ffffff)
            ring->put(arch::step::note, "n", nullptr, i, i);
    });
    bool whole = true;
    for (int look = 0; look < 2000; ++look)
        for (const arch::flight_record& one : ring->read())
            whole = whole && one.before == one.after;
    stop = true;
    owner.join();
    CHECK(whole);
}
