// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the oracle asks of the real objects while threads run or sleep: counts of pages, who waits for what, names for addresses.
 * Nothing here changes anything.
 */
#include "glue.h"

#include <linux/wait_bit.h>

long glue_block_of(const void *page) { return block_of_pfn(page_to_pfn((struct page *)page)); }
int glue_refcount(long block) { return page_ref_count(block_page(block)); }
int glue_counts_agree(const void *address)
{
#if HAVE_ZERO_REF
    unsigned long number = ((unsigned long)address - vmemmap_base) / sizeof(struct page);
    struct folio *folio = page_folio((struct page *)vmemmap_base + number);

    return folio_ref_count(folio) >= folio_mapcount(folio);
#else
    return 1; /* a mapping is no reference */
#endif
}
int glue_mapcount(long block) { return folio_mapcount(page_folio(block_page(block))); }

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

static int find_entry(bool (*fits)(unsigned long value))
{
    unsigned int file;

    for (file = 0; file < machine_world.files; file++) {
        XA_STATE(xas, &files[file]->inode.i_data.i_pages, 0);
        void *entry;

        xas_for_each(&xas, entry, ULONG_MAX)
            if (xa_is_value(entry) && fits(xa_to_value(entry)))
                return 1;
    }
    return 0;
}

static bool is_locked(unsigned long value) { return value & ENTRY_LOCKED; }
int glue_an_entry_is_locked(void) { return find_entry(is_locked); }

/* The folio of the entry has been dissolved, and the entry not removed yet. */
static bool has_lost_large_folio(unsigned long value)
{
    long block = entry_block(value);

    return (value & ENTRY_PMD) && block >= 0 && folio_order(page_folio(block_page(block))) == 0;
}
int glue_a_large_folio_is_dissolved(void) { return find_entry(has_lost_large_folio); }

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
