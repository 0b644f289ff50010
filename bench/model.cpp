/// The model's operations, each named MODEL/<operation>; FLOOR/<operation> is as many read-modify-writes as it makes.
/// How many those are is counted by hand from the steps: lock and unlock are one each, a flush two.
#include "rig.hpp"

#include "mm/zap.hpp"

#include <arch/recorder.hpp>

#include <chrono>
#include <memory>
#include <thread>

namespace daxtorture::bench {

void rig::zap(unsigned mm_number, std::uint64_t page, std::uint64_t pages) {
    mm_struct& target = mm(mm_number);
    arch::read_guard held(target.mmap_lock);
    vm_area* area = target.find_vma(page);
    mmu_gather gather(w.k, target);
    zap_page_range(w.k, gather, *area, page, page + pages, private_copies::unmap);
    gather.finish();
}

namespace {

template <bool Ledger> void fault_zap(benchmark::State& state) {
    rig r(config_of(1, 64, 1, 1, Ledger));
    std::uint64_t page = 0;
    for (auto _ : state) {
        r.store(0, page);
        r.zap(0, page);
        page = (page + 1) % 64;
    }
}
BENCHMARK(fault_zap<true>)->Name("MODEL/fault_zap");
BENCHMARK(fault_zap<false>)->Name("MODEL/fault_zap_no_ledger");
/// One PMD entry for 512 pages. The file's folio stays as it was built: a large folio goes with its entry, not with its mapping.
void fault_zap_pmd(benchmark::State& state) {
    world_config config = config_of(1, 512, 1, 1);
    config.files[0].huge = true;
    rig r(config);
    for (auto _ : state) {
        r.store(0, 0);
        if (!r.mm().table.peek_pmd(0).leaf())
            state.SkipWithError("the fault fell back to a PTE");
        r.zap(0, 0, 512);
    }
}
BENCHMARK(fault_zap_pmd)->Name("MODEL/fault_zap_pmd");
void fault_zap_floor(benchmark::State& state) { floor_of(state, 31); }
BENCHMARK(fault_zap_floor)->Name("FLOOR/fault_zap");

void mmap_store_munmap(benchmark::State& state) {
    rig r(config_of(1, 1, 1, 1));
    do_munmap(r.w.k, r.mm());
    for (auto _ : state) {
        do_mmap(r.mm(), file_may_map);
        r.store(0, 0);
        do_munmap(r.w.k, r.mm());
    }
}
BENCHMARK(mmap_store_munmap)->Name("MODEL/mmap_store_munmap");

template <bool Ledger> void pin_unpin(benchmark::State& state) {
    rig r(config_of(1, 64, 1, 1, Ledger));
    r.store_all(0, 64);
    held_page held[1];
    std::uint64_t page = 0;
    for (auto _ : state) {
        gup_put(r.w.k, held, gup_fast(r.w.k, r.mm(), page, page + 1, gup_kind::pin, held));
        page = (page + 1) % 64;
    }
}
BENCHMARK(pin_unpin<true>)->Name("MODEL/pin_unpin");
BENCHMARK(pin_unpin<false>)->Name("MODEL/pin_unpin_no_ledger");
void pin_unpin_floor(benchmark::State& state) { floor_of(state, 3); }
BENCHMARK(pin_unpin_floor)->Name("FLOOR/pin_unpin");

/// What the stress engine adds to an operation while its recorder is on.
struct recorded_operation {
    explicit recorded_operation(const char* text) : text_(text) { arch::record(arch::step::begin, text); }
    ~recorded_operation() { arch::record(arch::step::end, text_); }
    recorded_operation(const recorded_operation&) = delete;
    recorded_operation& operator=(const recorded_operation&) = delete;

  private:
    const char* const text_;
};

struct recording {
    recording() : ring_(std::make_unique<arch::flight_ring>()) { arch::record_into(ring_.get()); }
    ~recording() { arch::record_into(nullptr); }
    recording(const recording&) = delete;
    recording& operator=(const recording&) = delete;

  private:
    const std::unique_ptr<arch::flight_ring> ring_;
};

void pin_unpin_recorded(benchmark::State& state) {
    rig r(config_of(1, 64, 1, 1));
    r.store_all(0, 64);
    const recording on;
    std::uint64_t page = 0;
    for (auto _ : state) {
        held_page held[1];
        unsigned count = 0;
        {
            const recorded_operation pin("pin");
            count = gup_fast(r.w.k, r.mm(), page, page + 1, gup_kind::pin, held);
        }
        const recorded_operation unpin("unpin");
        gup_put(r.w.k, held, count);
        page = (page + 1) % 64;
    }
}
BENCHMARK(pin_unpin_recorded)->Name("MODEL/pin_unpin_recorded");

void fault_zap_recorded(benchmark::State& state) {
    rig r(config_of(1, 64, 1, 1));
    const recording on;
    std::uint64_t page = 0;
    for (auto _ : state) {
        {
            const recorded_operation store("store");
            r.store(0, page);
        }
        const recorded_operation zap("zap");
        r.zap(0, page);
        page = (page + 1) % 64;
    }
}
BENCHMARK(fault_zap_recorded)->Name("MODEL/fault_zap_recorded");

/// Breaks the layout of 512 pages that are mapped and not held, as fallocate does before it frees them.
void break_512(benchmark::State& state) {
    constexpr unsigned pages = 512;
    rig r(config_of(1, pages, 1, 1));
    for (auto _ : state) {
        r.store_all(0, pages);
        const double from = thread_seconds();
        file_break(r.w.k, r.file(), false);
        state.SetIterationTime(thread_seconds() - from);
    }
}
BENCHMARK(break_512)->Name("MODEL/break_512")->UseManualTime();

void put_without_waiter(benchmark::State& state) {
    rig r(config_of(1, 1, 1, 1));
    folio& f = r.w.k.mem[0];
    for (auto _ : state) {
        folio_get(f);
        folio_put(r.w.k, f); // makes the page idle: looks for waiters
    }
}
BENCHMARK(put_without_waiter)->Name("MODEL/last_put_without_waiter");

// --- two workers ---------------------------------------------------------------------------------------------------

/// Each worker on pages, and with `own` on an mm and a file of its own; the work of both, per operation.
template <bool Own> void spread(benchmark::State& state) {
    static std::unique_ptr<rig> shared;
    const unsigned me = static_cast<unsigned>(state.thread_index());
    const unsigned threads = static_cast<unsigned>(state.threads());
    constexpr unsigned pages = 256;
    if (me == 0)
        shared = std::make_unique<rig>(config_of(Own ? threads : 1, pages, Own ? threads : 1, threads));
    const unsigned mm = Own ? me : 0;
    const unsigned first = Own ? 0 : me * pages / threads;
    const unsigned count = Own ? pages : pages / threads;
    unsigned page = 0;
    bool bound = false;
    for (auto _ : state) {
        if (!bound) {
            shared->act_as(me);
            bound = true;
        }
        shared->store(mm, first + page);
        shared->zap(mm, first + page);
        page = (page + 1) % count;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
    arch::unbind_current();
    if (me == 0 && threads == 1)
        shared.reset();
}
BENCHMARK(spread<true>)->Name("MODEL/spread_own_mm")->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(spread<false>)->Name("MODEL/spread_one_mm")->Threads(1)->Threads(2)->UseRealTime();

/// get and put of one folio by all workers; beside it, two read-modify-writes of one word.
void one_folio(benchmark::State& state) {
    static std::unique_ptr<rig> shared;
    const unsigned me = static_cast<unsigned>(state.thread_index());
    if (me == 0) {
        shared = std::make_unique<rig>(config_of(1, 1, 1, static_cast<unsigned>(state.threads())));
        shared->store(0, 0);
    }
    bool bound = false;
    for (auto _ : state) {
        if (!bound) {
            shared->act_as(me);
            bound = true;
        }
        folio& f = shared->w.k.mem[0];
        folio_get(f);
        folio_put(shared->w.k, f);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
    arch::unbind_current();
}
BENCHMARK(one_folio)->Name("MODEL/one_folio")->Threads(2)->UseRealTime();

alignas(64) std::atomic<int> one_word{0};
void one_line(benchmark::State& state) {
    for (auto _ : state) {
        one_word.fetch_add(1, std::memory_order_seq_cst);
        benchmark::DoNotOptimize(one_word.fetch_sub(1, std::memory_order_seq_cst));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(one_line)->Name("FLOOR/one_folio")->Threads(2)->UseRealTime();

// --- how cost grows ------------------------------------------------------------------------------------------------

std::uint32_t mixed(std::uint32_t& seed) {
    seed = seed * 1664525U + 1013904223U;
    return seed >> 4;
}

/// fault and zap of random pages of one file of so many pages.
void growth_folios(benchmark::State& state) {
    const auto pages = static_cast<unsigned>(state.range(0));
    rig r(config_of(1, pages, 1, 1));
    std::uint32_t seed = 1;
    for (auto _ : state) {
        const unsigned page = mixed(seed) % pages;
        r.store(0, page);
        r.zap(0, page);
    }
    state.counters["bytes_per_folio"] = sizeof(folio);
}
BENCHMARK(growth_folios)
    ->Name("GROWTH/folios")
    ->RangeMultiplier(10)
    ->Range(10, 10'000'000)
    ->Iterations(50'000);

void growth_files(benchmark::State& state) {
    const auto files = static_cast<unsigned>(state.range(0));
    rig r(config_of(files, 16, files, 1));
    std::uint32_t seed = 1;
    for (auto _ : state) {
        const unsigned mm = mixed(seed) % files;
        const unsigned page = mixed(seed) % 16;
        r.store(mm, page);
        r.zap(mm, page);
    }
}
BENCHMARK(growth_files)->Name("GROWTH/files")->RangeMultiplier(10)->Range(1, 10'000)->Iterations(50'000);

/// So many mms over files that 50 mms share each; a file's list of areas holds at most 64.
void growth_mms(benchmark::State& state) {
    const auto mms = static_cast<unsigned>(state.range(0));
    rig r(config_of((mms + 49) / 50, 16, mms, 1));
    std::uint32_t seed = 1;
    for (auto _ : state) {
        const unsigned mm = mixed(seed) % mms;
        const unsigned page = mixed(seed) % 16;
        r.store(mm, page);
        r.zap(mm, page);
    }
}
BENCHMARK(growth_mms)->Name("GROWTH/mms")->RangeMultiplier(10)->Range(1, 1000)->Iterations(50'000);

/// So many workers, each on an mm and a file of its own; nanoseconds per operation of all together.
void growth_workers(benchmark::State& state) {
    const auto workers = static_cast<unsigned>(state.range(0));
    constexpr unsigned turns = 20'000;
    for (auto _ : state) {
        rig r(config_of(workers, 16, workers, workers));
        std::vector<std::thread> threads;
        const auto from = std::chrono::steady_clock::now();
        for (unsigned me = 0; me < workers; ++me)
            threads.emplace_back([&r, me, workers] {
                r.act_as(me);
                for (unsigned i = 0; i < turns / workers; ++i) {
                    r.store(me, i % 16);
                    r.zap(me, i % 16);
                }
                arch::unbind_current();
            });
        for (std::thread& thread : threads)
            thread.join();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
        state.SetIterationTime(took.count() / (turns / workers * workers));
    }
}
BENCHMARK(growth_workers)
    ->Name("GROWTH/workers")
    ->RangeMultiplier(4)
    ->Range(1, 64)
    ->UseManualTime()
    ->Iterations(3);

} // namespace
} // namespace daxtorture::bench
