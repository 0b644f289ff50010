// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filesystem as its device sees it: mounted or not, frozen, shut down; and failing memory.
 *
 *   xfs    holds the device: it hears of bad memory and of the removal (xfs_dax_notify_failure) and unmaps the owners
 *   ext4   does not: memory failure takes the page from whoever maps it
 */
#include "glue.h"

#include <linux/mman.h>

static struct mutex mount_lock; /* s_umount */
static bool mounted, frozen, shut_down;

void build_mount(void)
{
    mounted = true;
    frozen = shut_down = false;
}

static bool is_fs_file(int file) { return machine_world.file[file].fs != machine_devdax; }

bool fs_is_mounted(void)
{
    bool is;

    mutex_lock(&mount_lock);
    is = mounted;
    mutex_unlock(&mount_lock);
    return is;
}

bool fs_is_shut_down(void) { return READ_ONCE(shut_down); }
bool fs_start_write(void) { return !READ_ONCE(frozen) && !fs_is_shut_down(); }

bool fs_holds_device(void)
{
    unsigned int i;

    for (i = 0; i < machine_world.files; i++)
        if (machine_world.file[i].fs == machine_xfs)
            return fs_is_mounted();
    return false;
}

/* Waits for each fault and each change of a file that is under way. */
static void drain(void)
{
    unsigned int i;

    for (i = 0; i < machine_world.files; i++) {
        struct inode *inode = &files[i]->inode;

        if (!is_fs_file(i))
            continue;
        inode_lock(inode);
        filemap_invalidate_lock(inode->i_mapping);
        filemap_invalidate_unlock(inode->i_mapping);
        inode_unlock(inode);
    }
}

/* xfs_dax_notify_failure with MF_MEM_PRE_REMOVE: frozen, unmapped from its owners, shut down, thawed. */
void fs_pre_remove(void)
{
    unsigned int i;

    WRITE_ONCE(frozen, true);
    drain();
    for (i = 0; i < machine_world.files; i++)
        if (is_fs_file(i))
            glue_writeback(i);
    for (i = 0; i < machine_world.files; i++) {
        struct address_space *mapping = &files[i]->inode.i_data;

        if (!is_fs_file(i))
            continue;
        mf_dax_kill_procs(mapping, 0, files[i]->first_pages, MF_MEM_PRE_REMOVE);
        invalidate_inode_pages2_range(mapping, 0, files[i]->first_pages - 1);
    }
    WRITE_ONCE(shut_down, true);
    WRITE_ONCE(frozen, false);
}

/* fs_bdev_mark_dead: any filesystem hears that its device has gone, once a mount that is under way is over. */
void fs_mark_dead(void)
{
    mutex_lock(&mount_lock);
    WRITE_ONCE(shut_down, true);
    mutex_unlock(&mount_lock);
}

long glue_mount(void)
{
    long error = -EBUSY;

    mutex_lock(&mount_lock);
    if (!mounted && pmem.alive) {
        mounted = true;
        WRITE_ONCE(shut_down, false);
        error = 0;
    }
    mutex_unlock(&mount_lock);
    return error;
}

static long evict_all(void)
{
    unsigned int i;

    for (i = 0; i < machine_world.files; i++)
        if (is_fs_file(i) && glue_evict(i) != 0)
            return -EBUSY;
    return 0;
}

long glue_umount(void)
{
    long error = -EINVAL;

    mutex_lock(&mount_lock);
    if (mounted) {
        error = evict_all();
        if (error == 0)
            mounted = false;
    }
    mutex_unlock(&mount_lock);
    return error;
}

/* ---- bad memory */

static bool is_reserved(unsigned long block)
{
    unsigned int file;
    long page;

    for (file = 0; file < machine_world.files; file++)
        for (page = 0; page < machine_file_pages; page++)
            if (files[file]->cow[page] == (int)block)
                return true;
    return false;
}

/* xfs_dax_failure_fn: the files and pages that own the block, as the reverse mapping of xfs tells, lose it. */
static int kill_owners(unsigned long block, int flags)
{
    unsigned int file;
    long page;

    for (file = 0; file < machine_world.files; file++)
        for (page = 0; page < machine_file_pages; page++) {
            int error;

            if (files[file]->map[page] != (int)block)
                continue;
            error = mf_dax_kill_procs(&files[file]->inode.i_data, page, 1, flags);
            if (error)
                return error;
        }
    return 0;
}

/*
 * pmem_pagemap_memory_failure, dax_holder_notify_failure, xfs_dax_notify_failure: a block that only a copy on write has shuts the
 * filesystem down. Without a holder the page itself leads to those who map it (mf_generic_kill_procs).
 */
int fs_memory_failure(struct dev_pagemap *pagemap, unsigned long pfn, unsigned long pages, int flags)
{
    int error = -EOPNOTSUPP;
    int id = dax_read_lock();

    if (!dax_alive(pmem_dax)) {
        error = -ENXIO;
    } else if (fs_holds_device() && is_reserved(block_of_pfn(pfn))) {
        WRITE_ONCE(shut_down, true);
        error = 0;
    } else if (fs_holds_device()) {
        error = kill_owners(block_of_pfn(pfn), flags);
    }
    dax_read_unlock(id);
    return error;
}

long glue_memory_failure(unsigned long block)
{
    int error;

    mark_block_bad(block);
    machine_point(machine_point_yield, NULL);
    error = memory_failure(PMEM_PFN + block, 0);
    if (error == 0)
        mark_block_revoked(block);
    return error;
}
