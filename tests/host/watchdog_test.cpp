// The watchdog over a fake world, looking at times that the test chooses. Workers without a processor are played by threads that the
// test stops at a place of its choice, so that nothing here depends on how fast the machine is.
#include "protocol/presets.hpp"
#include "stress/mix.hpp"
#include "stress/watchdog.hpp"
#include "tests/catch.hpp"
#include "tests/host/fake_world.hpp"

#include <arch/task.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

using namespace daxtorture;
using namespace std::chrono_literals;

namespace {

/// A place where a thread stops until the test has seen it there and lets it go on.
class stop {
  public:
    void reach() {
        ++reached_;
        reached_.notify_all();
        passed_.wait(reached_ - 1); // one thread at a time
    }
    void await(unsigned times = 1) const {
        for (unsigned seen = reached_; seen < times; seen = reached_)
            reached_.wait(seen);
    }
    void let_go() {
        ++passed_;
        passed_.notify_all();
    }

  private:
    std::atomic<unsigned> reached_{0};
    std::atomic<unsigned> passed_{0};
};

/// A group with its threads, and a watchdog whose clock stands between looks.
class watched {
  public:
    explicit watched(std::shared_ptr<stress::plan> what)
        : of(std::make_shared<stress::group>(std::move(what), 0)), dog_(of, {}) {
        for (unsigned worker = 0; worker < of->workers(); ++worker)
            threads_.emplace_back([this, worker] { of->work(worker); });
    }

    void look_after(stress::clock::duration passed) {
        now_ += passed;
        dog_.look(now_, stress::clock::time_point::max());
    }
    /// The threads end by themselves or are told to by the watchdog.
    void join() {
        while (of->threads_left() != 0) {
            look_after(0ms);
            std::this_thread::yield();
        }
        threads_.clear();
    }

    const std::shared_ptr<stress::group> of;

  private:
    stress::watchdog dog_;
    stress::clock::time_point now_ = stress::clock::now();
    std::vector<std::jthread> threads_;
};

} // namespace

TEST_CASE("a worker that is in another short wait at every look is not deadlocked") {
    std::array<int, 6> locks{};
    stop wait;
    auto how = std::make_shared<fake::behaviour>();
    how->perform = [&](world&, unsigned, const operation&) {
        for (const int& lock : locks) {
            arch::current().waiting.begin(arch::wait_kind::lock, &lock, 0, arch::site::here());
            wait.reach();
        }
        arch::current().waiting.end();
        return outcome::done;
    };
    fake::behave(how);
    auto what = std::make_shared<stress::plan>();
    what->world.files = {{"A", fs_kind::xfs, 1}};
    what->world.workers = 1;
    what->names = {"starved"};
    what->threads = {{stress::name_operation({op::truncate}, what->world, what->names)}};
    what->rounds_max = 1;
    what->pin = false;
    watched run(what);

    for (unsigned i = 1; i < locks.size(); ++i) {
        wait.await(i);
        run.look_after(1s); // longer than any grace, in one operation all along
        CHECK(run.of->failures_seen() == 0);
        wait.let_go();
    }
    // The last wait lasts.
    wait.await(locks.size());
    run.look_after(1s);
    CHECK(run.of->failures_seen() == 0);
    run.look_after(1s);
    CHECK(run.of->failures_seen() == 1);
    wait.let_go();
    run.join();
}

TEST_CASE("in a mix a hang is told only when whoever is starved has let go of what it holds") {
    const bool holds_the_page = GENERATE(true, false);
    constexpr unsigned sleeper = 0;
    constexpr unsigned starved = 1;
    std::atomic<arch::task*> asleep{nullptr};
    stop between;
    std::atomic<bool> stopped{false};
    auto how = std::make_shared<fake::behaviour>();
    how->perform = [&](world& w, unsigned worker, const operation&) {
        if (worker != sleeper || asleep != nullptr)
            return outcome::done;
        arch::set_current_state(arch::task_state::uninterruptible);
        arch::smp_mb();
        asleep = &w.task(sleeper);
        arch::schedule();
        return outcome::done;
    };
    how->between = [&](unsigned worker) {
        if (worker == starved && asleep != nullptr && !stopped.exchange(true))
            between.reach();
    };
    how->release = [&](unsigned worker) {
        if (worker == starved && stopped && holds_the_page)
            arch::wake_up_process(*asleep);
    };
    fake::behave(how);
    auto what = std::make_shared<stress::plan>();
    const stress::mix& load = *stress::find_mix("default");
    what->world = stress::mix_world(load, find_preset("v6.15")->rules, {}, 2);
    what->mixed = std::make_unique<const stress::repertoire>(load, what->world);
    what->names = {"sleeper", "starved"};
    what->pin = false;
    what->preempt = false;
    watched run(what);

    between.await();
    run.look_after(0ms);
    run.look_after(10ms); // somebody sleeps: the round is to end
    CHECK(run.of->round_over());
    run.look_after(10ms); // nobody can help: all are asked to let go
    CHECK(run.of->holds_dropped());
    for (int i = 0; i < 5; ++i)
        run.look_after(1s); // and the starved worker has not heard of it yet
    CHECK(run.of->failures_seen() == 0);

    what->stopping = true; // a round is enough
    between.let_go();
    if (!holds_the_page) {
        while (!run.of->has_let_go(starved) && !run.of->doomed()) // or it failed above
            std::this_thread::yield();
        for (int i = 0; i < 4; ++i) // once to see that it moved, once to help, once to be sure
            run.look_after(1s);
    }
    run.join();
    CHECK(run.of->failures_seen() == (holds_the_page ? 0 : 1));
    CHECK(run.of->quiescent_checks() == (holds_the_page ? 1 : 0));
}
