#include "relacy_machine.hpp"

#include "events.hpp"
#include "region.hpp"

#include <cstring>
#include <stdexcept>

namespace daxtorture {

extern template std::unique_ptr<simulation> make_simulation<1>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<2>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<3>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<4>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<5>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<6>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<7>(relacy_machine&);
extern template std::unique_ptr<simulation> make_simulation<8>(relacy_machine&);

namespace {

constexpr std::uint64_t stack_mark = 0x6b636174736c6f77u;

std::unique_ptr<simulation> simulation_of(relacy_machine& host, unsigned threads) {
    using make = std::unique_ptr<simulation> (*)(relacy_machine&);
    constexpr std::array<make, max_threads> of_threads{
        make_simulation<1>, make_simulation<2>, make_simulation<3>, make_simulation<4>,
        make_simulation<5>, make_simulation<6>, make_simulation<7>, make_simulation<8>};
    if (threads < 1 || threads > max_threads)
        throw std::invalid_argument("the checker runs 1 to " + std::to_string(max_threads) + " threads");
    return of_threads[threads - 1](host);
}

arch::order order_named(const std::string& text) {
    for (const arch::order one : {arch::order::relaxed, arch::order::acquire, arch::order::release,
                                  arch::order::acq_rel, arch::order::full})
        if (text == arch::name(one))
            return one;
    throw std::invalid_argument("no memory order '" + text + "'");
}

bool starts_with(const std::string& text, const char* head) { return text.rfind(head, 0) == 0; }

/// Its strings may lie in the execution's region: to assign to them would keep their memory.
void forget_violation(simulated::found_violation& violation) {
    std::destroy_at(&violation);
    std::construct_at(&violation);
}

} // namespace

relacy_machine::relacy_machine(body& runs) : body_(runs) {
    if (simulated::state.host != nullptr)
        throw std::logic_error("one simulated machine at a time");
    simulated::state = {};
    simulated::state.threads = body_.threads();
    simulation_ = simulation_of(*this, body_.threads());
    execution_memory.forget();
}

relacy_machine::relacy_machine(std::unique_ptr<body> runs) : relacy_machine(*runs) {
    owned_ = std::move(runs);
}

relacy_machine::~relacy_machine() {
    simulation_.reset();
    for (const fibre& one : fibres_)
        if (one.thread != nullptr)
            std::free(one.stack);
    simulated::state.schedule = nullptr;
}

void relacy_machine::configure(const machine_options& options) {
    options_ = options;
    simulated::machine_state& s = simulated::state;
    s.memory = static_cast<simulated::memory_class>(options.memory);
    s.recording = options.record;
    s.orders = {};
    s.orders.collecting = options.collect_orders;
    if (options.weaken != nullptr) {
        s.orders.weakening = true;
        s.orders.file = options.weaken->file;
        s.orders.line = options.weaken->line;
        s.orders.kind = options.weaken->kind;
        s.orders.weaker = order_named(options.weaken->order);
    }
    s.probing_orders = options.collect_orders || options.weaken != nullptr;
}

std::vector<met_order> relacy_machine::orders_met() const {
    std::vector<met_order> met;
    for (const simulated::order_site& one : simulated::state.orders.seen)
        met.push_back({path_below_root(one.at.file), one.at.function, one.at.line, one.kind,
                       arch::name(one.as_written)});
    return met;
}

void relacy_machine::begin(turns& decides, execution& told) {
    turns_ = &decides;
    told_ = &told;
    if (told.found.kind != failure_kind::none)
        told.found = {};
    told.outcome = 0;
    told.events.clear();
    ending_ = ending::abandoned;
    failing_ = stopped_ = setting_up_ = false;
    told.blocked.reset();
    announced_ = {};
    simulated::machine_state& s = simulated::state;
    s.special = true;
    s.special_spins = 0;
    s.stored = false;
    s.schedule = &decides.log();
    s.tracking = false;
    s.touches.clear();
    s.steps_read = 0;
    s.events.clear();
    std::fill(std::begin(s.operation), std::end(s.operation), -1);
    std::fill(std::begin(s.steps), std::end(s.steps), 0u);
    s.watching = false;
    s.shared = 0;
    decides.start(s.steps, s.operation, announced_.data());
}

ending relacy_machine::run(turns& decides, execution& told) {
    begin(decides, told);
    simulation_->run();
    if (ending_ != ending::completed) {
        reset_fibres();
        simulation_->reset();
        body_.abandon();
        forget_violation(simulated::state.violation);
    }
    return ending_;
}

/// The set-up takes its memory from the region, unless events are recorded, which outlive it.
void relacy_machine::set_up() {
    meet_fibre(simulated::self());
    if (stopped_)
        rl::ctx().rl_until("", {}); // leaves the execution
    if (!options_.record)
        execution_memory.open();
    setting_up_ = true;
    body_.set_up();
    setting_up_ = false;
    if (!options_.record && !execution_memory.close() && turns_->watched())
        simulated::stop(rl::test_result_inconsistent_test_suite,
                        "set-up takes other memory than the last time", {});
    simulated::state.special = false;
    simulated::state.tracking = turns_->noting();
}

void relacy_machine::thread(unsigned number) {
    meet_fibre(simulated::self());
    body_.thread(number);
}

void relacy_machine::finish() {
    if (turns_->watched())
        note_step();
    turns_->end();
    simulated::state.special = true;
    simulated::state.tracking = false;
    for (const fibre& one : fibres_)
        if (one.thread != nullptr && std::memcmp(one.stack, &stack_mark, sizeof stack_mark) != 0)
            simulated::stop(rl::test_result_inconsistent_test_suite, "a fibre used up its stack", {});
    if (told_->wants_outcome)
        told_->outcome = body_.outcome_hash();
    if (options_.record) // while what they name still stands
        told_->events = name_events(body_);
    body_.finish();
    if (told_->counts)
        body_.count();
    ending_ = ending::completed;
}

/// Nothing has left the fibre since it began: what Relacy remembers of it is its beginning.
void relacy_machine::meet_fibre(rl::thread_info_base& thread) {
    fibre& mine = fibres_[thread.index_];
    if (mine.thread != nullptr)
        return;
    mine.thread = &thread;
    std::memcpy(&mine.fresh, &thread.fiber_.jmp, sizeof mine.fresh);
    mine.stack = thread.fiber_.fib.uc_stack.ss_sp;
    std::memcpy(mine.stack, &stack_mark, sizeof stack_mark);
}

void relacy_machine::reset_fibres() {
    for (const fibre& one : fibres_)
        if (one.thread != nullptr)
            std::memcpy(&one.thread->fiber_.jmp, &one.fresh, sizeof one.fresh);
}

unsigned relacy_machine::next_watched(unsigned current, bool yielding) {
    note_step();
    const unsigned chosen = turns_->next(current, yielding);
    simulated::state.tracking = !simulated::state.special && turns_->noting();
    return chosen;
}

/// The step ends here: what it touched.
void relacy_machine::note_step() {
    simulated::machine_state& s = simulated::state;
    footprint& did = turns_->this_step();
    for (const simulated::touched& one : s.touches)
        did.add(reinterpret_cast<std::uintptr_t>(one.object), one.written);
    did.steps_of = s.steps_read;
    s.touches.clear();
    s.steps_read = 0;
}

void relacy_machine::failed(rl::test_result_e kind, const char* text, rl::debug_info_param at) {
    if (failing_)
        return; // the checks of a failure met another one
    failing_ = true;
    static_cast<void>(execution_memory.close());
    simulated::machine_state& s = simulated::state;
    s.tracking = false;
    s.special = true; // whatever the snapshot reads, it reads without the simulation
    ending_ = kind == rl::test_result_livelock ? ending::endless : ending::failed;
    name_failure(kind, text, at);
    if (options_.record)
        told_->events = name_events(body_);
}

bool relacy_machine::setup_is_blocked(const snapshot& state) {
    if (!setting_up_)
        return false;
    for (const task_snapshot& task : state.tasks)
        if (task.blocked)
            told_->blocked = {static_cast<unsigned>(simulated::state.operation[simulated::max_threads]),
                              task.waits_for};
    return told_->blocked.has_value();
}

void relacy_machine::name_failure(rl::test_result_e kind, const char* text, rl::debug_info_param at) {
    failure& f = told_->found;
    const simulated::found_violation& violation = simulated::state.violation;
    f.state = body_.take_snapshot();
    if (kind == rl::test_result_inconsistent_test_suite && setup_is_blocked(f.state))
        return;
    f.invariant = violation.invariant;
    f.cause = violation.cause;
    f.detail = violation.detail;
    switch (kind) {
    case rl::test_result_user_assert_failed:
        f.kind = starts_with(f.cause, "leaked reference") ? failure_kind::leak : failure_kind::invariant;
        break;
    case rl::test_result_data_race:
        f.kind = failure_kind::data_race;
        break;
    case rl::test_result_access_to_freed_memory:
        f.kind = failure_kind::invariant;
        f.cause = "use after free";
        f.detail = std::string(text) + " in " + at.func_;
        break;
    case rl::test_result_deadlock:
        f.kind = failure_kind::deadlock;
        f.invariant = f.state.invariant;
        f.cause = f.state.cause.empty() ? "every task sleeps" : f.state.cause;
        break;
    case rl::test_result_livelock: // the search knows the rest
        f.kind = failure_kind::livelock;
        break;
    default:
        f.kind = failure_kind::tool;
        f.cause = text != nullptr && text[0] != 0 ? text : rl::test_result_str(kind);
        break;
    }
}

std::unique_ptr<machine> make_machine(body& runs) { return std::make_unique<relacy_machine>(runs); }

} // namespace daxtorture
