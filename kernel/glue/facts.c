// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the oracle asks of the real objects: counts of pages, entries of files, page tables that map a block; and names for
 * addresses. Nothing here changes anything.
 */
#include "glue.h"

#include <linux/wait_bit.h>

#define ENTRY_LOCKED 1
#define ENTRY_PMD 2
#define ENTRY_ZERO 4
#define ENTRY_EMPTY 8
#define ENTRY_PFN_SHIFT 4

static long block_of_pfn(unsigned long pfn) { return (long)pfn - (long)PMEM_PFN; }

long glue_block_of(const void *page) { return block_of_pfn(page_to_pfn((struct page *)page)); }
int glue_refcount(long block) { return page_ref_count(block_page(block)); }
int glue_mapcount(long block) { return folio_mapcount(page_folio(block_page(block))); }

/* ---- entries */

static unsigned long entry_pages(unsigned long value) { return value & ENTRY_PMD ? PTRS_PER_PMD : 1; }
static long entry_block(unsigned long value)
{
    return value & (ENTRY_ZERO | ENTRY_EMPTY) ? -1 : block_of_pfn(value >> ENTRY_PFN_SHIFT);
}

/* Filled by each check anew: no part of the state that one world must not inherit from another. */
#define SCRATCH __section("glue_scratch")

static int entries_of_block[machine_pmem_pages] SCRATCH;

static void check_file(int file)
{
    struct address_space *mapping = &files[file]->inode.i_data;
    XA_STATE(xas, &mapping->i_pages, 0);
    unsigned long sum = 0;
    void *entry;

    xas_for_each(&xas, entry, ULONG_MAX) {
        unsigned long value, i;
        long block;

        if (!xa_is_value(entry)) {
            machine_violation(10, "an entry of a DAX file is no value", "file %s", machine_world.file[file].name);
            continue;
        }
        value = xa_to_value(entry);
        block = entry_block(value);
        sum += entry_pages(value);
        if (value & ENTRY_LOCKED)
            machine_violation(11, "an entry stays locked", "file %s, page %lu", machine_world.file[file].name,
                              xas.xa_index);
        for (i = 0; block >= 0 && i < entry_pages(value); i++)
            if (block + i < machine_pmem_pages)
                entries_of_block[block + i]++;
    }
    if (sum != mapping->nrpages)
        machine_violation(11, "nrpages differs from the sizes of all entries", "file %s: nrpages %lu, entries %lu",
                          machine_world.file[file].name, mapping->nrpages, sum);
}

/* ---- page tables: one walk through all of them for all blocks */

struct found_mapping {
    bool mapped, writable;
    unsigned int count; /* leaves */
    int mm;
    unsigned long address;
};
static struct found_mapping mapping_of_block[machine_pmem_pages] SCRATCH;

static void note_leaf(long block, int mm, unsigned long address, bool writable)
{
    struct found_mapping *found;

    if (block < 0 || block >= machine_pmem_pages)
        return;
    found = &mapping_of_block[block];
    found->mapped = true;
    found->writable |= writable;
    found->count++;
    found->mm = mm;
    found->address = address;
}

static void scan_tables(int mm, unsigned long pages)
{
    unsigned long address = USER_BASE, end = USER_BASE + pages * PAGE_SIZE;

    while (address < end) {
        pmd_t *pmd;
        pte_t *pte = find_pte(mms[mm], address, &pmd);
        unsigned long i;

        if (!pte && pmd && pmd_leaf(*pmd) && pmd_present(*pmd))
            for (i = 0; i < PTRS_PER_PMD; i++)
                note_leaf(block_of_pfn(pmd_pfn(*pmd) + i), mm, address + i * PAGE_SIZE, pmd_write(*pmd));
        for (i = 0; pte && i < PTRS_PER_PTE && address + i * PAGE_SIZE < end; i++)
            if (pte_present(pte[i]))
                note_leaf(block_of_pfn(pte_pfn(pte[i])), mm, address + i * PAGE_SIZE, pte_write(pte[i]));
        address += PMD_SIZE;
    }
}

/* One past the last virtual page that an area of the mm can be at. */
static unsigned long virtual_pages(int mm)
{
    unsigned long end = 0;
    unsigned int i;

    for (i = 0; i < machine_world.mm[mm].areas; i++) {
        const struct machine_area *area = &machine_world.mm[mm].area[i];

        end = max(end, (unsigned long)max(area->at, area->other_at) + area->last_page - area->first_page);
    }
    return end;
}

static void scan_all_tables(void)
{
    unsigned int mm;

    memset(mapping_of_block, 0, glue_blocks() * sizeof *mapping_of_block);
    for (mm = 0; mm < machine_world.mms; mm++)
        scan_tables(mm, virtual_pages(mm));
}

static void print_mapping(const struct found_mapping *found, char *text, unsigned long size)
{
    machine_format(text, size, "%s maps it at page %lu%s", machine_world.mm[found->mm].name,
              (found->address - USER_BASE) >> PAGE_SHIFT, found->writable ? ", writable" : "");
}

static unsigned long scanned_at = ~0ul;
void restart_facts(void) { scanned_at = ~0ul; }

int glue_find_mapping(long block, char *text, unsigned long size)
{
    if (scanned_at != machine_moment()) /* a range of blocks is freed without a hook in between */
        scan_all_tables();
    scanned_at = machine_moment();
    if (!mapping_of_block[block].mapped)
        return 0;
    print_mapping(&mapping_of_block[block], text, size);
    return 1;
}

/* ---- pages */

/* How many entries the page says it is in: one while it has a mapping, its share count when it is shared. */
static int entries_by_page(struct page *page)
{
#if HAVE_ZERO_REF
    struct folio *folio = page_folio(page);

    return folio->mapping ? 1 : (int)folio->share;
#else
    return page->mapping == (void *)PAGE_MAPPING_DAX_SHARED ? (int)page->share : page->mapping ? 1 : 0;
#endif
}

static void check_counts(long block, struct folio *folio)
{
#if HAVE_ZERO_REF
    int leaves = mapping_of_block[block].count, order = folio_order(folio), i;

    if (folio_ref_count(folio) < folio_mapcount(folio))
        machine_violation(6, "a refcount is below its mapcount", "block %ld: refcount %d, mapcount %d", block,
                          folio_ref_count(folio), folio_mapcount(folio));
    for (i = 1; order == 0 || i < 1 << order; i++) {
        if (order == 0)
            break;
        leaves = max(leaves, (int)mapping_of_block[block + i].count);
    }
    if (order == 0 && folio_mapcount(folio) != leaves)
        machine_violation(1, "mapcount differs from the page-table entries", "block %ld: mapcount %d, %d entries map it",
                          block, folio_mapcount(folio), leaves);
    if (leaves == 0 && folio_mapcount(folio) != 0)
        machine_violation(1, "mapcount differs from the page-table entries", "block %ld: mapcount %d, nobody maps it",
                          block, folio_mapcount(folio));
#endif
}

static void check_block(long block)
{
    struct page *page = block_page(block);
    struct folio *folio = page_folio(page);
    const struct found_mapping *found = &mapping_of_block[block];
    int entries = entries_of_block[block];
    char text[96];

    if (&folio->page != page)
        return; /* what its head says holds for it */
    if (entries_by_page(page) != entries)
        machine_violation(13, "a page does not know the entries that refer to it",
                          "block %ld: %d entries refer to it, its page says %d", block, entries, entries_by_page(page));
    check_counts(block, folio);
    if (entries == 0 && folio_order(folio) != 0)
        machine_violation(14, "a page without an entry belongs to a large folio", "block %ld: order %d", block,
                          folio_order(folio));
    if (!found->mapped)
        return;
    print_mapping(found, text, sizeof text);
    if (entries == 0)
        machine_violation(8, "a page without an entry is mapped", "block %ld: %s", block, text);
    if (PageHWPoison(page))
        machine_violation(31, "a page with bad memory is mapped", "block %ld: %s", block, text);
}

void glue_check_quiescent(void)
{
    unsigned int file;
    long block;

    memset(entries_of_block, 0, glue_blocks() * sizeof *entries_of_block);
    scan_all_tables();
    for (file = 0; file < machine_world.files; file++)
        check_file(file);
    for (block = 0; pmem.bound && block < pmem.blocks; block++)
        check_block(block);
}

/* ---- who waits for what */

static bool waits_with_key(unsigned int task, void *key)
{
    struct wait_queue_head *queue = __var_waitqueue(key);
    struct wait_queue_entry *entry;

    list_for_each_entry(entry, &queue->head, entry) {
        struct wait_bit_queue_entry *bit = container_of(entry, struct wait_bit_queue_entry, wq_entry);

        if (entry->private == thread_task[task] && bit->key.flags == key)
            return true;
    }
    return false;
}

int glue_awaited_block(unsigned int task, long *block)
{
    for (*block = 0; *block < glue_blocks(); ++*block) {
        struct page *page = block_page(*block);

        if (waits_with_key(task, page) || waits_with_key(task, &page->_refcount))
            return 1;
    }
    return 0;
}

int glue_an_entry_is_locked(void)
{
    unsigned int file;

    for (file = 0; file < machine_world.files; file++) {
        XA_STATE(xas, &files[file]->inode.i_data.i_pages, 0);
        void *entry;

        xas_for_each(&xas, entry, ULONG_MAX)
            if (xa_is_value(entry) && (xa_to_value(entry) & ENTRY_LOCKED))
                return 1;
    }
    return 0;
}

/* ---- names */

static void name_page(const void *address, char *text, unsigned long size)
{
    unsigned long offset = (unsigned long)address - vmemmap_base;
    long block = block_of_pfn(offset / sizeof(struct page));
    unsigned long field = offset % sizeof(struct page);
    const char *name = field == offsetof(struct page, _refcount)   ? "refcount"
                       : field == offsetof(struct page, _mapcount) ? "mapcount"
                       : field == offsetof(struct page, mapping)   ? "mapping"
                       : field == offsetof(struct page, flags)     ? "flags"
                                                                   : NULL;

    if (name)
        machine_format(text, size, "%s %ld %s", block < 0 ? "RAM page" : "page", block < 0 ? block + (long)PMEM_PFN : block,
                  name);
    else
        machine_format(text, size, "page %ld +%lu", block, field);
}

static bool name_in_file(const void *address, char *text, unsigned long size)
{
    unsigned int i;

    for (i = 0; i < machine_world.files; i++) {
        const char *name = machine_world.file[i].name;
        struct address_space *mapping = &files[i]->inode.i_data;

        if (address < (void *)files[i] || address >= (void *)(files[i] + 1))
            continue;
        if (address >= (void *)&mapping->i_pages && address < (void *)(&mapping->i_pages + 1))
            machine_format(text, size, "i_pages %s", name);
        else if (address == &files[i]->inode.i_size)
            machine_format(text, size, "i_size %s", name);
        else if (address == &mapping->nrpages)
            machine_format(text, size, "nrpages %s", name);
        else if (address >= (void *)&mapping->i_mmap && address < (void *)(&mapping->i_mmap + 1))
            machine_format(text, size, "i_mmap %s", name);
        else
            machine_format(text, size, "inode %s +%ld", name, (long)(address - (void *)files[i]));
        return true;
    }
    return false;
}

static bool name_table(const void *address, char *text, unsigned long size)
{
    unsigned int mm;

    for (mm = 0; mm < machine_world.mms; mm++) {
        unsigned long page, pages = virtual_pages(mm);

        for (page = 0; page < pages; page += PTRS_PER_PTE) {
            pmd_t *pmd;
            pte_t *pte = find_pte(mms[mm], user_address(page), &pmd);

            if (address == pmd)
                machine_format(text, size, "pmd %s[%lu]", machine_world.mm[mm].name, page);
            else if (pte && address >= (void *)pte && address < (void *)(pte + PTRS_PER_PTE))
                machine_format(text, size, "pte %s[%lu]", machine_world.mm[mm].name, page + ((pte_t *)address - pte));
            else
                continue;
            return true;
        }
        if (address >= (void *)mms[mm] && address < (void *)(mms[mm] + 1)) {
            machine_format(text, size, "mm %s +%ld", machine_world.mm[mm].name, (long)(address - (void *)mms[mm]));
            return true;
        }
    }
    return false;
}

void glue_name_address(const void *address, char *text, unsigned long size)
{
    unsigned long a = (unsigned long)address;

    if (a - vmemmap_base < (machine_ram_pages + machine_pmem_pages) * sizeof(struct page))
        name_page(address, text, size);
    else if (!name_in_file(address, text, size) && !name_table(address, text, size))
        machine_format(text, size, "%lx", a);
}

static void describe_file(int file, void (*line)(const char *text))
{
    XA_STATE(xas, &files[file]->inode.i_data.i_pages, 0);
    char text[128];
    void *entry;

    xas_for_each(&xas, entry, ULONG_MAX) {
        unsigned long value = xa_to_value(entry);

        machine_format(text, sizeof text, "entry %s[%lu]: block %ld%s%s%s%s", machine_world.file[file].name, xas.xa_index,
                  entry_block(value), value & ENTRY_PMD ? ", PMD" : "", value & ENTRY_ZERO ? ", zero page" : "",
                  value & ENTRY_LOCKED ? ", locked" : "", xas_get_mark(&xas, PAGECACHE_TAG_DIRTY) ? ", dirty" : "");
        line(text);
    }
}

void glue_describe_state(void (*line)(const char *text))
{
    unsigned int file;
    long block;
    char text[128];

    for (file = 0; file < machine_world.files; file++)
        describe_file(file, line);
    for (block = 0; block < glue_blocks(); block++) {
        struct folio *folio = page_folio(block_page(block));

        if (&folio->page != block_page(block) || (folio_ref_count(folio) == IDLE_COUNT && !folio->mapping))
            continue;
        machine_format(text, sizeof text, "page %ld: refcount %d, mapcount %d, order %u%s", block, folio_ref_count(folio),
                  folio_mapcount(folio), folio_order(folio), folio->mapping ? "" : ", no mapping");
        line(text);
    }
}
