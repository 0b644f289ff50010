// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the files of the glue share. The glue stands where the rest of a kernel would be: it defines the data of the image,
 * allocators, locks, the scheduler, an MMU, a filesystem and a device around the user's own objects.
 *
 * It is compiled with the flags of the tree but without instrumentation: what it does is no scheduling point unless it says so.
 */
#ifndef DAXTORTURE_GLUE_H
#define DAXTORTURE_GLUE_H

#include "probes.h" /* made by the build: the HAVE_... of this tree */

#include <linux/dax.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/memremap.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#if HAVE_PFN_T
#include <linux/pfn_t.h>
#endif
#include "mm/internal.h"

#include "machines/kernel/abi.h"

#define RETURN_ADDRESS __builtin_return_address(0)

struct glue_file;

/* ---- allocator.c */
void restart_per_cpu(void);
struct page *ram_pages(unsigned int order);
void restart_allocator(void);

/* ---- image.c */
void restart_image(void);

/* ---- sched.c */
void restart_tasks(void);
extern struct task_struct *thread_task[machine_tasks]; /* of the scenario's threads */
void wait_tables_init(void);                            /* waits.c */
void forget_sleepers(void);

/* ---- device.c: pmem0 and the devdax devices */
#define PMEM_PFN ((unsigned long)machine_ram_pages) /* aligned to a PMD; RAM lies below */
#define block_page(block) pfn_to_page(PMEM_PFN + (block))
struct device_state {
    struct dev_pagemap pagemap;
    long first_block; /* of its range */
    long blocks;
    bool alive; /* dax operations are served */
    bool bound;
};
extern struct device_state pmem; /* device number 0 */
extern struct dax_device *pmem_dax;
void build_devices(void);
struct device_state *device_number(int device);
struct device_state *device_of_block(long block);
void mark_block_bad(long block);
void mark_block_revoked(long block); /* memory failure has taken it from its users */
bool block_was_revoked(long block);
void mark_blocks_good(long block, long count);
long device_start(int file); /* first block of a devdax file */

/* ---- mount.c: the filesystem as its device sees it */
void build_mount(void);
bool fs_is_mounted(void);
int fs_memory_failure(struct dev_pagemap *pagemap, unsigned long pfn, unsigned long pages, int flags);
bool fs_holds_device(void); /* it hears of failing memory: xfs */
void fs_pre_remove(void);
void fs_mark_dead(void);
bool fs_is_shut_down(void);
bool fs_start_write(void); /* not frozen, not shut down */
struct dax_device *devdax_operations(int file);

/* ---- devdax.c */
void attach_devdax(struct glue_file *of);
void unmap_devdax(struct device_state *device);
extern const struct vm_operations_struct dax_vm_ops; /* of the tree, made global by the build */

/* ---- fs.c */
struct glue_file {
    struct inode inode;
    struct file file;
    int number;
    unsigned long first_pages; /* size at the start */
    long users;                /* operations through an open file */
    bool evicting;             /* who opens the file now gets another inode */
    int map[machine_file_pages]; /* page -> block; -1: a hole */
    int cow[machine_file_pages]; /* reserved for a copy on write; -1: none */
};
extern struct glue_file *files[machine_files];
extern const struct iomap_ops glue_iomap_ops;
extern spinlock_t fs_lock; /* of block maps and the free list */
extern const struct vm_operations_struct glue_vm_ops;
void build_files(void);
void share_block(int block);
int block_take(long run);
void block_put(int block, int file, long page);
void free_file_blocks(struct glue_file *of, unsigned long first, unsigned long last);
void start_reclaiming_blocks(void);

/* ---- facts.c, quiescent.c */
#define ENTRY_LOCKED 1
#define ENTRY_PMD 2
#define ENTRY_ZERO 4
#define ENTRY_EMPTY 8
#define ENTRY_PFN_SHIFT 4
static inline long block_of_pfn(unsigned long pfn) { return (long)pfn - (long)PMEM_PFN; }
static inline unsigned long entry_pages(unsigned long value) { return value & ENTRY_PMD ? PTRS_PER_PMD : 1; }
static inline long entry_block(unsigned long value)
{
    return value & (ENTRY_ZERO | ENTRY_EMPTY) ? -1 : block_of_pfn(value >> ENTRY_PFN_SHIFT);
}
void restart_facts(void);
unsigned long virtual_pages(int mm); /* one past the last that an area of the mm can be at */

/* ---- process.c, mmu.c */
extern struct mm_struct *mms[machine_mms];
extern int area_moved[machine_mms][machine_areas]; /* the area is at its other place */
void build_mms(void);
unsigned long area_address(int mm, int area);
int area_at(int mm, unsigned long page);
#define USER_BASE 0x7f0000000000ul
#define user_address(page) (USER_BASE + (page) * PAGE_SIZE)
void flush_translations(struct mm_struct *mm, unsigned long start, unsigned long end);
void forget_translations(void);
void block_changes_hands(long block);
pte_t *find_pte(struct mm_struct *mm, unsigned long address, pmd_t **pmd);
void become(struct mm_struct *mm);

#if HAVE_ZERO_REF
#define IDLE_COUNT 0
#else
#define IDLE_COUNT 1
#endif

#endif
