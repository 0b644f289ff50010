/*
 * Linux's lib/xarray.c behind array.h: with the headers of its own userspace harness, liburcu's read sections, and a slab cache
 * that never calls malloc again. bench/linux-xarray.sh builds it outside the tree.
 */
#include "shared.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xarray.c"

#include "array.h"

struct kmem_cache *radix_tree_node_cachep;
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct xa_node *spare; /* linked through parent */

void *kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru, int flags)
{
    struct xa_node *node;

    (void)cache, (void)lru, (void)flags;
    pthread_mutex_lock(&spare_lock);
    node = spare;
    if (node)
        spare = node->parent;
    pthread_mutex_unlock(&spare_lock);
    if (!node) {
        if (posix_memalign((void **)&node, 64, sizeof(*node)))
            abort();
        memset(node, 0, sizeof(*node));
    }
    node->parent = NULL;
    INIT_LIST_HEAD(&node->private_list);
    return node;
}

void kmem_cache_free(struct kmem_cache *cache, void *freed)
{
    struct xa_node *node = freed;

    (void)cache;
    memset(node, 0, sizeof(*node));
    pthread_mutex_lock(&spare_lock);
    node->parent = spare;
    spare = node;
    pthread_mutex_unlock(&spare_lock);
}

void radix_tree_node_rcu_free(struct rcu_head *head)
{
    kmem_cache_free(NULL, container_of(head, struct xa_node, rcu_head));
}

static void *store_order(struct xarray *xa, unsigned long index, unsigned order, void *entry)
{
    XA_STATE_ORDER(xas, xa, index, order);
    void *old;

    do {
        xas_lock(&xas);
        old = xas_store(&xas, entry);
        xas_unlock(&xas);
    } while (xas_nomem(&xas, GFP_KERNEL));
    return old;
}

static void *create(enum array_operation what)
{
    struct xarray *xa = calloc(1, sizeof(*xa));
    unsigned long i;

    xa_init(xa);
    for (i = 0; i < array_entries; i += what == array_multi_order ? 16 : 1)
        store_order(xa, i, what == array_multi_order ? 4 : 0, xa_mk_value(i));
    for (i = 0; what == array_marked && i < array_entries; i += 16)
        xa_set_mark(xa, i, XA_MARK_0);
    return xa;
}

static void destroy(void *xa)
{
    xa_destroy(xa);
    rcu_barrier();
    free(xa);
}

static void enter(unsigned thread)
{
    (void)thread;
    rcu_register_thread();
}
static void leave(void) { rcu_unregister_thread(); }

static uint64_t run(void *array, enum array_operation what, uint64_t count, uint32_t *seed)
{
    struct xarray *xa = array;
    uint64_t i, sum = 0;
    uint32_t at;

    switch (what) {
    case array_load:
        for (i = 0; i < count; i++)
            sum += (unsigned long)xa_load(xa, array_next(seed));
        break;
    case array_overwrite:
        for (i = 0; i < count; i++)
            sum += (unsigned long)xa_store(xa, array_next(seed), xa_mk_value(i), GFP_KERNEL);
        break;
    case array_erase_store:
        for (i = 0; i < count; i++) {
            at = array_next(seed);
            sum += (unsigned long)xa_erase(xa, at);
            sum += (unsigned long)xa_store(xa, at, xa_mk_value(i), GFP_KERNEL);
        }
        break;
    case array_marked:
        for (i = 0; i < count;) {
            XA_STATE(xas, xa, 0);
            void *entry;

            rcu_read_lock();
            xas_for_each_marked(&xas, entry, ULONG_MAX, XA_MARK_0) {
                sum += (unsigned long)entry;
                i++;
            }
            rcu_read_unlock();
        }
        break;
    default:
        for (i = 0; i < count; i++)
            sum += (unsigned long)store_order(xa, array_next(seed) & ~15u, 4, xa_mk_value(i));
    }
    __asm__ volatile("" ::"r"(sum));
    return i;
}

const struct array_side *linux_array(void);
const struct array_side *linux_array(void)
{
    static const struct array_side side = {create, destroy, enter, leave, run};
    return &side;
}
