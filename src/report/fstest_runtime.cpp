#include "report/fstest_runtime.hpp"

namespace daxtorture {

// The generated part defines UNIT, FILES, AREAS, MMS, THREADS, SPAN, CHECK_WRITES, files[], areas[], threads[] and
// set_up(). Indented by blanks here, by tabs in the program.
const std::string_view fstest_head = R"c(#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef STATX_ATTR_DAX
#define STATX_ATTR_DAX 0x00200000
#endif
#define PMD (2UL << 20)
#define BLOCK 4096UL
#define NOT_RUN 77

/* A file of the scenario: its size in units, and what was last written to each of them. */
struct file {
    const char *name;
    unsigned pages;
    int fd;
    char path[4096];
    _Atomic uint64_t written[32];
};

/* A range of a file that an mm maps; `at` and `other` are places in the mm's range of addresses, in units. */
struct area {
    unsigned mm, file, first, pages;
    unsigned at, other;
    int prot, flags;
    _Atomic(char *) mapped;
};

struct thread {
    const char *name;
    void (*run)(struct thread *self);
    _Atomic(const char *) doing;
    int pipe[2];
    pthread_t id;
};

static struct file files[FILES + 1];
static struct area areas[AREAS + 1];
static struct thread threads[THREADS + 1];
static char *spaces[MMS + 1]; /* where each mm's range of addresses begins */
static atomic_ullong stamps;
static atomic_int waiting; /* threads that have not started */
static atomic_int unsupported;
static __thread sigjmp_buf bad_access;
static __thread volatile sig_atomic_t accessing;

static void quit(int code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(code);
}

/* A call that may fail in a race, but not because this filesystem does not have it. */
static void tolerate(const char *call, long result)
{
    const int absent = errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS;

    if (result < 0 && absent && !atomic_exchange(&unsupported, 1))
        fprintf(stderr, "not run: %s: %s\n", call, strerror(errno));
}

static void on_fault(int number)
{
    if (accessing)
        siglongjmp(bad_access, 1);
    signal(number, SIG_DFL); /* the program's own mistake */
}

static void on_interrupt(int number)
{
    (void)number;
}

/* The address of a unit of an mm. */
static char *address(unsigned mm, unsigned page)
{
    return spaces[mm] + page * UNIT;
}

/* Threads begin together, each after a delay of its own. */
static void start(unsigned *seed)
{
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0)
        ;
    for (unsigned spin = (unsigned)rand_r(seed) % 4096; spin; spin--)
        atomic_signal_fence(memory_order_seq_cst);
}

static void map_area(struct area *a)
{
    char *where = address(a->mm, a->at);
    char *got = mmap(where, a->pages * UNIT, a->prot, a->flags | MAP_FIXED, files[a->file].fd,
             (off_t)(a->first * UNIT));

    if (got == MAP_FAILED && (a->flags & MAP_SHARED_VALIDATE) == MAP_SHARED_VALIDATE) {
        /* MAP_SYNC is for DAX files alone. */
        a->flags = MAP_SHARED;
        got = mmap(where, a->pages * UNIT, a->prot, a->flags | MAP_FIXED, files[a->file].fd,
               (off_t)(a->first * UNIT));
    }
    if (got == MAP_FAILED)
        quit(1, "mmap: %s", strerror(errno));
    a->mapped = got;
}

static void unmap_area(struct area *a)
{
    char *was = atomic_exchange(&a->mapped, NULL);

    /* Nothing else may come to lie there. */
    if (was && mmap(was, a->pages * UNIT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
               MAP_FAILED)
        quit(1, "munmap: %s", strerror(errno));
}

static void fill(unsigned f, unsigned page)
{
    uint64_t block[BLOCK / sizeof(uint64_t)];
    const uint64_t stamp = atomic_fetch_add(&stamps, 1) + 1;

    for (unsigned i = 0; i < BLOCK / sizeof(uint64_t); i++)
        block[i] = stamp;
    if (pwrite(files[f].fd, block, BLOCK, (off_t)(page * UNIT)) == (ssize_t)BLOCK && page < 32)
        files[f].written[page] = stamp;
}

)c";

std::string_view fstest_operation(op kind) {
    switch (kind) {
    case op::load:
        return R"c(static void load_page(unsigned mm, unsigned page)
{
    if (sigsetjmp(bad_access, 1) == 0) {
        accessing = 1;
        (void)*(volatile uint64_t *)address(mm, page);
    }
    accessing = 0;
}
)c";
    case op::store:
        return R"c(static void store_page(unsigned mm, unsigned page)
{
    if (sigsetjmp(bad_access, 1) == 0) {
        accessing = 1;
        *(volatile uint64_t *)address(mm, page) = atomic_fetch_add(&stamps, 1) + 1;
    }
    accessing = 0;
}
)c";
    case op::mmap:
        return R"c(static void map_mm(unsigned mm)
{
    for (unsigned i = 0; i < AREAS; i++)
        if (areas[i].mm == mm && !areas[i].mapped)
            map_area(&areas[i]);
}
)c";
    case op::munmap:
        return R"c(static void unmap_mm(unsigned mm)
{
    for (unsigned i = 0; i < AREAS; i++)
        if (areas[i].mm == mm)
            unmap_area(&areas[i]);
}
)c";
    case op::pin:
    case op::get:
        return R"c(/* The pipe holds a reference to each page until it is read. */
static void hold_pages(struct thread *self, unsigned mm, unsigned first, unsigned end)
{
    for (unsigned page = first; page < end; page++) {
        struct iovec one = { address(mm, page), 1 };

        (void)!vmsplice(self->pipe[1], &one, 1, SPLICE_F_NONBLOCK);
    }
}
)c";
    case op::unpin:
    case op::put:
        return R"c(static void release_pages(struct thread *self)
{
    char drop[64];

    while (read(self->pipe[0], drop, sizeof(drop)) > 0)
        ;
}
)c";
    case op::truncate:
        return R"c(static void truncate_file(unsigned f, unsigned pages)
{
    tolerate("ftruncate", ftruncate(files[f].fd, (off_t)(pages * UNIT)));
}
)c";
    case op::punch:
    case op::brk:
        return R"c(static void punch_range(unsigned f, unsigned first, unsigned end)
{
    tolerate("fallocate(FALLOC_FL_PUNCH_HOLE)",
         fallocate(files[f].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(first * UNIT),
               (off_t)((end - first) * UNIT)));
    }
)c";
    case op::zero:
        return R"c(static void zero_range(unsigned f, unsigned first, unsigned end)
{
    tolerate("fallocate(FALLOC_FL_ZERO_RANGE)",
             fallocate(files[f].fd, FALLOC_FL_ZERO_RANGE, (off_t)(first * UNIT),
                       (off_t)((end - first) * UNIT)));
}
)c";
    case op::collapse:
        return R"c(static void collapse_range(unsigned f, unsigned first, unsigned end)
{
    tolerate("fallocate(FALLOC_FL_COLLAPSE_RANGE)",
             fallocate(files[f].fd, FALLOC_FL_COLLAPSE_RANGE, (off_t)(first * UNIT),
                       (off_t)((end - first) * UNIT)));
}
)c";
    case op::insert:
        return R"c(static void insert_range(unsigned f, unsigned first, unsigned end)
{
    tolerate("fallocate(FALLOC_FL_INSERT_RANGE)",
             fallocate(files[f].fd, FALLOC_FL_INSERT_RANGE, (off_t)(first * UNIT),
                       (off_t)((end - first) * UNIT)));
}
)c";
    case op::reuse:
        return R"c(/* Freed blocks get an owner again. */
static void reuse_blocks(unsigned f)
{
    tolerate("fallocate", fallocate(files[f].fd, 0, 0, (off_t)(files[f].pages * UNIT)));
}
)c";
    case op::writeback:
        return R"c(static void sync_file(unsigned f)
{
    tolerate("fsync", fsync(files[f].fd));
}
)c";
    case op::invalidate:
        return R"c(/* virtiofs drops the clean pages of a file that is opened again. */
static void open_again(unsigned f)
{
    const int fd = open(files[f].path, O_RDWR);

    if (fd >= 0)
        close(fd);
}
)c";
    case op::reflink:
        return R"c(static void clone_file(unsigned from, unsigned to)
{
    const long result = ioctl(files[to].fd, FICLONE, files[from].fd);

    if (result < 0 && (errno == EINVAL || errno == EXDEV))
        errno = EOPNOTSUPP;
    tolerate("ioctl(FICLONE)", result);
        for (unsigned page = 0; result == 0 && page < 32; page++)
            files[to].written[page] = files[from].written[page];
        }
)c";
    case op::write:
        return R"c(static void write_range(unsigned f, unsigned first, unsigned end)
{
    for (unsigned page = first; page < end; page++)
        fill(f, page);
}
)c";
    case op::interrupt:
        return R"c(static void interrupt_thread(unsigned number)
{
    pthread_kill(threads[number].id, SIGUSR1);
}
)c";
    case op::mremap:
        return R"c(static void move_mm(unsigned mm)
{
    for (unsigned i = 0; i < AREAS; i++) {
        struct area *a = &areas[i];
        char *was = a->mapped;
        char *to = was == address(mm, a->at) ? address(mm, a->other) : address(mm, a->at);

        if (a->mm != mm || !was || a->at == a->other)
            continue;
        if (mremap(was, a->pages * UNIT, a->pages * UNIT, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
            quit(1, "mremap: %s", strerror(errno));
        a->mapped = to;
    }
}
)c";
    case op::mlock:
        return R"c(static void lock_mm(unsigned mm)
{
    for (unsigned i = 0; i < AREAS; i++)
        if (areas[i].mm == mm && areas[i].mapped)
            (void)!mlock(areas[i].mapped, areas[i].pages * UNIT);
}
)c";
    case op::pagemap:
        return R"c(static void read_pagemap(unsigned mm)
{
    const int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry;

    for (unsigned page = 0; fd >= 0 && page < SPAN; page++)
        (void)!pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)address(mm, page) / BLOCK * sizeof(entry)));
    if (fd >= 0)
        close(fd);
}
)c";
    default:
        return "";
    }
}

const std::string_view fstest_tail = R"c(static void *run_thread(void *argument)
{
    struct thread *self = argument;

    self->run(self);
    atomic_store(&self->doing, NULL);
    return NULL;
}

static void make_files(const char *directory)
{
    for (unsigned f = 0; f < FILES; f++) {
        snprintf(files[f].path, sizeof(files[f].path), "%s/%s", directory, files[f].name);
        files[f].fd = open(files[f].path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (files[f].fd < 0)
            quit(1, "%s: %s", files[f].path, strerror(errno));
    }
}

/* On a file that is not DAX no page of it is ever DMAed to or waited for. */
static void say_whether_dax(void)
{
    struct statx attributes;

    if (FILES && statx(files[0].fd, "", AT_EMPTY_PATH, 0, &attributes) == 0 &&
        !(attributes.stx_attributes & STATX_ATTR_DAX))
        fprintf(stderr, "note: %s is not a DAX file: this shows that the test is sound, not the kernel\n",
            files[0].path);
}

/* Each round begins with whole files of new blocks, mapped afresh. */
static void begin_round(void)
{
    for (unsigned i = 0; i < AREAS; i++)
        unmap_area(&areas[i]);
    for (unsigned f = 0; f < FILES; f++) {
        if (ftruncate(files[f].fd, 0) != 0 || ftruncate(files[f].fd, (off_t)(files[f].pages * UNIT)) != 0)
            quit(1, "ftruncate: %s", strerror(errno));
        tolerate("fallocate", fallocate(files[f].fd, 0, 0, (off_t)(files[f].pages * UNIT)));
        for (unsigned page = 0; page < files[f].pages; page++)
            fill(f, page);
    }
    for (unsigned i = 0; i < AREAS; i++)
        map_area(&areas[i]);
}

static void race(unsigned patience)
{
    struct timespec until;

    atomic_store(&waiting, THREADS);
    for (unsigned t = 0; t < THREADS; t++)
        if (pthread_create(&threads[t].id, NULL, run_thread, &threads[t]) != 0)
            quit(1, "pthread_create: %s", strerror(errno));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience;
    for (unsigned t = 0; t < THREADS; t++)
        if (pthread_timedjoin_np(threads[t].id, NULL, &until) != 0) {
            const char *doing = atomic_load(&threads[t].doing);

            quit(1, "HANG: thread %s is in '%s' for %u s; see /proc/%d/task/*/stack", threads[t].name,
                 doing ? doing : "?", patience, getpid());
        }
}

/* A mapping and read() must show the same, and what was written must be there. */
static void check_round(void)
{
    uint64_t seen[2], read_back[2];

    for (unsigned i = 0; i < AREAS; i++) {
        const struct area *a = &areas[i];
        struct stat now;

        if (!a->mapped || fstat(files[a->file].fd, &now) != 0)
            continue;
        for (unsigned page = 0; page < a->pages; page++) {
            const off_t offset = (off_t)((a->first + page) * UNIT);

            if (offset + (off_t)sizeof(seen) > now.st_size)
                continue;
            memcpy(seen, a->mapped + page * UNIT, sizeof(seen));
            if (pread(files[a->file].fd, read_back, sizeof(read_back), offset) != (ssize_t)sizeof(read_back))
                continue;
            if ((a->flags & MAP_TYPE) != MAP_PRIVATE && memcmp(seen, read_back, sizeof(seen)) != 0)
                quit(1, "CORRUPTION: unit %u of %s: the mapping has %llx, read() %llx", a->first + page,
                     files[a->file].name, (unsigned long long)seen[1], (unsigned long long)read_back[1]);
            if (CHECK_WRITES && a->first + page < 32 &&
                read_back[1] != files[a->file].written[a->first + page])
                quit(1, "CORRUPTION: unit %u of %s: write() of %llx is undone: %llx", a->first + page,
                     files[a->file].name,
                     (unsigned long long)files[a->file].written[a->first + page],
                     (unsigned long long)read_back[1]);
        }
    }
}

int main(int count, char **words)
{
    const unsigned long rounds = count > 2 ? strtoul(words[2], NULL, 10) : 1000;
    const unsigned patience = count > 3 ? (unsigned)strtoul(words[3], NULL, 10) : 30;
    struct sigaction fault = { .sa_handler = on_fault }, interrupt = { .sa_handler = on_interrupt };

    if (count < 2)
        quit(2, "usage: %s DIRECTORY [ROUNDS [SECONDS-UNTIL-A-HANG]]", words[0]);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGUSR1, &interrupt, NULL);
    make_files(words[1]);
    say_whether_dax();
    for (unsigned mm = 0; mm < MMS; mm++) {
        char *base = mmap(NULL, SPAN * UNIT + 2 * PMD, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (base == MAP_FAILED)
            quit(1, "mmap: %s", strerror(errno));
        spaces[mm] = (char *)(((uintptr_t)base + PMD - 1) & ~(PMD - 1));
    }
    for (unsigned t = 0; t < THREADS; t++)
        if (pipe2(threads[t].pipe, O_NONBLOCK) != 0)
            quit(1, "pipe2: %s", strerror(errno));
    for (unsigned long round = 0; round < rounds && !unsupported; round++) {
        begin_round();
        set_up(&threads[0]);
        if (unsupported)
            break;
        race(patience);
        check_round();
    }
    for (unsigned f = 0; f < FILES; f++)
        unlink(files[f].path);
    if (unsupported)
        return NOT_RUN;
    printf("%lu rounds, no failure\n", rounds);
    return 0;
}
)c";

} // namespace daxtorture
