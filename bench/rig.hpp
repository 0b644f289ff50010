/// What the benchmarks of the model share: a world with its parts in the open, and the floor it is held against.
#pragma once

#include "clock.hpp"
#include "oracle/state.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace daxtorture::bench {

inline world_config config_of(unsigned files, unsigned pages, unsigned mms, unsigned workers,
                              bool ledger = true) {
    world_config c;
    c.ledger = ledger;
    c.shape = geometry::real();
    c.workers = workers;
    for (unsigned i = 0; i < files; ++i)
        c.files.push_back({"f" + std::to_string(i), fs_kind::fuse, pages});
    for (unsigned i = 0; i < mms; ++i)
        c.mms.push_back({"m" + std::to_string(i), {{i % files, 0, pages, 0}}});
    return c;
}

/// A world whose worker 0 is the calling thread.
struct rig {
    explicit rig(const world_config& config) : w(config) { act_as(0); }
    ~rig() { arch::unbind_current(); }
    void act_as(unsigned worker) { arch::bind_current(w.workers[worker].task); }

    mm_struct& mm(unsigned i = 0) { return *w.mms[i]; }
    inode& file(unsigned i = 0) { return *w.files[i]; }

    bool store(unsigned mm_number, std::uint64_t page) { return user_access(w.k, mm(mm_number), page, true); }
    /// madvise(MADV_DONTNEED).
    void zap(unsigned mm_number, std::uint64_t page, std::uint64_t pages = 1);
    void store_all(unsigned mm_number, unsigned pages) {
        for (unsigned page = 0; page < pages; ++page)
            store(mm_number, page);
    }

    world_state w;
};

/// `count` read-modify-writes and nothing else: what the same number costs when nobody contends.
inline void floor_of(benchmark::State& state, unsigned count) {
    alignas(64) static std::array<std::atomic<std::uint64_t>, 8> words{};
    for (auto _ : state)
        for (unsigned i = 0; i < count; ++i)
            words[0].fetch_add(1, std::memory_order_seq_cst);
}

} // namespace daxtorture::bench
