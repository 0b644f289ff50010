// The barrier between rounds: nobody is outside while the last one to arrive works.
#include "stress/gate.hpp"
#include "tests/catch.hpp"
#include "tests/host/events.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using daxtorture::stress::gate;
using daxtorture::tests::comes_true;
using daxtorture::tests::sleeps_in_kernel;

namespace {

constexpr unsigned workers = 4;
constexpr unsigned rounds = 2'000;

/// What workers do at a gate: each arrives `rounds` times, and steps out whenever it is called.
struct crowd {
    gate door{workers};
    std::array<unsigned, workers> outside{}; ///< plain: the last one reads what the others write
    std::atomic<bool> calling{false};
    std::atomic<unsigned> stepped_out{0};
    unsigned between = 0;
    unsigned met_outside = 0;

    void work(unsigned worker) {
        for (unsigned round = 0; round < rounds; ++round) {
            const std::uint32_t before = door.openings();
            unsigned steps = 0;
            for (; !door.arrive(); ++steps) {
                if (door.wait(before, [&] { return calling.load() && steps < 3; }))
                    break;
                outside[worker] = 1;
                stepped_out.fetch_add(1);
                std::this_thread::yield();
                outside[worker] = 0;
            }
            if (door.openings() != before)
                continue;
            ++between;
            // Time to step out by mistake: for what shall not happen there is no event, and nothing fails for its length.
            std::this_thread::sleep_for(std::chrono::microseconds(20));
            for (const unsigned one : outside)
                met_outside += one;
            door.open();
        }
    }
};

} // namespace

TEST_CASE("nobody is outside the gate while the last one works between rounds") {
    crowd all;
    std::vector<std::thread> threads;
    threads.reserve(workers);
    for (unsigned i = 0; i < workers; ++i)
        threads.emplace_back([&, i] { all.work(i); });
    std::atomic<bool> over{false};
    std::thread caller([&] {
        while (!over.load()) {
            all.calling.store(!all.calling.load());
            all.door.call();
            std::this_thread::yield();
        }
    });
    for (std::thread& one : threads)
        one.join();
    over.store(true);
    caller.join();
    CHECK(all.between == rounds);
    CHECK(all.met_outside == 0);
    CHECK(all.stepped_out.load() > 0);
}

TEST_CASE("a call wakes who sleeps at the gate, and the gate opens to who has come back") {
    gate door(2);
    std::atomic<bool> called{false};
    bool opened_at_once = true;
    bool opened_after_all = false;
    std::atomic<pid_t> id{0};
    const auto asleep = [&] { return id != 0 && sleeps_in_kernel(id); };
    std::thread waiter([&] {
        id = gettid();
        const std::uint32_t before = door.openings();
        if (door.arrive())
            return;
        opened_at_once = door.wait(before, [&] { return called.load(); });
        called.store(false);
        if (!door.arrive())
            opened_after_all = door.wait(before, [] { return false; });
    });
    REQUIRE(comes_true(asleep));
    called.store(true);
    door.call();
    while (called.load())
        std::this_thread::yield();
    REQUIRE(comes_true(asleep));
    CHECK(door.arrive()); // the last one
    door.open();
    waiter.join();
    CHECK_FALSE(opened_at_once);
    CHECK(opened_after_all);
    CHECK(door.openings() == 1);
}
