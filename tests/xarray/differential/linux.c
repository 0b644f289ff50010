/*
 * Linux's side of the differential test: lib/xarray.c itself, with the headers of its own userspace harness, and a slab cache
 * and call_rcu that can be told when to fail and when to end a grace period. Built by ci/xarray-differential.sh.
 */
#ifndef SIDE_NO_DEBUG
#define XA_DEBUG
#endif
#include "shared.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Grace periods end when the test says so. */
#undef call_rcu
#define call_rcu side_call_rcu
static struct rcu_head *side_callbacks;
static void side_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *))
{
    head->func = func;
    head->next.next = (struct cds_wfcq_node *)side_callbacks;
    side_callbacks = head;
}

#include "lib/xarray.c"
#include "side.h"

struct kmem_cache *radix_tree_node_cachep;
/* The fault injection is global: there is one array at a time. */
static uint64_t allocations, fail_from, fail_until;
static long in_use;
static struct xa_node *spare; /* linked through parent */

void *kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru, int flags)
{
    struct xa_node *node = spare;

    (void)cache, (void)lru, (void)flags;
    allocations++;
    if (allocations >= fail_from && allocations < fail_until)
        return NULL;
    if (node)
        spare = node->parent;
    else if (posix_memalign((void **)&node, 64, sizeof(*node)))
        abort();
    else
        memset(node, 0, sizeof(*node));
    INIT_LIST_HEAD(&node->private_list);
    in_use++;
    return node;
}

static void give_back(struct xa_node *node)
{
    memset(node, 0, sizeof(*node));
    node->parent = spare;
    spare = node;
    in_use--;
}

void kmem_cache_free(struct kmem_cache *cache, void *node)
{
    (void)cache;
    give_back(node);
}

void radix_tree_node_rcu_free(struct rcu_head *head) { give_back(container_of(head, struct xa_node, rcu_head)); }

struct world {
    struct xarray xa;
    struct xa_state states[side_states];
};

static void *create(unsigned chunk_shift, int pause_rounds_down)
{
    struct world *w;
    int i;

    (void)pause_rounds_down;
    if (chunk_shift != XA_CHUNK_SHIFT)
        return NULL;
    w = calloc(1, sizeof(*w));
    xa_init(&w->xa);
    for (i = 0; i < side_states; i++) {
        XA_STATE(fresh, &w->xa, 0);
        w->states[i] = fresh;
    }
    allocations = fail_from = fail_until = 0;
    return w;
}

static void quiesce(void *given)
{
    (void)given;
    while (side_callbacks) {
        struct rcu_head *head = side_callbacks;

        side_callbacks = (struct rcu_head *)head->next.next;
        head->func(head);
    }
}

static void destroy(void *given)
{
    struct world *w = given;
    int i;

    for (i = 0; i < side_states; i++)
        xas_destroy(&w->states[i]);
    xa_destroy(&w->xa);
    quiesce(w);
    if (in_use) {
        fprintf(stderr, "linux: %ld nodes leaked\n", in_use);
        abort();
    }
    free(w);
}

static uint64_t shown(void *entry)
{
    if (xa_is_node(entry))
        return side_entry_node | (uint64_t)xa_to_node(entry)->shift << 8;
    return (uint64_t)entry;
}

static uint64_t run(void *given, unsigned which, enum side_op op, uint64_t a, uint64_t b)
{
    struct world *w = given;
    struct xa_state *xas = &w->states[which];
    xa_mark_t mark = (__force xa_mark_t)b;
    uint64_t result = 0;
    void *old;

    switch (op) {
    case op_nomem:
        return xas_nomem(xas, GFP_KERNEL);
    case op_xa_load:
        return shown(xa_load(&w->xa, a));
    case op_xa_store:
        old = xa_store(&w->xa, a, (void *)b, GFP_KERNEL);
        return xa_is_err(old) ? (uint64_t)(int64_t)xa_err(old) : shown(old);
    case op_xa_erase:
        return shown(xa_erase(&w->xa, a));
    default:
        break;
    }
    xas_lock(xas);
    switch (op) {
    case op_load:
        result = shown(xas_load(xas));
        break;
    case op_store:
        result = shown(xas_store(xas, (void *)a));
        break;
    case op_find:
        result = shown(xas_find(xas, a));
        break;
    case op_next_entry:
        result = shown(xas_next_entry(xas, a));
        break;
    case op_find_marked:
        result = shown(xas_find_marked(xas, a, mark));
        break;
    case op_next_marked:
        result = shown(xas_next_marked(xas, a, mark));
        break;
    case op_find_conflict:
        result = shown(xas_find_conflict(xas));
        break;
    case op_pause:
        xas_pause(xas);
        break;
    case op_reset:
        xas_reset(xas);
        break;
    case op_set:
        xas_set(xas, a);
        break;
    case op_set_order:
        xas_set_order(xas, a, (unsigned)b);
        break;
    case op_destroy:
        xas_destroy(xas);
        break;
    case op_set_mark:
        xas_set_mark(xas, mark);
        break;
    case op_get_mark:
        result = xas_get_mark(xas, mark);
        break;
    case op_clear_mark:
        xas_clear_mark(xas, mark);
        break;
    case op_init_marks:
        xas_init_marks(xas);
        break;
    case op_get_order:
        result = (uint64_t)xas_get_order(xas);
        break;
    case op_error:
        result = (uint64_t)(int64_t)xas_error(xas);
        break;
    case op_marked:
        result = xa_marked(&w->xa, mark);
        break;
    case op_empty:
        result = xa_empty(&w->xa);
        break;
    case op_retry:
        result = xas_retry(xas, (void *)a);
        break;
    default:
        abort();
    }
    xas_unlock(xas);
    return result;
}

static void cursor(void *given, unsigned which, struct side_cursor *out)
{
    const struct xa_state *xas = &((struct world *)given)->states[which];
    const struct xa_node *node = xas->xa_node;

    memset(out, 0, sizeof(*out));
    out->index = xas->xa_index;
    out->shift = xas->xa_shift;
    out->sibs = xas->xa_sibs;
    out->offset = xas->xa_offset;
    out->has_alloc = xas->xa_alloc != NULL;
    if (xas_error(xas)) {
        out->klass = xas_error(xas) == -ENOMEM ? side_nomem : side_other_error;
    } else if (node == XAS_BOUNDS) {
        out->klass = side_bounds;
    } else if (node == XAS_RESTART) {
        out->klass = side_restart;
    } else if (!node) {
        out->klass = side_head;
    } else {
        out->klass = side_node;
        out->node_shift = node->shift;
        for (; node; node = node->parent)
            out->node_base = side_mix(out->node_base, node->offset);
    }
}

static uint64_t dump_node(const struct xa_node *node, uint64_t hash, int print, int depth)
{
    unsigned i;

    hash = side_mix(hash, node->shift);
    hash = side_mix(hash, node->offset);
    hash = side_mix(hash, node->count);
    hash = side_mix(hash, node->nr_values);
    for (i = 0; i < XA_MAX_MARKS; i++)
        hash = side_mix(hash, node->marks[i][0]);
    if (print)
        printf("%*snode shift %d offset %d count %d values %d marks %lx %lx %lx\n", depth, "", node->shift, node->offset,
               node->count, node->nr_values, node->marks[0][0], node->marks[1][0], node->marks[2][0]);
    for (i = 0; i < XA_CHUNK_SIZE; i++) {
        void *entry = node->slots[i];

        if (xa_is_node(entry) && node->shift) {
            hash = dump_node(xa_to_node(entry), hash, print, depth + 1);
            continue;
        }
        hash = side_mix(hash, (uint64_t)entry);
        if (print && entry)
            printf("%*s[%u] %lx\n", depth + 1, "", i, (unsigned long)entry);
    }
    return hash;
}

static uint64_t dump(void *given, int print)
{
    struct world *w = given;
    void *head = w->xa.xa_head;
    unsigned flags = 0, i;
    uint64_t hash;

    for (i = 0; i < XA_MAX_MARKS; i++)
        flags |= (unsigned)xa_marked(&w->xa, (__force xa_mark_t)i) << i;
    hash = side_mix(0, flags);
    if (print)
        printf("marks %x\n", flags);
    if (xa_is_node(head))
        return dump_node(xa_to_node(head), hash, print, 0);
    if (print)
        printf("head %lx\n", (unsigned long)head);
    return side_mix(hash, (uint64_t)head);
}

static void fail(void *given, uint64_t first, uint64_t times)
{
    (void)given;
    fail_from = first ? allocations + first : 0;
    fail_until = first ? fail_from + times : 0;
}

static volatile uint64_t sink;

static void *nothing(void *unused) { return unused; }

static double bench(enum side_bench what, unsigned entries, unsigned rounds)
{
    struct world *w = create(XA_CHUNK_SHIFT, 0);
    struct timespec from, to;
    pthread_t thread;
    uint32_t random = 1;
    uint64_t sum = 0;
    unsigned i;

    if (!w)
        return 0;
    pthread_create(&thread, NULL, nothing, NULL); /* before the first thread glibc's locks are cheaper */
    pthread_join(thread, NULL);
    for (i = 0; i < entries; i++)
        xa_store(&w->xa, i, xa_mk_value(i), GFP_KERNEL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (i = 0; i < rounds; i++) {
        uint32_t at = ((random = random * 1664525U + 1013904223U) >> 8) & (entries - 1);

        switch (what) {
        case bench_load_random:
            sum += (uint64_t)xa_load(&w->xa, at);
            break;
        case bench_overwrite:
            sum += (uint64_t)xa_store(&w->xa, at, xa_mk_value(i), GFP_KERNEL);
            break;
        default:
            sum += (uint64_t)xa_erase(&w->xa, at);
            sum += (uint64_t)xa_store(&w->xa, at, xa_mk_value(i), GFP_KERNEL);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    sink = sum;
    destroy(w);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / rounds;
}

static const struct side linux_side = { "linux", create,  destroy, run,   cursor,
                                        dump,    fail,    quiesce, bench };

const struct side *side_get(void)
{
    rcu_register_thread();
    return &linux_side;
}
