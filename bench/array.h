/* One xarray behind a C interface, so that Linux's can be built by a script, loaded and timed beside ours. */
#ifndef BENCH_ARRAY_H
#define BENCH_ARRAY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum array_operation {
    array_load,        /* xa_load, random index */
    array_overwrite,   /* xa_store, random index */
    array_erase_store, /* xa_erase, then xa_store: a pair */
    array_marked,      /* the next of the entries with mark 0, every 16th: one find */
    array_multi_order, /* store of an order-4 entry over another */
    array_operations
};

enum { array_entries = 65536 };

struct array_side {
    void *(*create)(enum array_operation what); /* holds array_entries entries */
    void (*destroy)(void *array);
    void (*enter)(unsigned thread); /* once on each thread that calls run: 0 or 1 */
    void (*leave)(void);
    /* Performs at least `count` operations and returns how many; `seed` chooses the indices. */
    uint64_t (*run)(void *array, enum array_operation what, uint64_t count, uint32_t *seed);
};

/* Index of the next operation: cheap, and the same on both sides. */
static inline uint32_t array_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8 & (array_entries - 1);
}

#ifdef __cplusplus
}
#endif
#endif
