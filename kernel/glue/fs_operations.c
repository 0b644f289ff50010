// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user asks of a file: truncate, punch, collapse, insert, zero, write, fsync, reflink, eviction. The order of locks,
 * layout breaks, flushes and unmapping is that of xfs, ext4 and fuse; docs/kernel.md names the functions.
 *
 * Layouts are broken for the whole file, as all three do; a break that sleeps drops the invalidate lock meanwhile.
 */
#include "glue.h"

#include <linux/uio.h>
#include <linux/wait_bit.h>
#include <linux/writeback.h>

static bool is_fuse(int file) { return machine_world.file[file].fs == machine_fuse; }
static struct inode *inode_of(int file) { return &files[file]->inode; }
static loff_t bytes(unsigned long pages) { return (loff_t)pages << PAGE_SHIFT; }

static void wait_unlocked(struct inode *inode)
{
    filemap_invalidate_unlock(inode->i_mapping);
    schedule();
    filemap_invalidate_lock(inode->i_mapping);
}

static int break_until_idle(struct inode *inode, loff_t start, loff_t end, bool nowait)
{
#if HAVE_BREAK_LAYOUT
    return dax_break_layout(inode, start, end, nowait ? NULL : wait_unlocked);
#else
    struct page *page;
    int error = 0;

    while (error == 0 && (page = dax_layout_busy_page_range(inode->i_mapping, start, end)) != NULL) {
        if (nowait)
            return -ERESTARTSYS;
        error = ___wait_var_event(&page->_refcount, atomic_read(&page->_refcount) == 1, TASK_INTERRUPTIBLE, 0, 0,
                                  wait_unlocked(inode));
    }
    return error;
#endif
}

static int break_layouts(struct inode *inode, loff_t start, loff_t end, bool nowait)
{
    int error = break_until_idle(inode, start, end, nowait);

    if (error == 0)
        machine_layouts_broken(container_of(inode, struct glue_file, inode)->number, start >> PAGE_SHIFT,
                               end == LLONG_MAX ? machine_file_pages : (end >> PAGE_SHIFT) + 1);
    return error;
}

static int lock_and_break(int file)
{
    struct inode *inode = inode_of(file);

    inode_lock(inode);
    filemap_invalidate_lock(inode->i_mapping);
    if (!fs_start_write())
        return -EIO;
    return break_layouts(inode, 0, LLONG_MAX, false);
}

static void unlock(int file)
{
    struct inode *inode = inode_of(file);

    filemap_invalidate_unlock(inode->i_mapping);
    inode_unlock(inode);
}

static int write_back(int file, loff_t start, loff_t end)
{
    struct writeback_control wbc = { .sync_mode = WB_SYNC_ALL, .range_start = start, .range_end = end };

    return dax_writeback_mapping_range(&inode_of(file)->i_data, pmem_dax, &wbc);
}

long glue_writeback(int file) { return write_back(file, 0, LLONG_MAX); }

long glue_break(int file, unsigned long first, unsigned long last, int nowait)
{
    struct inode *inode = inode_of(file);
    int error;

    inode_lock(inode);
    filemap_invalidate_lock(inode->i_mapping);
    error = break_layouts(inode, is_fuse(file) ? bytes(first) : 0, is_fuse(file) ? bytes(last) - 1 : LLONG_MAX, nowait);
    unlock(file);
    return error;
}

long glue_truncate(int file, unsigned long pages)
{
    int error = lock_and_break(file);

    if (error == 0) {
        truncate_setsize(inode_of(file), bytes(pages));
        free_file_blocks(files[file], pages, machine_file_pages);
    }
    unlock(file);
    return error;
}

/* xfs_free_file_space, ext4_punch_hole: what goes is written back first and dropped from the cache, then its blocks go. */
static void free_file_space(int file, unsigned long first, unsigned long last)
{
    write_back(file, bytes(first), bytes(last) - 1);
    truncate_pagecache_range(inode_of(file), bytes(first), bytes(last) - 1);
    free_file_blocks(files[file], first, last);
}

long glue_punch(int file, unsigned long first, unsigned long last)
{
    int error = lock_and_break(file);

    if (error == 0)
        free_file_space(file, first, last);
    unlock(file);
    return error;
}

static int give_block(int file, unsigned long page)
{
    int block = block_take(1);

    if (block < 0)
        return -ENOSPC;
    files[file]->map[page] = block;
    memset(page_address(block_page(block)), 0, PAGE_SIZE);
    machine_block_taken(block, file, page);
    return 0;
}

static int fill_holes(int file, unsigned long first, unsigned long last)
{
    unsigned long page;
    int error = 0;

    spin_lock(&fs_lock);
    for (page = first; page < last && error == 0; page++)
        if (files[file]->map[page] < 0)
            error = give_block(file, page);
    spin_unlock(&fs_lock);
    return error;
}

long glue_zero(int file, unsigned long first, unsigned long last)
{
    int error;

    if (is_fuse(file))
        return -EOPNOTSUPP;
    error = lock_and_break(file);
    if (error == 0) {
        free_file_space(file, first, last);
        error = fill_holes(file, first, last);
    }
    unlock(file);
    return error;
}

/* ---- shifts: xfs_prepare_shift and ext4_collapse_range flush and drop everything from the first page on */

static void prepare_shift(int file, unsigned long first)
{
    write_back(file, bytes(first), LLONG_MAX);
    truncate_pagecache(inode_of(file), bytes(first));
}

static void move_block(int file, unsigned long from, unsigned long to)
{
    files[file]->map[to] = files[file]->map[from];
    files[file]->map[from] = -1;
    machine_block_moved(files[file]->map[to], file, from, to);
}

long glue_collapse(int file, unsigned long first, unsigned long last)
{
    unsigned long size, page;
    int error;

    if (is_fuse(file))
        return -EOPNOTSUPP;
    error = lock_and_break(file);
    size = i_size_read(inode_of(file)) >> PAGE_SHIFT;
    if (error == 0 && last >= size)
        error = -EINVAL;
    if (error == 0) {
        prepare_shift(file, first);
        free_file_blocks(files[file], first, last);
        spin_lock(&fs_lock);
        for (page = last; page < size; page++)
            move_block(file, page, page - (last - first));
        spin_unlock(&fs_lock);
        truncate_setsize(inode_of(file), bytes(size - (last - first)));
    }
    unlock(file);
    return error;
}

long glue_insert(int file, unsigned long first, unsigned long last)
{
    unsigned long size, page, more = last - first;
    int error;

    if (is_fuse(file))
        return -EOPNOTSUPP;
    error = lock_and_break(file);
    size = i_size_read(inode_of(file)) >> PAGE_SHIFT;
    if (error == 0 && (first >= size || size + more > files[file]->first_pages))
        error = -EINVAL;
    if (error == 0) {
        prepare_shift(file, first);
        i_size_write(inode_of(file), bytes(size + more));
        spin_lock(&fs_lock);
        for (page = size; page-- > first;)
            move_block(file, page, page + more);
        spin_unlock(&fs_lock);
    }
    unlock(file);
    return error;
}

/* ---- a new owner for freed blocks: preallocation up to the first size */

long glue_reuse(int file)
{
    struct inode *inode = inode_of(file);
    int error = -EIO;

    inode_lock(inode);
    filemap_invalidate_lock(inode->i_mapping);
    if (fs_start_write() && fs_is_mounted()) {
        unsigned long page;

        /* The hole may be mapped by the zero page: nobody may go on seeing it. */
        for (page = 0; page < files[file]->first_pages; page++)
            if (files[file]->map[page] < 0 && xa_load(&inode->i_data.i_pages, page)) {
                unmap_mapping_pages(inode->i_mapping, page, 1, false);
                dax_delete_mapping_entry(inode->i_mapping, page);
            }
        error = fill_holes(file, 0, files[file]->first_pages);
        i_size_write(inode, bytes(files[file]->first_pages));
    }
    unlock(file);
    return error;
}

long glue_invalidate(int file, unsigned long first, unsigned long last)
{
    return invalidate_inode_pages2_range(&inode_of(file)->i_data, first, last - 1);
}

/* xfs_file_dax_write */
long glue_write(int file, unsigned long first, unsigned long last)
{
    struct inode *inode = inode_of(file);
    struct kiocb iocb = { .ki_filp = &files[file]->file, .ki_pos = bytes(first) };
    struct iov_iter iter = { .iter_type = ITER_KVEC, .data_source = ITER_SOURCE, .count = bytes(last - first) };
    long written = -EIO;

    inode_lock(inode);
    if (fs_start_write())
        written = dax_iomap_rw(&iocb, &iter, &glue_iomap_ops);
    if (written > 0 && iocb.ki_pos > i_size_read(inode))
        i_size_write(inode, iocb.ki_pos);
    inode_unlock(inode);
    return written;
}

/* ---- reflink: xfs_ilock2_io_mmap, xfs_mmaplock_two_inodes_and_break_dax_layout, xfs_reflink_remap_blocks */

static int lock_two_and_break(struct inode *first, struct inode *second)
{
    for (;;) {
        int error;

        filemap_invalidate_lock(first->i_mapping);
        error = break_layouts(first, 0, LLONG_MAX, false);
        if (error) {
            filemap_invalidate_unlock(first->i_mapping);
            return error;
        }
        down_write(&second->i_mapping->invalidate_lock);
        /* It cannot sleep here: the callback would drop the second lock alone. */
        if (break_layouts(second, 0, LLONG_MAX, true) == 0)
            return 0;
        filemap_invalidate_unlock(second->i_mapping);
        filemap_invalidate_unlock(first->i_mapping);
        machine_point(machine_point_yield, NULL);
    }
}

static void remap_blocks(int from, int to)
{
    unsigned long page;

    spin_lock(&fs_lock);
    for (page = 0; page < files[from]->first_pages && page < files[to]->first_pages; page++) {
        int old = files[to]->map[page], block = files[from]->map[page];

        files[to]->map[page] = block;
        if (old >= 0)
            block_put(old, to, page);
        if (block >= 0)
            share_block(block);
    }
    spin_unlock(&fs_lock);
}

long glue_reflink(int from, int to)
{
    struct inode *first = inode_of(min(from, to)), *second = inode_of(max(from, to));
    int error;

    if (machine_world.file[from].fs != machine_xfs || machine_world.file[to].fs != machine_xfs)
        return -EOPNOTSUPP;
    inode_lock(first);
    down_write(&second->i_rwsem);
    error = fs_start_write() ? lock_two_and_break(first, second) : -EIO;
    if (error == 0) {
        write_back(from, 0, LLONG_MAX);
        write_back(to, 0, LLONG_MAX);
        truncate_pagecache_range(inode_of(to), 0, LLONG_MAX);
        remap_blocks(from, to);
        i_size_write(inode_of(to), max(i_size_read(inode_of(to)), i_size_read(inode_of(from))));
        filemap_invalidate_unlock(second->i_mapping);
        filemap_invalidate_unlock(first->i_mapping);
    }
    inode_unlock(second);
    inode_unlock(first);
    return error;
}

int glue_open(int file)
{
    if (files[file]->evicting)
        return 0;
    files[file]->users++;
    return 1;
}

void glue_close(int file) { files[file]->users--; }

/* An inode that somebody maps, or has opened, is in use. */
long glue_evict(int file)
{
    struct inode *inode = inode_of(file);

    if (mapping_mapped(&inode->i_data) || files[file]->users != 0)
        return -EBUSY;
    files[file]->evicting = true;
#if HAVE_BREAK_LAYOUT
    dax_break_layout_final(inode);
#endif
    truncate_inode_pages_final(&inode->i_data);
    inode->i_data.flags &= ~(1ul << AS_EXITING); /* the next user of the slot is another inode */
    free_file_blocks(files[file], 0, machine_file_pages);
    files[file]->evicting = false;
    return 0;
}
