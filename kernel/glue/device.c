// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: pmem0, on which the filesystems live, and one devdax device for each file of that kind. Their pages come and go with
 * the tree's own memremap_pages() and memunmap_pages().
 *
 * The dax_device of pmem0 is the glue's: its operations work on the direct map while it is alive, and killing it waits for
 * those that are under way, as drivers/dax/super.c does with SRCU.
 */
#include "glue.h"

#include <linux/uio.h>

struct dax_device {
    struct device_state *state;
};

struct device_state pmem;
static struct device_state devdax[machine_files];
static struct dax_device pmem_dax_device = { .state = &pmem };
struct dax_device *pmem_dax = &pmem_dax_device;
static struct dax_device devdax_device[machine_files];
static unsigned char bad[machine_pmem_pages]; /* memory that has failed */
static long used_blocks;

/* ---- the memory map */

void memmap_init_zone_device(struct zone *zone, unsigned long start_pfn, unsigned long pages, struct dev_pagemap *pagemap)
{
    unsigned long i;

    for (i = 0; i < pages; i++) {
        struct page *page = pfn_to_page(start_pfn + i);

        memset(page, 0, sizeof *page);
        set_page_zone(page, ZONE_DEVICE);
        set_page_count(page, pagemap->type == MEMORY_DEVICE_FS_DAX ? IDLE_COUNT : 1);
        atomic_set(&page->_mapcount, -1);
        __SetPageReserved(page);
#if HAVE_FOLIO_PGMAP
        page_folio(page)->pgmap = pagemap;
#else
        page->pgmap = pagemap;
#endif
    }
    for (i = 0; pagemap->vmemmap_shift != 0 && i < pages; i += 1ul << pagemap->vmemmap_shift)
        prep_compound_page(pfn_to_page(start_pfn + i), pagemap->vmemmap_shift);
}

static long fs_blocks(void)
{
    long blocks = machine_world.altmap_pages + machine_world.spare_blocks;
    unsigned int i;

    for (i = 0; i < machine_world.files; i++) {
        const struct machine_file *file = &machine_world.file[i];

        if (file->fs != machine_devdax)
            blocks += file->huge ? ALIGN(file->pages, PTRS_PER_PMD) : file->pages;
        if (file->huge)
            blocks = ALIGN(blocks, PTRS_PER_PMD);
    }
    return blocks;
}

static int attach(struct device_state *device)
{
    device->pagemap.nr_range = 1;
    device->pagemap.range.start = PFN_PHYS(PMEM_PFN + device->first_block);
    device->pagemap.range.end = PFN_PHYS(PMEM_PFN + device->first_block + device->blocks) - 1;
    if (IS_ERR(memremap_pages(&device->pagemap, 0)))
        return -ENOMEM;
    device->alive = device->bound = true;
    return 0;
}

static void prepare(struct device_state *device, enum memory_type type, long blocks)
{
    memset(device, 0, sizeof *device);
    device->pagemap.type = type;
    device->first_block = used_blocks;
    device->blocks = blocks;
    used_blocks = ALIGN(used_blocks + blocks, PTRS_PER_PMD);
    if (used_blocks > machine_pmem_pages)
        machine_impossible("the world has more blocks than the machine");
}

long device_start(int file) { return devdax[file].first_block; }

struct dax_device *devdax_operations(int file)
{
    devdax_device[file].state = &devdax[file];
    return &devdax_device[file];
}

struct dev_pagemap *devdax_pagemap(int file) { return &devdax[file].pagemap; }

extern struct xarray pgmap_array; /* static in mm/memremap.c; made global by the build */

static const struct dev_pagemap_ops pmem_operations = { .memory_failure = fs_memory_failure };

void build_devices(void)
{
    unsigned int i;

    xa_init(&pgmap_array);
    used_blocks = 0;
    memset(bad, 0, sizeof bad);
    prepare(&pmem, MEMORY_DEVICE_FS_DAX, fs_blocks());
    pmem.pagemap.ops = &pmem_operations;
    if (pmem.blocks != 0 && attach(&pmem) != 0)
        machine_impossible("memremap_pages fails");
    for (i = 0; i < machine_world.files; i++) {
        if (machine_world.file[i].fs != machine_devdax)
            continue;
        prepare(&devdax[i], MEMORY_DEVICE_GENERIC, machine_world.file[i].pages);
        devdax[i].pagemap.vmemmap_shift = machine_world.file[i].device_pmd ? PMD_ORDER : 0;
        if (attach(&devdax[i]) != 0)
            machine_impossible("memremap_pages fails");
    }
}

/* Devices count from 0: pmem0, then the files that are devices. */
struct device_state *device_number(int device)
{
    unsigned int i;

    if (device == 0)
        return &pmem;
    for (i = 0; i < machine_world.files; i++)
        if (machine_world.file[i].fs == machine_devdax && --device == 0)
            return &devdax[i];
    return NULL;
}

struct device_state *device_of_block(long block)
{
    struct device_state *device;
    int i;

    if (block >= pmem.first_block && block < pmem.first_block + pmem.blocks) /* most are */
        return &pmem;
    for (i = 1; (device = device_number(i)) != NULL; i++)
        if (block >= device->first_block && block < device->first_block + device->blocks)
            return device;
    return NULL;
}

long glue_blocks(void) { return used_blocks; }

/* ---- bad memory */

#define REVOKED 2 /* memory failure has taken it from its users */

bool block_was_revoked(long block) { return bad[block] == REVOKED; }
void mark_block_bad(long block) { bad[block] = 1; }
void mark_block_revoked(long block) { bad[block] = REVOKED; }
void mark_blocks_good(long block, long count) { memset(bad + block, 0, count); }

/* ---- dax operations: a section of readers that killing the device waits for */

static long sections_of[machine_tasks]; /* that each task is in */

int dax_read_lock(void)
{
    machine_point(machine_point_lock, NULL);
    sections_of[machine_task()]++;
    return 0;
}

void dax_read_unlock(int id)
{
    sections_of[machine_task()]--;
    machine_released(sections_of);
    machine_point(machine_point_unlock, NULL);
}

static bool somebody_reads(void)
{
    int task;

    for (task = 0; task < machine_tasks; task++)
        if (sections_of[task] != 0)
            return true;
    return false;
}

bool dax_alive(struct dax_device *device) { return device->state->alive; }

static void synchronize_readers(void)
{
    machine_point(machine_point_yield, NULL);
    while (somebody_reads())
        machine_wait_for(sections_of, RETURN_ADDRESS);
}

static long access_range(pgoff_t offset, long pages, enum dax_access_mode mode)
{
    if (!pmem.alive)
        return -ENXIO;
    if (offset >= pmem.blocks)
        return -ERANGE;
    if (bad[offset] && mode != DAX_RECOVERY_WRITE)
        return -EHWPOISON;
    return min_t(long, pages, pmem.blocks - offset);
}

#if HAVE_PFN_T
long dax_direct_access(struct dax_device *device, pgoff_t offset, long pages, enum dax_access_mode mode, void **address,
                       pfn_t *pfn)
#else
long dax_direct_access(struct dax_device *device, pgoff_t offset, long pages, enum dax_access_mode mode, void **address,
                       unsigned long *pfn)
#endif
{
    long length = access_range(offset, pages, mode);

    if (length < 0)
        return length;
    if (address)
        *address = page_address(block_page(offset));
#if HAVE_PFN_T
    if (pfn)
        *pfn = phys_to_pfn_t(PFN_PHYS(PMEM_PFN + offset), PFN_DEV | PFN_MAP);
#else
    if (pfn)
        *pfn = PMEM_PFN + offset;
#endif
    return length;
}

void dax_flush(struct dax_device *device, void *address, size_t size)
{
    machine_point(machine_point_yield, NULL);
    machine_block_flushed(PHYS_PFN(__pa(address)) - PMEM_PFN, size >> PAGE_SHIFT);
    machine_point(machine_point_yield, NULL);
}

int dax_zero_page_range(struct dax_device *device, pgoff_t offset, size_t pages)
{
    memset(page_address(block_page(offset)), 0, pages << PAGE_SHIFT);
    return 0;
}

/* The contents of files are the user's business; what matters is which block a transfer reaches. */
static size_t transfer(size_t bytes, struct iov_iter *iter)
{
    machine_point(machine_point_yield, NULL);
    bytes = min(bytes, iter->count);
    iter->count -= bytes;
    return bytes;
}
size_t dax_copy_from_iter(struct dax_device *device, pgoff_t offset, void *address, size_t bytes, struct iov_iter *iter)
{
    return transfer(bytes, iter);
}
size_t dax_copy_to_iter(struct dax_device *device, pgoff_t offset, void *address, size_t bytes, struct iov_iter *iter)
{
    return transfer(bytes, iter);
}
size_t dax_recovery_write(struct dax_device *device, pgoff_t offset, void *address, size_t bytes, struct iov_iter *iter)
{
    mark_blocks_good(offset, (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT);
    return transfer(bytes, iter);
}
unsigned long copy_mc_to_kernel(void *to, const void *from, unsigned int size)
{
    memcpy(to, from, size);
    return 0;
}

/* ---- bind and unbind */

static struct mutex binding_lock;

/* del_gendisk and the removal of the memory, after the dax_device was killed (nd_pmem_remove and its devm actions) */
long glue_unbind(int number, int only_unmounted)
{
    struct device_state *device = device_number(number);

    mutex_lock(&binding_lock);
    if (!device->bound || (only_unmounted && fs_is_mounted())) {
        long error = device->bound ? -EBUSY : -ENODEV;

        mutex_unlock(&binding_lock);
        return error;
    }
    device->bound = false;
    if (device == &pmem && fs_holds_device())
        fs_pre_remove();
    device->alive = false;
    synchronize_readers();
    if (device == &pmem)
        fs_mark_dead();
    else
        unmap_devdax(device); /* kill_dev_dax */
    memunmap_pages(&device->pagemap);
    mutex_unlock(&binding_lock);
    return 0;
}

long glue_bind(int number)
{
    struct device_state *device = device_number(number);
    long error = -EALREADY;

    mutex_lock(&binding_lock);
    if (!device->bound)
        error = attach(device);
    mutex_unlock(&binding_lock);
    return error;
}
