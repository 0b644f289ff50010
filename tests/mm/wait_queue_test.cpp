// The wait queue on the simulated machine: which of its memory orders a wait for a flag needs.
#include "tests/catch.hpp"
#include "tests/relacy/small_body.hpp"

#include "mm/wait_queue.hpp"

#include <algorithm>

using namespace daxtorture;
using arch::order;

namespace {

struct wait_for_flag {
    wait_queue_head queue;
    arch::atomic<bool> flag{false};

    void wait() {
        wait_queue_entry waiter(arch::current(), {this, 0}, false);
        const queued_wait queued(queue, waiter);
        for (;;) {
            queue.prepare_to_wait_event(waiter, arch::task_state::uninterruptible, full_fence::full);
            if (flag.load(order::relaxed))
                return;
            arch::schedule();
        }
    }
    void wake() {
        flag.exchange(true, order::full);
        if (queue.waitqueue_active())
            queue.wake_up({this, 0}, 1);
    }
};

exploration_result explored(const exploration_options& options) {
    test::small_body<wait_for_flag> both(
        {[](wait_for_flag& w) { w.wait(); }, [](wait_for_flag& w) { w.wake(); }});
    const auto how = make_bound(unlimited, unlimited);
    return explore(both, *how, options);
}

const exploration_result& as_written() {
    static const exploration_result result = [] {
        exploration_options options = test::under(memory_class::weak);
        options.collect_orders = true;
        return explored(options);
    }();
    return result;
}

failure_kind without_order_of(const std::string& function, const std::string& kind) {
    const auto& met = as_written().orders;
    const auto found = std::find_if(
        met.begin(), met.end(), [&](const met_order& o) { return o.function == function && o.kind == kind; });
    REQUIRE(found != met.end());
    const weak_order weaker{found->file, found->line, kind, "relaxed"};
    exploration_options options = test::under(memory_class::weak);
    options.weaken = &weaker;
    return explored(options).found.kind;
}

} // namespace

TEST_CASE("a waiter is woken, and its stack frame is its own again") {
    CHECK(as_written().found.kind == failure_kind::none);
    CHECK(as_written().exhausted);
    CHECK(as_written().executions > 10);
}

TEST_CASE("without its fence the waiter sleeps for ever") {
    CHECK(without_order_of("prepare_to_wait_event", "fence") == failure_kind::deadlock);
    CHECK(without_order_of("wake", "rmw") == failure_kind::deadlock);
}

TEST_CASE("a waiter that leaves without the lock must be ordered behind its waker") {
    CHECK(without_order_of("unlink", "store") == failure_kind::data_race);
    CHECK(without_order_of("finish_wait", "load") == failure_kind::data_race);
}
