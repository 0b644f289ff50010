/// The steps of break-vs-pin as somebody would write them by hand for Relacy: the yardstick of the checker's speed.
///
/// One file, one address space, page 0 mapped. The same locks in the same order, the same atomic accesses, TLB flushes and RCU
/// sections as a reader word per thread, an idle waiter under a mutex and a condition variable. No rules, no oracle, no reports.
///
/// usage: bench-relacy-reference THREADS EXECUTIONS
/// prints: THREADS EXECUTIONS SECONDS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <vector>

#include <relacy/relacy.hpp>

namespace {

constexpr auto relaxed = rl::mo_relaxed;
constexpr auto acquire = rl::mo_acquire;
constexpr auto release = rl::mo_release;
constexpr auto acq_rel = rl::mo_acq_rel;

constexpr unsigned pages = 2;
constexpr int pin_bias = 1024;

void fence() { rl::atomic_thread_fence(rl::mo_seq_cst, $); }

struct page {
    rl::atomic<int> refcount;
    rl::atomic<int> mapcount;
    rl::atomic<int> owner;
    rl::atomic<int> contents;
};

template <int Threads> struct break_vs_pin : rl::test_suite<break_vs_pin<Threads>, Threads> {
    page mem[pages];
    rl::atomic<unsigned> pte[pages];
    rl::atomic<unsigned> entries[pages];
    rl::atomic<unsigned> head, slots;
    rl::atomic<int> areas, gathers, size, waiting;
    rl::atomic<int> tlb[Threads];
    rl::atomic<int> rcu[Threads];
    rl::var<bool> mapped;
    rl::var<int> blocks[pages];
    rl::mutex i_rwsem, invalidate, mmap_lock, i_mmap, ptl, xa_lock, ilock, block_lock, queue_lock;
    rl::condition_variable queue;

    void before() {
        for (unsigned i = 0; i < pages; ++i) {
            mem[i].refcount($).store(i == 0, relaxed);
            mem[i].mapcount($).store(i == 0, relaxed);
            mem[i].owner($).store(1, relaxed);
            mem[i].contents($).store(0, relaxed);
            pte[i]($).store(i == 0 ? 7 : 0, relaxed);
            entries[i]($).store(i == 0 ? 3 : 0, relaxed);
            blocks[i]($) = static_cast<int>(i);
        }
        for (auto* word : {&areas, &size})
            (*word)($).store(1, relaxed);
        for (auto* word : {&gathers, &waiting})
            (*word)($).store(0, relaxed);
        head($).store(1, relaxed);
        slots($).store(1, relaxed);
        for (int t = 0; t < Threads; ++t) {
            tlb[t]($).store(0, relaxed);
            rcu[t]($).store(0, relaxed);
        }
        mapped($) = true;
    }

    void thread(unsigned me) {
        switch (me) {
        case 1:
            return truncater();
        case 2:
            return unmapper();
        default:
            return pinner(me);
        }
    }

    void put(page& f, int refs) {
        fence();
        const int left = f.refcount($).fetch_sub(refs, acq_rel) - refs;
        fence();
        RL_ASSERT(left >= 0);
        if (left == 0 && waiting($).load(relaxed) != 0) {
            queue_lock.lock($);
            waiting($).store(0, relaxed);
            queue.notify_all($);
            queue_lock.unlock($);
        }
    }

    void pinner(unsigned me) {
        rcu[me]($).store(1, relaxed);
        fence();
        const unsigned seen = pte[0]($).load(acquire);
        bool pinned = false;
        page& f = mem[0];
        if (seen != 0) {
            int count = f.refcount($).load(relaxed);
            while (count != 0 && !pinned) {
                fence();
                pinned = f.refcount($).compare_exchange_strong(count, count + 1, acq_rel);
                fence();
            }
            if (pinned) {
                f.refcount($).fetch_add(pin_bias - 1, relaxed);
                fence();
                if (pte[0]($).load(acquire) != seen) {
                    put(f, pin_bias);
                    pinned = false;
                }
            }
        }
        rcu[me]($).store(0, release);
        if (!pinned)
            return;
        f.contents($).store(2, relaxed);
        put(f, pin_bias);
    }

    void flush() {
        fence();
        for (int t = 0; t < Threads; ++t) {
            rl::backoff wait;
            while (tlb[t]($).load(acquire) != 0)
                wait.yield($);
        }
        fence();
    }

    void zap() {
        gathers($).fetch_add(1, relaxed);
        page* gathered[pages];
        unsigned count = 0;
        ptl.lock($);
        for (unsigned i = 0; i < pages; ++i) {
            if (pte[i]($).load(acquire) == 0)
                continue;
            pte[i]($).exchange(0, relaxed);
            flush(); // dirty
            const int maps = mem[i].mapcount($).fetch_sub(1, relaxed);
            RL_ASSERT(maps > 0);
            gathered[count++] = &mem[i];
        }
        ptl.unlock($);
        if (gathers($).load(relaxed) > 1)
            flush();
        for (unsigned i = 0; i < count; ++i)
            put(*gathered[i], 1);
        gathers($).fetch_sub(1, relaxed);
    }

    void unmapper() {
        mmap_lock.lock($);
        if (mapped($)) {
            mapped($) = false;
            zap();
            i_mmap.lock($);
            areas($).store(0, relaxed);
            i_mmap.unlock($);
        }
        mmap_lock.unlock($);
    }

    void unmap_file() {
        i_mmap.lock($);
        if (areas($).load(relaxed) != 0)
            zap();
        i_mmap.unlock($);
    }

    /// Every entry, with the walk to it: head, slot of the root, slot of the leaf.
    template <class F> void for_each_entry(F fn) {
        xa_lock.lock($);
        if (head($).load(acquire) != 0) {
            slots($).load(acquire);
            for (unsigned i = 0; i < pages; ++i)
                if (entries[i]($).load(acquire) != 0 && !fn(i))
                    break;
        }
        xa_lock.unlock($);
    }

    void remove_entries() {
        for_each_entry([&](unsigned i) {
            mem[i].owner($).load(relaxed);
            mem[i].owner($).store(0, relaxed);
            entries[i]($).store(0, release);
            waiting($).load(relaxed); // the entry's queue
            return true;
        });
    }

    void break_layout() {
        for (;;) {
            unmap_file();
            page* busy = nullptr;
            for_each_entry([&](unsigned i) {
                const int refs = mem[i].refcount($).load(relaxed);
                if (refs - mem[i].mapcount($).load(relaxed) != 0)
                    busy = &mem[i];
                waiting($).load(relaxed); // the entry's queue
                return busy == nullptr;
            });
            if (busy == nullptr)
                break;
            queue_lock.lock($);
            waiting($).store(1, relaxed);
            fence();
            if (busy->refcount($).load(relaxed) != 0) {
                invalidate.unlock($);
                queue.wait(queue_lock, $);
                queue_lock.unlock($);
                invalidate.lock($);
            } else {
                waiting($).store(0, relaxed);
                queue_lock.unlock($);
            }
        }
        remove_entries();
    }

    void truncater() {
        i_rwsem.lock($);
        invalidate.lock($);
        break_layout();
        size($).store(0, relaxed);
        unmap_file();
        remove_entries();
        ilock.lock($);
        for (unsigned i = 0; i < pages; ++i) {
            RL_ASSERT(mem[i].mapcount($).load(relaxed) == 0);
            block_lock.lock($);
            blocks[i]($) = -1;
            block_lock.unlock($);
        }
        ilock.unlock($);
        invalidate.unlock($);
        i_rwsem.unlock($);

        i_rwsem.lock($);
        invalidate.lock($);
        i_mmap.lock($);
        i_mmap.unlock($);
        ilock.lock($);
        for (unsigned i = 0; i < pages; ++i) {
            block_lock.lock($);
            blocks[i]($) = static_cast<int>(i);
            block_lock.unlock($);
            unmap_file();
            remove_entries();
        }
        size($).store(pages, relaxed);
        ilock.unlock($);
        invalidate.unlock($);
        i_rwsem.unlock($);
    }
};

template <int Threads> int run(unsigned long executions) {
    rl::test_params with;
    with.search_type = rl::random_scheduler_type;
    with.iteration_count = static_cast<rl::iteration_t>(executions);
    rl::ostringstream quiet;
    with.output_stream = &quiet;
    with.progress_stream = &quiet;
    const auto from = std::chrono::steady_clock::now();
    const bool passed = rl::simulate<break_vs_pin<Threads>>(with);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
    if (!passed) {
        std::fprintf(stderr, "the reference failed: %s\n", rl::test_result_str(with.test_result));
        return 1;
    }
    std::printf("%d %lu %f\n", Threads, executions, took.count());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const unsigned long executions = std::strtoul(argv[2], nullptr, 10);
    switch (std::atoi(argv[1])) {
    case 2:
        return run<2>(executions);
    case 3:
        return run<3>(executions);
    case 4:
        return run<4>(executions);
    }
    return 2;
}
