#include <arch/task.hpp>

#include <arch/recorder.hpp>

#include <exception>

namespace arch {
inline namespace host {

namespace detail {

task& unbound_task() noexcept {
    // The highest ids, shared by every 32nd thread: enough for set-up code and tests, workers are bound.
    static std::atomic<unsigned> next{0};
    thread_local task self(992 + next.fetch_add(1) % 32);
    return self;
}

void give_up(task& self) {
    // A destructor may pass here while round_aborted already unwinds the stack: a second one would end the program.
    if (std::uncaught_exceptions() != 0)
        return;
    self.state.store(task_state::running, order::relaxed);
    self.waiting.end();
    throw round_aborted{};
}

bool park(task& self, const std::atomic<std::uint32_t>& word, std::uint32_t expected, abort_level ends) {
    self.sleeps_on.store(&word);
    const bool sleep = self.aborted.load() < ends;
    if (sleep)
        futex_wait(word, expected);
    self.sleeps_on.store(nullptr, std::memory_order_relaxed);
    return sleep;
}

blocked_note::blocked_note(task& self, wait_kind kind, const void* object, site at)
    : self_(self), kind_(self.waiting.kind()), object_(self.waiting.object()), key_(self.waiting.key()),
      at_(self.waiting.where()) {
    self.waiting.begin(kind, object, 0, at);
    record(step::block, at.function, object);
}

blocked_note::~blocked_note() {
    record(step::resume, at_.function, nullptr);
    if (kind_ == wait_kind::none)
        self_.waiting.end();
    else
        self_.waiting.begin(kind_, object_, key_, at_);
}

namespace {

/// May the task go on? Makes it running when a signal ends an interruptible sleep.
bool may_run(task& self) {
    // acquire: pairs with the exchange of wake_up_process
    const task_state state = self.state.load(order::acquire);
    if (state == task_state::running)
        return true;
    if (state == task_state::interruptible && self.signal.load(order::acquire)) {
        self.state.store(task_state::running, order::relaxed);
        return true;
    }
    return false;
}

void sleep_noted(task& self) {
    for (unsigned turn = spin_turns(); turn > 0; --turn) {
        if (may_run(self))
            return;
        pause_cpu();
    }
    for (;;) {
        // seq_cst: either the waker's look at `parked` sees this, or may_run sees its change of the state or the signal.
        self.parked.exchange(1, std::memory_order_seq_cst);
        fence_beside_rmw();
        if (may_run(self))
            break;
        if (!park(self, self.parked, 1, abort_level::sleeps)) {
            self.parked.store(0, std::memory_order_relaxed);
            self.state.store(task_state::running, order::relaxed);
            give_up(self);
            return;
        }
    }
    self.parked.store(0, std::memory_order_relaxed);
}

void unpark(task& sleeper) {
    // seq_cst: ordered after the caller's read-modify-write of the state or the signal
    if (sleeper.parked.load(std::memory_order_seq_cst) == 0)
        return;
    if (sleeper.parked.exchange(0, std::memory_order_seq_cst) == 1) {
        futex_wake(sleeper.parked, 1);
        record(step::clock, ""); // a system call later
    }
}

} // namespace

void sleep_until_running(task& self, site at) {
    preemption_point();
    if (self.waiting.kind() != wait_kind::none) {
        record(step::block, self.waiting.where().function, self.waiting.object());
        sleep_noted(self);
        record(step::resume, self.waiting.where().function);
        return;
    }
    blocked_note note(self, wait_kind::sleep, nullptr, at);
    sleep_noted(self);
}

} // namespace detail

bool wake_up_process(task& sleeper, site at) {
    // full: what the waker did before is visible to the task that runs again
    if (sleeper.state.exchange(task_state::running, order::full) == task_state::running)
        return false;
    record(step::wake, at.function, nullptr, 0, static_cast<std::int32_t>(sleeper.id));
    detail::unpark(sleeper);
    return true;
}

void send_signal(task& receiver, site) {
    // full: the receiver sets its state and then looks at the signal, here the other way round
    receiver.signal.exchange(true, order::full);
    task_state seen = task_state::interruptible;
    receiver.state.compare_exchange(seen, task_state::running, order::full);
    // Also when the state was not yet seen: the sleeper then finds the signal when it wakes.
    detail::unpark(receiver);
}

void abort_task(task& victim, abort_level level) {
    victim.aborted.store(level);
    if (const std::atomic<std::uint32_t>* word = victim.sleeps_on.load())
        futex_wake(*word, wake_all);
}

bool is_blocked(const task& self) {
    return self.waiting.kind() != wait_kind::none || self.state.peek() != task_state::running;
}

} // namespace host
} // namespace arch
