// percpu_ref on the simulated machine: every interleaving within a bound, weak memory, and its broken variants.
#include "tests/catch.hpp"
#include "tests/relacy/small_body.hpp"

#include "mm/percpu_ref.hpp"

#include <arch/check.hpp>
#include <arch/plain.hpp>

using namespace daxtorture;

namespace {

constexpr unsigned cpus = 9; // small_body's tasks

protocol broken(const char* assignment) {
    protocol rules;
    if (*assignment != 0)
        REQUIRE(!set_rule(rules, assignment));
    return rules;
}

protocol rules_in_force; // read by the object of every execution

struct object {
    object() {
        ref.init([](percpu_ref& self) { static_cast<object*>(self.owner())->freed.set(1); });
    }

    /// What a reference protects.
    void use() {
        if (freed.get() != 0)
            arch::fail(invariant::I22, "the object was used after its release", "");
    }
    void borrow() {
        if (ref.tryget_live()) {
            use();
            ref.put();
        }
    }
    void end() { ref.kill(); }

    const protocol rules = rules_in_force;
    arch::rcu_domain rcu;
    percpu_ref ref{rules, rcu, cpus, this};
    arch::plain<int> freed{0};
    arch::atomic<bool> confirmed{false};
    arch::atomic<bool> handed_over{false};
};

using step = std::function<void(object&)>;

exploration_result explored(const char* assignment, std::vector<step> threads, step finally,
                            bool pct = false) {
    rules_in_force = broken(assignment);
    test::small_body<object> what(std::move(threads), std::move(finally));
    exploration_options options = test::under(memory_class::weak);
    options.seconds = 2;
    const std::unique_ptr<strategy> how = pct ? make_pct(1, 3) : make_bound(3, 2);
    return explore(what, *how, options);
}

void released_once(object& o) {
    o.rcu.barrier(); // a switch that was left for later
    if (o.freed.get() != 1)
        arch::fail(invariant::I22, "the object was never released", "");
    o.ref.exit();
}

const step borrow = [](object& o) { o.borrow(); };
const step end = [](object& o) { o.end(); };

/// The reference is taken on one CPU and dropped on another, which lets that CPU's count go below 0.
const step take = [](object& o) {
    if (o.ref.tryget_live())
        o.handed_over.store(true, arch::order::release);
};
const step give_back = [](object& o) {
    if (o.handed_over.exchange(false, arch::order::acq_rel)) {
        o.use();
        o.ref.put();
    }
};
void drop_rest(object& o) {
    give_back(o);
    released_once(o);
}

/// A confirmed kill is known on all CPUs.
const step end_confirmed = [](object& o) {
    o.ref.kill_and_confirm([](percpu_ref& ref) {
        static_cast<object*>(ref.owner())->confirmed.store(true, arch::order::release);
    });
};
const step come_late = [](object& o) {
    const bool late = o.confirmed.load(arch::order::acquire);
    if (!o.ref.tryget_live())
        return;
    if (late)
        arch::fail(invariant::I22, "a reference was given after the kill was confirmed", "");
    o.use();
    o.ref.put();
};

void passes(const std::vector<step>& threads, const step& finally) {
    for (const bool pct : {false, true}) {
        const exploration_result result = explored("", threads, finally, pct);
        INFO(result.executions << " executions: " << result.found.cause << " " << result.found.detail);
        CHECK(result.found.kind == failure_kind::none);
        CHECK(result.executions > 100);
    }
}

void fails(const char* assignment, const std::vector<step>& threads, const step& finally,
           invariant broken = invariant::I22) {
    for (const bool pct : {false, true}) {
        const exploration_result result = explored(assignment, threads, finally, pct);
        INFO(assignment << ": " << result.executions << " executions: " << result.found.cause);
        CHECK(result.found.kind != failure_kind::none);
        CHECK(result.found.invariant == broken);
    }
}

} // namespace

TEST_CASE("a user against kill") { passes({borrow, end}, released_once); }
TEST_CASE("two users against kill") { passes({borrow, borrow, end}, released_once); }
TEST_CASE("a reference that changes its CPU") { passes({take, give_back, end}, drop_rest); }
TEST_CASE("a confirmed kill") { passes({come_late, end_confirmed}, released_once); }

TEST_CASE("a sum without a grace period is found") {
    constexpr int data_race =
        0; // a user's last access against the release, which only the grace period orders
    fails("percpu-switch=at-once", {borrow, end}, released_once, data_race);
}
TEST_CASE("a sum that comes after the bias is found") {
    // The second section of the first user is what the grace period waits for, so that kill has dropped the initial reference before.
    const step take_and_borrow = [](object& o) {
        take(o);
        o.borrow();
    };
    fails("percpu-sum=after-bias", {take_and_borrow, give_back, end}, drop_rest);
}
TEST_CASE("a put that reads the count again is found") {
    fails("percpu-put=sub-then-read", {borrow, borrow, end}, released_once);
}
