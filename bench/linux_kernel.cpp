/// The running kernel doing what the model models, on a memfd (tmpfs): LINUX/<operation>.
#include "clock.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <linux/futex.h>
#include <memory>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

using daxtorture::bench::thread_seconds;

namespace {

constexpr std::size_t page = 4096;

/// A memfd of so many pages, all allocated.
struct file {
    explicit file(std::size_t pages) : fd(memfd_create("bench", 0)), size(pages * page) {
        if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0 ||
            fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0)
            std::abort();
    }
    ~file() { close(fd); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;

    char* map() const {
        void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
            std::abort();
        return static_cast<char*>(at);
    }

    int fd;
    std::size_t size;
};

void touch(char* at) { *const_cast<volatile char*>(at) = 1; }

void mmap_touch_munmap(benchmark::State& state) {
    const file f(1);
    for (auto _ : state) {
        char* at = f.map();
        touch(at);
        munmap(at, page);
    }
}
BENCHMARK(mmap_touch_munmap)->Name("LINUX/mmap_touch_munmap");

void dontneed_touch(benchmark::State& state) {
    const file f(64);
    char* at = f.map();
    std::size_t i = 0;
    for (auto _ : state) {
        touch(at + i * page);
        madvise(at + i * page, page, MADV_DONTNEED);
        i = (i + 1) % 64;
    }
    munmap(at, f.size);
}
BENCHMARK(dontneed_touch)->Name("LINUX/dontneed_touch");

/// vmsplice gets the page by get_user_pages_fast; the splice to /dev/null drops it.
void vmsplice_pin(benchmark::State& state) {
    const file f(1);
    char* at = f.map();
    touch(at);
    int ends[2];
    if (pipe(ends) != 0)
        std::abort();
    const int sink = open("/dev/null", O_WRONLY);
    iovec one{at, page};
    for (auto _ : state) {
        if (vmsplice(ends[1], &one, 1, 0) != static_cast<ssize_t>(page) ||
            splice(ends[0], nullptr, sink, nullptr, page, 0) != static_cast<ssize_t>(page))
            state.SkipWithError("vmsplice or splice failed");
    }
    close(sink);
    close(ends[0]);
    close(ends[1]);
    munmap(at, f.size);
}
BENCHMARK(vmsplice_pin)->Name("LINUX/vmsplice_pin");

void punch_512(benchmark::State& state) {
    const file f(512);
    char* at = f.map();
    for (auto _ : state) {
        for (std::size_t i = 0; i < 512; ++i)
            touch(at + i * page);
        const double from = thread_seconds();
        fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(f.size));
        state.SetIterationTime(thread_seconds() - from);
    }
    munmap(at, f.size);
}
BENCHMARK(punch_512)->Name("LINUX/punch_512")->UseManualTime();

/// Two threads of one process, each on pages of its own.
void spread_one_mm(benchmark::State& state) {
    static char* at = nullptr;
    static std::unique_ptr<file> f;
    if (state.thread_index() == 0) {
        f = std::make_unique<file>(256);
        at = f->map();
    }
    std::size_t i = 0;
    for (auto _ : state) {
        char* mine = at + (static_cast<std::size_t>(state.thread_index()) * 128 + i) * page;
        touch(mine);
        madvise(mine, page, MADV_DONTNEED);
        i = (i + 1) % 128;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
    if (state.thread_index() == 0)
        munmap(at, f->size);
}
BENCHMARK(spread_one_mm)->Name("LINUX/spread_one_mm")->Threads(1)->Threads(2)->UseRealTime();

void futex_wake_without_waiter(benchmark::State& state) {
    static std::atomic<std::uint32_t> word{0};
    for (auto _ : state)
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}
BENCHMARK(futex_wake_without_waiter)->Name("LINUX/futex_wake_without_waiter");

} // namespace
