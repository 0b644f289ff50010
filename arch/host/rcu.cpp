#include <arch/membarrier.hpp>
#include <arch/rcu.hpp>

#include <algorithm>
#include <cassert>
#include <memory>

namespace arch {
inline namespace host {

rcu_domain::rcu_domain(grace_periods how_often)
    : waiter_fences_(how_often == grace_periods::rare && fences_for_others()) {}

rcu_domain::~rcu_domain() {
    for (std::atomic<chunk*>& part : chunks_)
        delete part.load(std::memory_order_relaxed);
}

rcu_domain::chunk* rcu_domain::add_chunk(unsigned id) noexcept {
    assert(id < tasks_max);
    const unsigned index = id / chunk_size;
    auto fresh = std::make_unique<chunk>();
    chunk* present = nullptr;
    if (!chunks_[index].compare_exchange_strong(present, fresh.get(), std::memory_order_acq_rel,
                                                std::memory_order_acquire))
        return present;
    unsigned used = chunks_used_.load(std::memory_order_relaxed);
    // seq_cst: before this task's first read section, which a later synchronize must find
    while (used < index + 1 &&
           !chunks_used_.compare_exchange_weak(used, index + 1, std::memory_order_seq_cst)) {
    }
    return fresh.release();
}

void rcu_domain::wait_for_readers(site at) {
    task& self = current();
    if (waiter_fences_)
        fence_everybody();
    else
        smp_mb();
    const unsigned used = chunks_used_.load(std::memory_order_seq_cst);
    for (unsigned i = 0; i < used; ++i) {
        chunk* part = chunks_[i].load(std::memory_order_acquire);
        if (part == nullptr)
            continue;
        for (reader& r : *part) {
#if ARCH_TSAN
            // A read-modify-write, so that ThreadSanitizer sees later sections ordered after this grace period.
            const auto look = [&r] { return r.word.fetch_add(0, std::memory_order_acq_rel); };
#else
            const auto look = [&r] { return r.word.load(std::memory_order_seq_cst); };
#endif
            const std::uint64_t seen = look();
            if (seen % 2 == 0)
                continue;
            detail::blocked_note note(self, wait_kind::grace_period, this, at);
            for (unsigned turn = 0; look() == seen; ++turn) {
                if (turn < spin_turns()) {
                    pause_cpu();
                    continue;
                }
                if (self.aborted.load(std::memory_order_relaxed) == abort_level::waits) {
                    detail::give_up(self);
                    return;
                }
                // The readers wake nobody: look again soon, and less often the longer it takes.
                static const std::atomic<std::uint32_t> never_woken{0};
                futex_wait(never_woken, 0, std::min(turn - spin_turns() + 1, 1000U));
            }
        }
    }
    smp_mb();
}

bool rcu_domain::may_run_callbacks() { return current().held.depth() == 0 && mine().nesting == 0; }

void rcu_domain::run(rcu_head* list) {
    while (list != nullptr) {
        rcu_head* next = list->next; // the callback may free its head
        list->function(*list);
        list = next;
    }
}

void rcu_domain::synchronize(site at) {
    // relaxed: only a hint; whoever must see a callback calls barrier
    if (callbacks_.load(std::memory_order_relaxed) == nullptr || !may_run_callbacks())
        wait_for_readers(at);
    else
        wait_and_run(at);
}

void rcu_domain::wait_and_run(site at) {
    running_.fetch_add(1, std::memory_order_seq_cst);
    rcu_head* mine_to_run = callbacks_.exchange(nullptr, std::memory_order_acq_rel);
    queued_.store(0, std::memory_order_relaxed);
    try {
        wait_for_readers(at);
    } catch (...) {
        running_.fetch_sub(1, std::memory_order_release);
        throw;
    }
    run(mine_to_run);
    running_.fetch_sub(1, std::memory_order_release);
}

void rcu_domain::call(rcu_head& head, void (*function)(rcu_head&), callback_moment, site at) {
    head.function = function;
    head.next = callbacks_.load(std::memory_order_relaxed);
    // release: whoever takes the list sees the head. Nothing is taken singly, so there is no ABA.
    while (!callbacks_.compare_exchange_weak(head.next, &head, std::memory_order_release,
                                             std::memory_order_relaxed)) {
    }
    if (queued_.fetch_add(1, std::memory_order_relaxed) + 1 >= batch && may_run_callbacks())
        synchronize(at);
}

void rcu_domain::barrier(site at) {
    wait_and_run(at);
    // Callbacks queued before may have been taken by another thread: wait until nobody has any under way.
    detail::blocked_note note(current(), wait_kind::grace_period, this, at);
    while (running_.load(std::memory_order_seq_cst) != 0)
        cpu_relax(at);
}

} // namespace host
} // namespace arch
