/// xarray: ours and Linux's own, loaded from a shared object, in the same loops. OURS/xarray_<what>, LINUX/xarray_<what>.
#include "array.hpp"

#include "xarray/xarray.hpp"

#include <arch/task.hpp>

#include <atomic>
#include <dlfcn.h>
#include <span>
#include <thread>

#include <benchmark/benchmark.h>

namespace daxtorture::bench {
namespace {

constexpr arch::lock_class lock_type{"xa_lock", 1};

struct our_array {
    arch::rcu_domain rcu{arch::grace_periods::rare};
    xarray array{{6, xa_nodes_needed(6, array_entries), &lock_type, &rcu}};
};

std::uint64_t store_order(xarray& xa, std::uint64_t index, unsigned order, std::uint64_t entry) {
    xa_state xas(xa, index, order);
    std::uint64_t old = 0;
    do {
        const arch::guard held(xa.xa_lock);
        old = xas_store(xas, entry);
    } while (xas_nomem(xas));
    return old;
}

// bound once per thread, as the engines do
thread_local arch::task tasks_of_thread;
void enter(unsigned thread) {
    tasks_of_thread.id = thread;
    arch::bind_current(tasks_of_thread);
}
void leave() { arch::unbind_current(); }

void* create(array_operation what) {
    auto* made = new our_array;
    xarray& xa = made->array;
    const bool multi = what == array_multi_order;
    for (unsigned i = 0; i < array_entries; i += multi ? 16 : 1)
        store_order(xa, i, multi ? 4 : 0, xa_mk_value(i));
    if (what == array_marked) {
        const arch::guard held(xa.xa_lock);
        for (unsigned i = 0; i < array_entries; i += 16) {
            xa_state xas(xa, i);
            xas_load(xas);
            xas_set_mark(xas, xa_mark_0);
        }
    }
    return made;
}
void destroy(void* array) {
    auto* made = static_cast<our_array*>(array);
    xa_destroy(made->array);
    made->rcu.barrier();
    delete made;
}

std::uint64_t run(void* array, array_operation what, std::uint64_t count, std::uint32_t* seed) {
    our_array& mine = *static_cast<our_array*>(array);
    xarray& xa = mine.array;
    std::uint64_t sum = 0;
    std::uint64_t i = 0;
    switch (what) {
    case array_load:
        for (; i < count; ++i)
            sum += xa_load(xa, array_next(seed));
        break;
    case array_overwrite:
        for (; i < count; ++i)
            sum += xa_store(xa, array_next(seed), xa_mk_value(i));
        break;
    case array_erase_store:
        for (; i < count; ++i) {
            const std::uint32_t at = array_next(seed);
            sum += xa_erase(xa, at);
            sum += xa_store(xa, at, xa_mk_value(i));
        }
        break;
    case array_marked:
        while (i < count) {
            const arch::rcu_read_guard reading(mine.rcu);
            xa_state xas(xa, 0);
            xas_for_each_marked(xas, ~std::uint64_t{0}, xa_mark_0, [&](std::uint64_t entry) {
                sum += entry;
                ++i;
            });
        }
        break;
    default:
        for (; i < count; ++i)
            sum += store_order(xa, array_next(seed) & ~15U, 4, xa_mk_value(i));
    }
    keep(sum);
    return i;
}

constexpr array_side ours{create, destroy, enter, leave, run};

void measure(benchmark::State& state, const array_side& side, array_operation what) {
    std::thread([] {}).join(); // before the first thread glibc's locks are cheaper
    side.enter(0);
    void* array = side.create(what);
    std::uint32_t seed = 1;
    std::uint64_t done = 0;
    // As many per turn as the loop's own cost vanishes in.
    for (auto _ : state)
        done += side.run(array, what, 1024, &seed);
    state.counters["per_turn"] = static_cast<double>(done) / static_cast<double>(state.iterations());
    side.destroy(array);
    side.leave();
}

/// `what` on this thread, while another thread does `beside` on the same array.
void measure_beside(benchmark::State& state, const array_side& side, array_operation what,
                    array_operation beside) {
    side.enter(0);
    void* array = side.create(what);
    std::atomic<bool> stop{false};
    std::atomic<bool> started{false};
    std::thread other([&] {
        side.enter(1);
        std::uint32_t seed = 77;
        while (!stop.load(std::memory_order_relaxed)) {
            side.run(array, beside, 256, &seed);
            started.store(true, std::memory_order_relaxed);
        }
        side.leave();
    });
    while (!started.load(std::memory_order_relaxed))
        std::this_thread::yield();
    std::uint32_t seed = 1;
    std::uint64_t done = 0;
    for (auto _ : state)
        done += side.run(array, what, 1024, &seed);
    state.counters["per_turn"] = static_cast<double>(done) / static_cast<double>(state.iterations());
    stop.store(true, std::memory_order_relaxed);
    other.join();
    side.destroy(array);
    side.leave();
}

struct named {
    array_operation what;
    const char* name;
};
constexpr named single[] = {{array_load, "load"},
                            {array_overwrite, "overwrite"},
                            {array_erase_store, "erase_store"},
                            {array_marked, "marked"},
                            {array_multi_order, "multi_order"}};

void add_single(const std::string& prefix, const array_side& side, std::span<const named> operations) {
    for (const named& one : operations)
        benchmark::RegisterBenchmark((prefix + "/xarray_" + one.name).c_str(),
                                     [&side, one](benchmark::State& s) { measure(s, side, one.what); });
}

void add(const std::string& prefix, const array_side& side) {
    add_single(prefix, side, single);
    benchmark::RegisterBenchmark(
        (prefix + "/xarray_reader_beside_writer").c_str(),
        [&side](benchmark::State& s) { measure_beside(s, side, array_load, array_overwrite); });
    benchmark::RegisterBenchmark(
        (prefix + "/xarray_writer_beside_reader").c_str(),
        [&side](benchmark::State& s) { measure_beside(s, side, array_overwrite, array_load); });
}

} // namespace

void add_arrays(const char* linux_library) {
    add("MODEL", ours);
    add_single("FLOOR", bare_array_side, std::span(single).first(3));
    if (linux_library == nullptr)
        return;
    void* library = dlopen(linux_library, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        std::exit(2);
    }
    const auto get = reinterpret_cast<const array_side* (*)()>(dlsym(library, "linux_array"));
    add("LINUX", *get());
}

} // namespace daxtorture::bench
