/* One xarray behind a C interface, so that Linux's and ours can be loaded side by side and driven by the same operations. */
#ifndef SIDE_H
#define SIDE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { side_states = 2, side_path_max = 66 };

/* Where an xa_state stands. */
enum side_class { side_node, side_head, side_bounds, side_restart, side_nomem, side_other_error };

struct side_cursor {
    uint64_t index;
    uint8_t shift, sibs, offset;
    uint8_t klass;      /* enum side_class */
    uint8_t has_alloc;  /* xas_nomem got a node that was not used yet */
    uint8_t node_shift; /* of the node, else 0 */
    uint64_t node_base; /* hash of the offsets from the node up to the root */
};

/* An entry as both sides can name it: values as they are, nodes by their place. */
enum { side_entry_node = 6 /* + shift << 8 */ };

enum side_op {
    op_load,
    op_store,
    op_find,
    op_next_entry,
    op_find_marked,
    op_next_marked,
    op_find_conflict,
    op_pause,
    op_reset,
    op_set,
    op_set_order,
    op_nomem,
    op_destroy,
    op_set_mark,
    op_get_mark,
    op_clear_mark,
    op_init_marks,
    op_get_order,
    op_error,
    op_marked,
    op_empty,
    op_xa_load,
    op_xa_store,
    op_xa_erase,
    op_retry,
    op_count_of_ops
};

enum side_bench { bench_load_random, bench_overwrite, bench_erase_store, bench_count };

struct side {
    const char *name;
    /* NULL when it cannot do that shift. `pause_rounds_down`: what the other side does, for a side that can do both. */
    void *(*create)(unsigned chunk_shift, int pause_rounds_down);
    void (*destroy)(void *array);          /* frees everything; aborts when nodes leak */
    uint64_t (*run)(void *array, unsigned state, enum side_op op, uint64_t a, uint64_t b);
    void (*cursor)(void *array, unsigned state, struct side_cursor *out);
    /* The whole tree as a hash: shape, slots, counts, marks. With `print`, as text on stdout too. */
    uint64_t (*dump)(void *array, int print);
    /* The allocations first..first+times-1 from now on fail. */
    void (*fail)(void *array, uint64_t first, uint64_t times);
    void (*quiesce)(void *array); /* lets grace periods end */
    double (*bench)(enum side_bench what, unsigned entries, unsigned rounds); /* nanoseconds per operation */
};

const struct side *side_get(void);

static inline uint64_t side_mix(uint64_t hash, uint64_t value)
{
    hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdULL;
}

#ifdef __cplusplus
}
#endif
#endif
