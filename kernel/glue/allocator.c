// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages and slabs. A world's memory comes from the host's arena and is never given back before the world ends, but for
 * single pages, which page tables take and free all the time.
 */
#include "glue.h"

#include <linux/gfp.h>
#include <linux/percpu.h>

/*
 * ---- pages of RAM, which lie below PMEM_PFN. Each task has some of its own, so that what one of them gets does not depend on
 * what others have taken.
 */

#define FIRST_PFN 512
#define PAGES_OF_TASK 1536 /* the set-up has the rest */

static struct ram {
    unsigned long next, end;
    struct list_head freed;
} ram[machine_tasks];

void restart_allocator(void)
{
    unsigned long start = FIRST_PFN, rest = machine_ram_pages - machine_threads * PAGES_OF_TASK;
    int task;

    for (task = machine_threads; task >= 0; task--) {
        ram[task].next = start;
        start = ram[task].end = task == machine_threads ? rest : start + PAGES_OF_TASK;
        INIT_LIST_HEAD(&ram[task].freed);
    }
}

static struct page *fresh_pages(struct ram *own, unsigned int order)
{
    unsigned long first = ALIGN(own->next, 1ul << order);

    if (first + (1ul << order) > own->end)
        machine_impossible("the world has no RAM left");
    own->next = first + (1ul << order);
    return pfn_to_page(first);
}

struct page *ram_pages(unsigned int order)
{
    struct ram *own = &ram[machine_task()];
    struct page *page;

    if (order == 0 && !list_empty(&own->freed)) {
        page = list_first_entry(&own->freed, struct page, lru);
        list_del(&page->lru);
    } else {
        page = fresh_pages(own, order);
    }
    memset(page, 0, sizeof *page << order);
    init_page_count(page);
    atomic_set(&page->_mapcount, -1);
    memset(page_address(page), 0, PAGE_SIZE << order);
    return page;
}

struct page *__alloc_pages_noprof(gfp_t gfp, unsigned int order, int node, nodemask_t *mask)
{
    return ram_pages(order);
}

#if HAVE_ALLOC_NODE
struct page *alloc_pages_node_noprof(int node, gfp_t gfp, unsigned int order) { return ram_pages(order); }
#endif

struct folio *__folio_alloc_noprof(gfp_t gfp, unsigned int order, int node, nodemask_t *mask)
{
    struct page *page = ram_pages(order);

    if (order != 0)
        prep_compound_page(page, order);
    return page_folio(page);
}

void prep_compound_page(struct page *page, unsigned int order)
{
    int i;

    __SetPageHead(page);
    for (i = 1; i < 1 << order; i++) {
#if HAVE_TAIL4
        prep_compound_tail(page + i, page, order);
#else
        prep_compound_tail(page, i);
#endif
    }
    prep_compound_head(page, order);
}

unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order)
{
    return (unsigned long)page_address(ram_pages(order));
}
unsigned long get_zeroed_page_noprof(gfp_t gfp) { return get_free_pages_noprof(gfp, 0); }

void __free_pages(struct page *page, unsigned int order)
{
    if (order == 0)
        list_add(&page->lru, &ram[machine_task()].freed);
}
void free_frozen_pages(struct page *page, unsigned int order) { __free_pages(page, order); }
void free_pages(unsigned long address, unsigned int order)
{
    __free_pages(virt_to_page((void *)address), order);
}

/* ---- slabs */

struct kmem_cache {
    unsigned int size;
    unsigned int align;
    void (*constructor)(void *);
};

static struct kmem_cache *create_cache(unsigned int size, unsigned int align, void (*constructor)(void *))
{
    struct kmem_cache *cache = machine_allocate(sizeof *cache);

    cache->size = size;
    cache->align = align;
    cache->constructor = constructor;
    return cache;
}

#if HAVE_CACHE_ARGS
struct kmem_cache *__kmem_cache_create_args(const char *name, unsigned int size, struct kmem_cache_args *args,
                                            slab_flags_t flags)
{
    return create_cache(size, args ? args->align : 0, args ? args->ctor : NULL);
}
#else
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
                                     void (*constructor)(void *))
{
    return create_cache(size, align, constructor);
}
#endif

/* Caches that nobody has created here (those of the VFS) have no size: what they hold is smaller than this. */
#define UNKNOWN_SIZE 512

void *kmem_cache_alloc_noprof(struct kmem_cache *cache, gfp_t gfp)
{
    unsigned int size = cache && cache->size ? cache->size : UNKNOWN_SIZE;
    unsigned int align = cache && cache->align > 64 ? cache->align : 1;
    void *object = PTR_ALIGN(machine_allocate(size + align - 1), align);

    if (cache && cache->constructor)
        cache->constructor(object);
    return object;
}
void *kmem_cache_alloc_lru_noprof(struct kmem_cache *cache, struct list_lru *lru, gfp_t gfp)
{
    return kmem_cache_alloc_noprof(cache, gfp);
}
void kmem_cache_free(struct kmem_cache *cache, void *object) {}
void kfree(const void *object) {}
void kvfree(const void *object) {}

#if HAVE_KMALLOC_CACHE
void *__kmalloc_cache_noprof(struct kmem_cache *cache, gfp_t gfp, size_t size) { return machine_allocate(size); }
#endif
void *__kmalloc_noprof(size_t size, gfp_t gfp) { return machine_allocate(size); }

#if HAVE_SHEAF
struct slab_sheaf {
    unsigned int objects;
};
struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, gfp_t gfp, unsigned int objects)
{
    struct slab_sheaf *sheaf = machine_allocate(sizeof *sheaf);

    sheaf->objects = objects;
    return sheaf;
}
int kmem_cache_refill_sheaf(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf **sheaf, unsigned int objects)
{
    (*sheaf)->objects = objects;
    return 0;
}
void kmem_cache_return_sheaf(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf *sheaf) {}
void *kmem_cache_alloc_from_sheaf_noprof(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf *sheaf)
{
    if (sheaf->objects != 0)
        sheaf->objects--;
    return kmem_cache_alloc_noprof(cache, gfp);
}
unsigned int kmem_cache_sheaf_size(struct slab_sheaf *sheaf) { return sheaf->objects; }
#endif

/* ---- per-CPU memory: a pool at the end of each CPU's area, as large as the few counters of a world need */

#define DYNAMIC_PER_CPU 8192
DEFINE_PER_CPU(char[DYNAMIC_PER_CPU], dynamic_per_cpu) __aligned(64);
static size_t dynamic_used;

void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved, gfp_t gfp)
{
    int cpu;
    size_t at = ALIGN(dynamic_used, align < 8 ? 8 : align);

    if (at + size > DYNAMIC_PER_CPU)
        machine_impossible("the world has no per-CPU memory left");
    dynamic_used = at + size;
    for_each_possible_cpu(cpu)
        memset(per_cpu_ptr(&dynamic_per_cpu, cpu)[0] + at, 0, size);
    return (void __percpu *)(&dynamic_per_cpu[0] + at);
}
void free_percpu(void __percpu *pointer) {}

void restart_per_cpu(void) { dynamic_used = 0; }
