// The flight recorder: what it keeps, what it drops, and that a reader beside a writer sees whole records only.
#include "tests/catch.hpp"

#include <arch/atomic.hpp>
#include <arch/check.hpp>
#include <arch/lock.hpp>
#include <arch/recorder.hpp>

#include <atomic>
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

TEST_CASE("notes, counts and locks are recorded in order, with their values") {
    const auto ring = std::make_unique<arch::flight_ring>();
    const recording on(*ring);
    arch::atomic<int> count{5};
    arch::spinlock lock(inner);
    arch::note("hello", 7);
    count.fetch_sub(6, arch::order::full);
    { arch::guard held(lock); }
    const auto all = ring->read();
    REQUIRE(all.size() == 3);
    CHECK(all[0].kind == arch::step::note);
    CHECK(std::string(all[0].where) == "hello");
    CHECK(all[0].after == 7);
    CHECK(all[1].kind == arch::step::rmw);
    CHECK(all[1].object == &count);
    CHECK(all[1].before == 5);
    CHECK(all[1].after == -1);
    CHECK(all[2].kind == arch::step::lock);
    CHECK(all[2].object == &lock);
    CHECK(all[0].time <= all[2].time);
    ring->forget();
    CHECK(ring->read().empty());
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
