// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filesystem: files, their blocks, and what the DAX code calls of it. It stands for ext4, xfs and fuse, whose locks and
 * callbacks it has (docs/kernel.md names the function that each part mirrors):
 *
 *   faults   filemap_invalidate_lock shared around dax_iomap_fault and dax_finish_sync_fault
 *   iomap    begin looks a block up or takes one; a write to a shared block reserves another (CoW fork) and gives the shared
 *            one as the source; end remaps the reserved block, or gives it back when nothing was written
 *
 * Block maps are arrays under one lock. A block is free when nobody refers to it.
 */
#include "glue.h"

#include <linux/huge_mm.h>
#include <linux/iomap.h>

struct glue_file *files[machine_files];
spinlock_t fs_lock;
static int block_users[machine_pmem_pages]; /* files that share it, and reservations */
static struct super_block super;
static struct inode_operations inode_operations;

/* ---- blocks */

static bool run_is_free(long first, long run)
{
    long i;

    for (i = 0; i < run; i++)
        if (block_users[first + i] != 0)
            return false;
    return true;
}

/* The first free run of blocks, aligned to its length; -1: no space. */
int block_take(long run)
{
    long first, i;

    for (first = ALIGN(machine_world.altmap_pages, run); first + run <= pmem.blocks; first += run) {
        if (!run_is_free(first, run))
            continue;
        for (i = 0; i < run; i++)
            block_users[first + i] = 1;
        return first;
    }
    return -1;
}

void block_put(int block, int file, long page)
{
    if (--block_users[block] != 0)
        return;
    block_changes_hands(block);
    machine_block_freed(block, file, page);
}

void share_block(int block) { block_users[block]++; }

void free_file_blocks(struct glue_file *of, unsigned long first, unsigned long last)
{
    unsigned long page;

    spin_lock(&fs_lock);
    for (page = first; page < last && page < machine_file_pages; page++) {
        int block = of->map[page];

        if (block >= 0) {
            of->map[page] = -1;
            block_put(block, of->number, page);
        }
    }
    spin_unlock(&fs_lock);
}

long glue_owner_block(int file, unsigned long page) { return files[file]->map[page]; }

/* ---- iomap */

/* Takes blocks for a hole: a whole aligned run where a PMD is wanted and nothing is in its way. */
static int fill_hole(struct glue_file *of, long page, long wanted)
{
    long run = wanted == PTRS_PER_PMD && (page & (PTRS_PER_PMD - 1)) == 0 ? PTRS_PER_PMD : 1;
    long i;
    int block;

    for (i = 0; i < run; i++)
        if (of->map[page + i] >= 0)
            run = 1;
    block = block_take(run);
    if (block < 0 && run > 1)
        block = block_take(run = 1);
    for (i = 0; block >= 0 && i < run; i++) {
        of->map[page + i] = block + i;
        machine_block_taken(block + i, of->number, page + i);
    }
    if (block >= 0)
        memset(page_address(block_page(block)), 0, PAGE_SIZE * run);
    return block;
}

static int reserve_copy(struct glue_file *of, long page)
{
    if (of->cow[page] < 0) {
        of->cow[page] = block_take(1);
        if (of->cow[page] >= 0)
            machine_block_taken(of->cow[page], of->number, page);
    }
    return of->cow[page];
}

static long extent_length(const struct glue_file *of, long page)
{
    int block = of->map[page];
    long length = 1;

    while (page + length < machine_file_pages && of->map[page + length] == (block < 0 ? -1 : block + length))
        length++;
    return length;
}

static void describe_extent(struct iomap *iomap, long page, int block, long length, unsigned int flags)
{
    iomap->offset = (loff_t)page << PAGE_SHIFT;
    iomap->length = (u64)length << PAGE_SHIFT;
    iomap->dax_dev = pmem_dax;
    iomap->flags = flags;
    iomap->type = block < 0 ? IOMAP_HOLE : IOMAP_MAPPED;
    iomap->addr = block < 0 ? IOMAP_NULL_ADDR : (u64)block << PAGE_SHIFT;
}

static int find_extent(struct glue_file *of, long page, long wanted, bool write, struct iomap *iomap,
                       struct iomap *source)
{
    unsigned int flags = 0;
    long length;

    if (of->map[page] < 0 && write) {
        if (fill_hole(of, page, wanted) < 0)
            return -ENOSPC;
        flags = IOMAP_F_NEW | IOMAP_F_DIRTY;
    }
    length = extent_length(of, page);
    if (of->map[page] >= 0 && block_users[of->map[page]] > 1) {
        flags |= IOMAP_F_SHARED;
        if (write) {
            if (reserve_copy(of, page) < 0)
                return -ENOSPC;
            describe_extent(source, page, of->map[page], 1, 0);
            describe_extent(iomap, page, of->cow[page], 1, flags);
            return 0;
        }
    }
    describe_extent(iomap, page, of->map[page], length, flags);
    return 0;
}

static int iomap_begin(struct inode *inode, loff_t position, loff_t length, unsigned int flags, struct iomap *iomap,
                       struct iomap *source)
{
    struct glue_file *of = container_of(inode, struct glue_file, inode);
    int error;

    if (fs_is_shut_down())
        return -EIO;
    spin_lock(&fs_lock);
    error = find_extent(of, position >> PAGE_SHIFT, length >> PAGE_SHIFT, flags & IOMAP_WRITE, iomap, source);
    spin_unlock(&fs_lock);
    machine_point(machine_point_yield, NULL);
    return error;
}

/* xfs_dax_write_iomap_end: the copy takes the place of the shared block, or is given back. */
static int iomap_end(struct inode *inode, loff_t position, loff_t length, ssize_t written, unsigned int flags,
                     struct iomap *iomap)
{
    struct glue_file *of = container_of(inode, struct glue_file, inode);
    long page = position >> PAGE_SHIFT;
    int copy;

    machine_point(machine_point_yield, NULL);
    if (!(flags & IOMAP_WRITE) || of->cow[page] < 0)
        return 0;
    spin_lock(&fs_lock);
    copy = of->cow[page];
    of->cow[page] = -1;
    if (written == 0) {
        block_put(copy, of->number, page);
    } else {
        int old = of->map[page];

        of->map[page] = copy;
        if (old >= 0)
            block_put(old, of->number, page);
    }
    spin_unlock(&fs_lock);
    return 0;
}

const struct iomap_ops glue_iomap_ops = { .iomap_begin = iomap_begin, .iomap_end = iomap_end };

/* ---- faults and writeback */

static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
    struct address_space *mapping = vmf->vma->vm_file->f_mapping;
    vm_fault_t result;
#if HAVE_PFN_T
    pfn_t pfn;
#else
    unsigned long pfn;
#endif

    if ((vmf->flags & FAULT_FLAG_WRITE) && !fs_start_write())
        return VM_FAULT_SIGBUS;
    filemap_invalidate_lock_shared(mapping);
    result = dax_iomap_fault(vmf, order, &pfn, NULL, &glue_iomap_ops);
    if (result & VM_FAULT_NEEDDSYNC)
        result = dax_finish_sync_fault(vmf, order, pfn);
    filemap_invalidate_unlock_shared(mapping);
    return result;
}

static vm_fault_t page_fault(struct vm_fault *vmf) { return huge_fault(vmf, 0); }

const struct vm_operations_struct glue_vm_ops = {
    .fault = page_fault, .huge_fault = huge_fault, .page_mkwrite = page_fault, .pfn_mkwrite = page_fault
};

/* fsync as dax_finish_sync_fault asks for it: the block's allocation becomes durable */
int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync)
{
    machine_point(machine_point_yield, NULL);
    return 0;
}

static int writepages(struct address_space *mapping, struct writeback_control *wbc)
{
    return dax_writeback_mapping_range(mapping, pmem_dax, wbc);
}

static const struct file_operations file_operations = { .get_unmapped_area = thp_get_unmapped_area };
static struct address_space_operations address_space_operations = {
    .writepages = writepages, .dirty_folio = noop_dirty_folio
};

/* ---- the files of a world */

static void build_inode(struct inode *inode, unsigned long pages)
{
    struct address_space *mapping = &inode->i_data;

    inode->i_mapping = mapping;
    inode->i_mode = S_IFREG;
    inode->i_flags = S_DAX;
    inode->i_sb = &super;
    inode->i_op = &inode_operations;
    inode->i_blkbits = PAGE_SHIFT;
    init_rwsem(&inode->i_rwsem);
    spin_lock_init(&inode->i_lock);
    i_size_write(inode, pages * PAGE_SIZE);
    mapping->host = inode;
    mapping->a_ops = &address_space_operations;
    mapping->gfp_mask = GFP_KERNEL;
    mapping->i_mmap = RB_ROOT_CACHED;
    xa_init_flags(&mapping->i_pages, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
    init_rwsem(&mapping->i_mmap_rwsem);
    init_rwsem(&mapping->invalidate_lock);
    spin_lock_init(&mapping->i_private_lock);
}

static void build_file(struct glue_file *of)
{
    struct file *file = &of->file;

    build_inode(&of->inode, of->first_pages);
    file->f_mapping = &of->inode.i_data;
    file->f_inode = &of->inode;
    file->f_mode = FMODE_READ | FMODE_WRITE;
    file->f_op = &file_operations;
#if HAVE_FILE_REF
    file_ref_init(&file->f_ref, 1);
#else
    atomic_long_set(&file->f_count, 1);
#endif
}

static void give_blocks(struct glue_file *of, bool huge)
{
    unsigned long page, i;

    for (page = 0; page < machine_file_pages; page++)
        of->map[page] = of->cow[page] = -1;
    for (page = 0; page < of->first_pages;) {
        bool whole = huge && (page & (PTRS_PER_PMD - 1)) == 0 && page + PTRS_PER_PMD <= of->first_pages;
        long run = whole ? PTRS_PER_PMD : 1;
        int block = block_take(run);

        if (block < 0)
            machine_impossible("the device has too few blocks for the files of the world");
        for (i = 0; i < run; i++, page++) {
            of->map[page] = block + i;
            machine_block_taken(block + i, of->number, page);
        }
    }
}

void build_files(void)
{
    unsigned int i;

    memset(block_users, 0, sizeof block_users);
    spin_lock_init(&fs_lock);
    for (i = 0; i < machine_world.files; i++) {
        struct glue_file *of = files[i] = machine_allocate(sizeof *of);

        of->number = i;
        of->first_pages = machine_world.file[i].pages;
        build_file(of);
        if (machine_world.file[i].fs == machine_devdax)
            attach_devdax(of);
        else
            give_blocks(of, machine_world.file[i].huge);
    }
}
