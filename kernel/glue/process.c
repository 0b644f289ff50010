// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces and the system calls on them: mmap, munmap, mremap, fork, mlock, GUP. All but the preparation of an area for
 * mmap is the tree's own code.
 */
#include "glue.h"

#include <linux/mman.h>
#include <linux/rcuwait.h>

struct mm_struct *mms[machine_mms];
int area_moved[machine_mms][machine_areas];

static const struct machine_area *area_of(int mm, int area) { return &machine_world.mm[mm].area[area]; }
static unsigned long pages_of(const struct machine_area *area) { return area->last_page - area->first_page; }

unsigned long area_address(int mm, int area)
{
    return user_address(area_moved[mm][area] ? area_of(mm, area)->other_at : area_of(mm, area)->at);
}

/* The area that a virtual page belongs to, wherever it is now; -1: none. */
int area_at(int mm, unsigned long page)
{
    unsigned int i;

    for (i = 0; i < machine_world.mm[mm].areas; i++) {
        const struct machine_area *area = area_of(mm, i);

        if (page - area->at < pages_of(area) || page - area->other_at < pages_of(area))
            return i;
    }
    return -1;
}

static struct mm_struct *build_mm(void)
{
    struct mm_struct *mm = machine_allocate(sizeof *mm + 512); /* with its CPU mask */

    mt_init_flags(&mm->mm_mt, MM_MT_FLAGS);
    mt_set_external_lock(&mm->mm_mt, &mm->mmap_lock);
    init_rwsem(&mm->mmap_lock);
#if HAVE_WRITER_WAIT
    mm_lock_seqcount_init(mm);
    rcuwait_init(&mm->vma_writer_wait);
#endif
    seqcount_init(&mm->write_protect_seq);
    spin_lock_init(&mm->page_table_lock);
    mm->task_size = TASK_SIZE_MAX;
    mm->pgd = (pgd_t *)page_address(ram_pages(0));
    atomic_set(&mm->mm_users, 1);
    atomic_set(&mm->mm_count, 1);
    return mm;
}

static unsigned long flags_of(const struct machine_area *area)
{
    return VM_READ | VM_MAYREAD | VM_MAYWRITE | VM_HUGEPAGE | (area->writable ? VM_WRITE : 0) |
           (area->shared ? VM_SHARED | VM_MAYSHARE : 0) | (area->sync ? VM_SYNC : 0) |
           (machine_world.file[area->file].fs == machine_fuse ? VM_MIXEDMAP : 0); /* fuse_dax_mmap */
}

static void map_area(int mm, int number)
{
    const struct machine_area *area = area_of(mm, number);
    struct glue_file *of = files[area->file];
    struct vm_area_struct *vma = vm_area_alloc(mms[mm]);

    area_moved[mm][number] = 0;
    vma->vm_start = user_address(area->at);
    vma->vm_end = vma->vm_start + pages_of(area) * PAGE_SIZE;
    vma->vm_pgoff = area->first_page;
    vma->vm_ops = machine_world.file[area->file].fs == machine_devdax ? &dax_vm_ops : &glue_vm_ops;
    vma->vm_file = &of->file;
    vma->vm_page_prot = PAGE_READONLY;
    get_file(&of->file);
    vm_flags_init(vma, flags_of(area));
    if (insert_vm_struct(mms[mm], vma))
        machine_impossible("an area cannot be inserted");
}

static void map_missing_areas(int mm)
{
    unsigned int i;

    mmap_write_lock(mms[mm]);
    for (i = 0; i < machine_world.mm[mm].areas; i++)
        if (!vma_lookup(mms[mm], area_address(mm, i)))
            map_area(mm, i);
    mmap_write_unlock(mms[mm]);
}

void build_mms(void)
{
    unsigned int mm;

    memset(area_moved, 0, sizeof area_moved);
    for (mm = 0; mm < machine_world.mms; mm++)
        mms[mm] = build_mm();
    for (mm = 0; mm < machine_world.mms; mm++) {
        become(mms[mm]);
        map_missing_areas(mm);
    }
}

long glue_mmap(int mm)
{
    become(mms[mm]);
    map_missing_areas(mm);
    return 0;
}

long glue_munmap(int mm)
{
    unsigned int i;
    long error = 0;

    become(mms[mm]);
    mmap_write_lock(mms[mm]);
    for (i = 0; i < machine_world.mm[mm].areas && error == 0; i++) {
        LIST_HEAD(uf);

        error = do_munmap(mms[mm], area_address(mm, i), pages_of(area_of(mm, i)) * PAGE_SIZE, &uf);
    }
    mmap_write_unlock(mms[mm]);
    return error;
}

asmlinkage long __x64_sys_mremap(const struct pt_regs *registers);

static long move_area(int mm, int number)
{
    const struct machine_area *area = area_of(mm, number);
    unsigned long length = pages_of(area) * PAGE_SIZE;
    unsigned long to = user_address(area_moved[mm][number] ? area->at : area->other_at);
    struct pt_regs registers = { .di = area_address(mm, number), .si = length, .dx = length,
                                 .r10 = MREMAP_MAYMOVE | MREMAP_FIXED, .r8 = to };
    long result;

    area_moved[mm][number] ^= 1; /* who looks the area up meanwhile tries both places */
    result = __x64_sys_mremap(&registers);
    if (result == to)
        return 0;
    area_moved[mm][number] ^= 1;
    return result;
}

long glue_mremap(int mm)
{
    unsigned int i;
    long error = 0;

    become(mms[mm]);
    for (i = 0; i < machine_world.mm[mm].areas && error == 0; i++)
        if (area_of(mm, i)->other_at != area_of(mm, i)->at)
            error = move_area(mm, i);
    return error;
}

asmlinkage long __x64_sys_mlock(const struct pt_regs *registers);

long glue_mlock(int mm)
{
    unsigned int i;
    long error = 0;

    become(mms[mm]);
    for (i = 0; i < machine_world.mm[mm].areas && error == 0; i++) {
        struct pt_regs registers = { .di = area_address(mm, i), .si = pages_of(area_of(mm, i)) * PAGE_SIZE };

        error = __x64_sys_mlock(&registers);
    }
    return error;
}

/* ---- fork */

#if !HAVE_DUP_MMAP
/* dup_mmap() is not to be reached (kernel/fork.c): the areas are copied one by one, under the same locks. */
static int copy_areas(struct mm_struct *child, struct mm_struct *parent)
{
    struct vm_area_struct *vma;
    int error = 0;
    VMA_ITERATOR(vmi, parent, 0);

    mmap_write_lock(parent);
    mmap_write_lock(child);
    for_each_vma(vmi, vma) {
        struct vm_area_struct *copy = vm_area_dup(vma);

        copy->vm_mm = child;
        if (anon_vma_fork(copy, vma))
            machine_impossible("anon_vma_fork fails");
        get_file(vma->vm_file);
        error = insert_vm_struct(child, copy);
        if (error == 0)
            error = copy_page_range(copy, vma);
        if (error)
            break;
    }
    flush_tlb_mm(parent);
    mmap_write_unlock(child);
    mmap_write_unlock(parent);
    return error;
}
#endif

long glue_fork(int parent, int child)
{
    become(mms[parent]);
    if (mms[child]->map_count != 0)
        return -EBUSY;
#if HAVE_DUP_MMAP
    return dup_mmap(mms[child], mms[parent]);
#else
    return copy_areas(mms[child], mms[parent]);
#endif
}

/* ---- GUP */

long glue_get_pages(int mm, unsigned long page, unsigned long count, int flags, void **pages)
{
    struct page **got = (struct page **)pages;
    unsigned long address = user_address(page);
    unsigned int gup = (flags & glue_gup_write ? FOLL_WRITE : 0) | (flags & glue_gup_longterm ? FOLL_LONGTERM : 0);
    bool pin = flags & glue_gup_pin;
    long result;

    become(mms[mm]);
    if (flags & glue_gup_lockless) {
        if (pin)
            return pin_user_pages_fast(address, count, gup | FOLL_NOFAULT, got);
        return get_user_pages_fast_only(address, count, gup, got);
    }
    if (!(flags & glue_gup_locked))
        return pin ? pin_user_pages_fast(address, count, gup, got) : get_user_pages_fast(address, count, gup, got);
    mmap_read_lock(mms[mm]);
    result = pin ? pin_user_pages(address, count, gup, got) : get_user_pages(address, count, gup, got);
    mmap_read_unlock(mms[mm]);
    return result;
}

void glue_put_page(void *page, int pinned)
{
    if (pinned)
        unpin_user_page(page);
    else
        put_page(page);
}

void glue_device_writes(void *page) { WRITE_ONCE(*(unsigned long *)page_address(page), 1); }
