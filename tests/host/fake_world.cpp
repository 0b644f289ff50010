#include "tests/host/fake_world.hpp"

#include <arch/task.hpp>

#include <string>
#include <vector>

namespace daxtorture {

namespace {
std::shared_ptr<fake::behaviour> behaviour_now;
}

void fake::behave(std::shared_ptr<behaviour> how) { behaviour_now = std::move(how); }

inline namespace host {

struct world_state {
    std::shared_ptr<fake::behaviour> how;
    std::vector<arch::task> tasks;
    std::vector<std::atomic<const char*>> operations;
};

world::world(const world_config& config) : state_(std::make_unique<world_state>()) {
    state_->how = behaviour_now;
    state_->tasks = std::vector<arch::task>(config.workers + 1);
    state_->operations = std::vector<std::atomic<const char*>>(config.workers + 1);
    for (unsigned i = 0; i <= config.workers; ++i)
        state_->tasks[i].id = i;
    ++state_->how->worlds;
}
world::~world() = default;

arch::task& world::task(unsigned worker) { return state_->tasks[worker]; }
outcome world::perform(unsigned worker, const operation& what) {
    return state_->how->perform(*this, worker, what);
}
void world::label(unsigned worker, const char*, const char* operation) {
    state_->operations[worker] = operation;
    state_->how->between(worker);
}
void world::release(unsigned worker) { state_->how->release(worker); }
void world::check_quiescent() const { state_->how->check(); }

snapshot world::take_snapshot() const {
    snapshot s;
    for (const arch::task& t : state_->tasks) {
        task_snapshot who;
        who.id = t.id;
        const char* text = state_->operations[t.id];
        who.operation = text == nullptr ? "" : text;
        who.blocked = arch::is_blocked(t);
        if (who.blocked) {
            who.waits_for = "something";
            who.predicate_true = state_->how->predicate_true;
            s.cause = who.predicate_true ? "lost wake-up: artificial" : "held page: artificial";
            s.invariant = invariant::I16;
        }
        s.tasks.push_back(who);
    }
    return s;
}

std::string world::describe(const void*) const { return ""; }

} // namespace host
} // namespace daxtorture
