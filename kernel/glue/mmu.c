// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU: user accesses walk the real page tables, set accessed and dirty bits, and fault through handle_mm_fault().
 *
 * With translations that outlive their access (geometry tlb=N), each CPU has a TLB. An entry that may be written is one whose
 * PTE is dirty. A flush removes a range of an mm from all CPUs.
 */
#include "glue.h"

#define TLB_ENTRIES 8
#define FAULTS_IN_A_ROW 200

struct translation {
    struct mm_struct *mm; /* NULL: none */
    unsigned long address;
    unsigned long pfn;
    bool writable;
    unsigned int owner_number; /* of the block, when the translation was made */
};

static struct translation tlb[machine_tasks][TLB_ENTRIES];
static unsigned int owner_number[machine_pmem_pages]; /* counts the owners that a block has had */

void block_changes_hands(long block) { owner_number[block]++; }
void forget_translations(void)
{
    memset(tlb, 0, sizeof tlb);
    memset(owner_number, 0, sizeof owner_number);
}

static bool is_block(unsigned long pfn) { return pfn >= PMEM_PFN && pfn < PMEM_PFN + machine_pmem_pages; }
static unsigned int owner_of(unsigned long pfn) { return is_block(pfn) ? owner_number[pfn - PMEM_PFN] : 0; }

void flush_translations(struct mm_struct *mm, unsigned long start, unsigned long end)
{
    int cpu, i;

    for (cpu = 0; cpu < machine_tasks; cpu++)
        for (i = 0; i < TLB_ENTRIES; i++) {
            struct translation *t = &tlb[cpu][i];

            if (t->mm == mm && t->address >= (start & PAGE_MASK) && t->address < end)
                t->mm = NULL;
        }
}

void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned int shift, bool tables)
{
    machine_point(machine_point_yield, NULL);
    flush_translations(mm, start, end);
    machine_point(machine_point_yield, NULL);
}

static struct translation *cached(struct mm_struct *mm, unsigned long address, bool write)
{
    int i;

    for (i = 0; i < TLB_ENTRIES; i++) {
        struct translation *t = &tlb[machine_task()][i];

        if (t->mm == mm && t->address == address && (!write || t->writable))
            return t;
    }
    return NULL;
}

static void remember(struct mm_struct *mm, unsigned long address, unsigned long pfn, bool write)
{
    int i;

    for (i = 0; i < TLB_ENTRIES; i++) {
        struct translation *t = &tlb[machine_task()][i];

        if (t->mm && !(t->mm == mm && t->address == address))
            continue;
        *t = (struct translation){ mm, address, pfn, write, owner_of(pfn) };
        return;
    }
}

/* ---- page tables */

/* The PTE of an address, NULL when a PMD entry or nothing is there; `pmd` is the PMD entry, if its table exists. */
pte_t *find_pte(struct mm_struct *mm, unsigned long address, pmd_t **pmd)
{
    pgd_t *pgd = pgd_offset(mm, address);
    p4d_t *p4d;
    pud_t *pud;

    *pmd = NULL;
    if (pgd_none(*pgd))
        return NULL;
    p4d = p4d_offset(pgd, address);
    if (p4d_none(*p4d))
        return NULL;
    pud = pud_offset(p4d, address);
    if (pud_none(*pud))
        return NULL;
    *pmd = pmd_offset(pud, address);
    if (pmd_none(READ_ONCE(**pmd)) || pmd_leaf(**pmd))
        return NULL;
    return pte_offset_kernel(*pmd, address);
}

/* What the walker of the hardware does, in one step: it finds a leaf that allows the access, and marks it. */
static bool translate(struct mm_struct *mm, unsigned long address, bool write, unsigned long *pfn)
{
    pmd_t *pmd;
    pte_t *pte = find_pte(mm, address, &pmd);

    if (pte) {
        pte_t entry = READ_ONCE(*pte);

        if (!pte_present(entry) || (write && !pte_write(entry)))
            return false;
        WRITE_ONCE(*pte, write ? pte_mkdirty(pte_mkyoung(entry)) : pte_mkyoung(entry));
        *pfn = pte_pfn(entry);
        return true;
    }
    if (pmd && pmd_leaf(READ_ONCE(*pmd))) {
        pmd_t entry = READ_ONCE(*pmd);

        if (!pmd_present(entry) || (write && !pmd_write(entry)))
            return false;
        WRITE_ONCE(*pmd, write ? pmd_mkdirty(pmd_mkyoung(entry)) : pmd_mkyoung(entry));
        *pfn = pmd_pfn(entry) + ((address & ~PMD_MASK) >> PAGE_SHIFT);
        return true;
    }
    return false;
}

static void check_owner(const struct translation *t)
{
    if (t->owner_number != owner_of(t->pfn))
        machine_violation(24, "access through a translation that outlived its block's owner", "block %ld",
                          (long)(t->pfn - PMEM_PFN));
}

/* One access without a fault. With a TLB other CPUs run between the translation and the access. */
static bool access_directly(struct mm_struct *mm, unsigned long address, bool write, unsigned long *pfn)
{
    struct translation *t;

    if (!machine_world.keeps_translations)
        return translate(mm, address, write, pfn);
    t = cached(mm, address, write);
    if (!t) {
        if (!translate(mm, address, write, pfn))
            return false;
        remember(mm, address, *pfn, write);
        machine_point(machine_point_yield, NULL);
        t = cached(mm, address, write);
        if (!t) /* flushed meanwhile */
            return false;
    }
    *pfn = t->pfn;
    check_owner(t);
    return true;
}

/* The page of the file that is at a virtual page; -1 when the area has moved, or the page may be a private copy. */
static long file_page_at(int mm, unsigned long page, int *file)
{
    int number = area_at(mm, page);
    const struct machine_area *area = &machine_world.mm[mm].area[number];
    unsigned long place = (area_address(mm, number) - USER_BASE) >> PAGE_SHIFT;
    long file_page = area->first_page + page - place;

    *file = area->file;
    return file_page < machine_file_pages && area->shared ? file_page : -1;
}

long glue_expected_block(int mm, unsigned long page)
{
    int file;
    long file_page = area_at(mm, page) < 0 ? -1 : file_page_at(mm, page, &file);

    return file_page < 0 ? -2 : files[file]->map[file_page];
}

static void complete_access(int mm, unsigned long page, unsigned long pfn, bool write, unsigned long value)
{
    int file;
    long file_page = file_page_at(mm, page, &file);
    long block = is_block(pfn) ? (long)(pfn - PMEM_PFN) : -1;

    if (write)
        *(unsigned long *)pfn_to_kaddr(pfn) = value;
    if (file_page < 0)
        return;
    if (write)
        machine_stored(file, file_page, block, files[file]->map[file_page]);
    else
        machine_loaded(file, file_page, block, files[file]->map[file_page]);
}

static long access_page(int mm, unsigned long page, bool write, unsigned long value)
{
    unsigned long address = user_address(page), pfn = 0;
    int faults;

    become(mms[mm]);
    for (faults = 0; faults < FAULTS_IN_A_ROW; faults++) {
        struct vm_area_struct *vma;
        vm_fault_t result;

        machine_point(machine_point_yield, NULL);
        if (access_directly(mms[mm], address, write, &pfn)) {
            complete_access(mm, page, pfn, write, value);
            return 0;
        }
        mmap_read_lock(mms[mm]);
        vma = vma_lookup(mms[mm], address);
        if (!vma || (write && !(vma->vm_flags & VM_WRITE))) {
            mmap_read_unlock(mms[mm]);
            return -EFAULT;
        }
        result = handle_mm_fault(vma, address, FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0), NULL);
        if (!(result & (VM_FAULT_RETRY | VM_FAULT_COMPLETED)))
            mmap_read_unlock(mms[mm]);
        if (result & VM_FAULT_ERROR)
            return -EIO;
    }
    machine_violation(0, "a fault does not make progress", "%d faults in a row", FAULTS_IN_A_ROW);
    return -ELOOP;
}

long glue_load(int mm, unsigned long page) { return access_page(mm, page, false, 0); }
long glue_store(int mm, unsigned long page, unsigned long value) { return access_page(mm, page, true, value); }
