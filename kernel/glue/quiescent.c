// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold of the real objects when all threads have ended: page tables, entries and pages agree with each other, with
 * the blocks of the files, and with the references that are held. The checks, their order and their words are those of the model
 * (src/oracle/quiescent.cpp). Nothing here changes anything.
 */
#include "glue.h"

/* Filled by each check anew: no part of the state that one world must not inherit from another. */
#define SCRATCH __section("glue_scratch")

static int entries_of_block[machine_pmem_pages] SCRATCH;
static int maps_of_folio[machine_pmem_pages] SCRATCH; /* by its head: page-table entries, of any level */
static bool in_large_entry[machine_pmem_pages] SCRATCH;

struct found_mapping {
    bool mapped, writable;
    int mm;
    unsigned long address;
};
static struct found_mapping mapping_of_block[machine_pmem_pages] SCRATCH;

static const char *file_name(int file) { return machine_world.file[file].name; }

static bool block_is_present(long block)
{
    const struct device_state *device = device_of_block(block);

    return device && device->bound;
}

static bool is_fs_block(long block) { return block >= pmem.first_block && block < pmem.first_block + pmem.blocks; }

/* ---- page tables: one walk through all of them */

unsigned long virtual_pages(int mm)
{
    unsigned long end = 0;
    unsigned int i;

    for (i = 0; i < machine_world.mm[mm].areas; i++) {
        const struct machine_area *area = &machine_world.mm[mm].area[i];

        end = max(end, (unsigned long)max(area->at, area->other_at) + area->last_page - area->first_page);
    }
    return end;
}

typedef void (*leaf_visitor)(int mm, unsigned long address, unsigned long pfn, bool writable, unsigned long part);

/* Visits each page that a leaf maps; `part` is its number in the leaf. */
static void visit_tables(int mm, leaf_visitor visit)
{
    unsigned long address = USER_BASE, end = USER_BASE + virtual_pages(mm) * PAGE_SIZE;

    for (; address < end; address += PMD_SIZE) {
        pmd_t *pmd;
        pte_t *pte = find_pte(mms[mm], address, &pmd);
        unsigned long i;

        if (!pte && pmd && pmd_leaf(*pmd) && pmd_present(*pmd))
            for (i = 0; i < PTRS_PER_PMD; i++)
                visit(mm, address + i * PAGE_SIZE, pmd_pfn(*pmd) + i, pmd_write(*pmd), i);
        for (i = 0; pte && i < PTRS_PER_PTE && address + i * PAGE_SIZE < end; i++)
            if (pte_present(pte[i]))
                visit(mm, address + i * PAGE_SIZE, pte_pfn(pte[i]), pte_write(pte[i]), 0);
    }
}

static void visit_all_tables(leaf_visitor visit)
{
    unsigned int mm;

    for (mm = 0; mm < machine_world.mms; mm++)
        visit_tables(mm, visit);
}

static bool is_block(long block) { return block >= 0 && block < machine_pmem_pages; }

static void note_mapping(int mm, unsigned long address, unsigned long pfn, bool writable, unsigned long part)
{
    long block = block_of_pfn(pfn);
    struct found_mapping *found;

    if (!is_block(block))
        return;
    found = &mapping_of_block[block];
    found->mapped = true;
    found->writable |= writable;
    found->mm = mm;
    found->address = address;
    if (part == 0 && block_is_present(block))
        maps_of_folio[block_of_pfn(folio_pfn(page_folio(block_page(block))))]++;
}

static void scan_all_tables(void)
{
    memset(mapping_of_block, 0, glue_blocks() * sizeof *mapping_of_block);
    memset(maps_of_folio, 0, glue_blocks() * sizeof *maps_of_folio);
    visit_all_tables(note_mapping);
}

static void print_mapping(int mm, unsigned long address, bool writable, char *text, unsigned long size)
{
    machine_format(text, size, "%s maps it at page %lu%s", machine_world.mm[mm].name, (address - USER_BASE) >> PAGE_SHIFT,
                   writable ? ", writable" : "");
}

static unsigned long scanned_at = ~0ul;
void restart_facts(void) { scanned_at = ~0ul; }

int glue_find_mapping(long block, char *text, unsigned long size)
{
    const struct found_mapping *found = &mapping_of_block[block];

    if (scanned_at != machine_moment()) /* a range of blocks is freed without a hook in between */
        scan_all_tables();
    scanned_at = machine_moment();
    if (!found->mapped)
        return 0;
    print_mapping(found->mm, found->address, found->writable, text, size);
    return 1;
}

/* I23, I31 */
static void check_memory(int mm, unsigned long address, unsigned long pfn, bool writable, unsigned long part)
{
    long block = block_of_pfn(pfn);
    char text[96];

    if (!is_block(block))
        return;
    print_mapping(mm, address, writable, text, sizeof text);
    if (!block_is_present(block))
        machine_violation(23, "a page table maps a device that was unbound", "block %ld: %s", block, text);
    if (block_was_revoked(block))
        machine_violation(31, "a page with bad memory is mapped again", "block %ld: %s", block, text);
}

static struct glue_file *file_at(int mm, unsigned long address, unsigned long *page)
{
    struct vm_area_struct *vma = vma_lookup(mms[mm], address);

    if (!vma || !vma->vm_file)
        return NULL;
    *page = linear_page_index(vma, address);
    return container_of(vma->vm_file, struct glue_file, file);
}

/* I8 */
static void check_owner(int mm, unsigned long address, unsigned long pfn, bool writable, unsigned long part)
{
    long block = block_of_pfn(pfn);
    unsigned long page;
    struct glue_file *of = file_at(mm, address, &page);
    char text[96];

    if (!of || page >= machine_file_pages)
        return;
    print_mapping(mm, address, writable, text, sizeof text);
    if (is_block(block) && of->map[page] != block)
        machine_violation(8, "a page table maps a block that its file does not own", "block %ld of %s[%lu]: %s", block,
                          file_name(of->number), page, text);
    if (is_block(block) && page >= i_size_read(&of->inode) >> PAGE_SHIFT && is_fs_block(block))
        machine_violation(8, "a page is mapped beyond the end of its file", "%s[%lu]: %s", file_name(of->number), page, text);
    if (is_zero_pfn(pfn) && of->map[page] >= 0)
        machine_violation(8, "the zero page is mapped where the file has data", "%s[%lu]: %s", file_name(of->number), page,
                          text);
}

/* I19 */
static void check_writable(int mm, unsigned long address, unsigned long pfn, bool writable, unsigned long part)
{
    unsigned long page;
    struct glue_file *of = file_at(mm, address, &page);

    if (!of || !writable || !is_fs_block(block_of_pfn(pfn)))
        return;
    if (!xa_get_mark(&of->inode.i_data.i_pages, page, PAGECACHE_TAG_DIRTY))
        machine_violation(19, "a page is mapped writable and its entry is not DIRTY", "%s[%lu]", file_name(of->number), page);
}

/* ---- pages */

static int idle_count(long block) { return is_fs_block(block) ? IDLE_COUNT : 1; }

/* I2, I3, I1, I4: the counts of a folio */
static void check_counts(long block, struct folio *folio)
{
    long i, pages = folio_nr_pages(folio), gets = 0, pins = 0, references;
    int broken = IDLE_COUNT == 0 ? 2 : 3;

    for (i = 0; i < pages; i++) {
        gets += machine_gets(block + i);
        pins += machine_pins(block + i);
    }
    references = idle_count(block) + folio_mapcount(folio) + gets + pins * (folio_test_large(folio) ? 1 : GUP_PIN_COUNTING_BIAS);
    if (folio_ref_count(folio) > references)
        machine_violation(broken, "leaked reference: refcount is above what anybody holds",
                          "block %ld: refcount %d, accounted for %ld", block, folio_ref_count(folio), references);
    if (folio_ref_count(folio) < references)
        machine_violation(broken, "refcount is below what is held", "block %ld: refcount %d, accounted for %ld", block,
                          folio_ref_count(folio), references);
    if (HAVE_ZERO_REF && folio_mapcount(folio) != maps_of_folio[block])
        machine_violation(1, "mapcount differs from the page tables", "block %ld: mapcount %d, %d entries map it", block,
                          folio_mapcount(folio), maps_of_folio[block]);
    if (folio_test_large(folio) && atomic_read(&folio->_pincount) != pins)
        machine_violation(4, "pincount differs from the pins that are held", "block %ld: pincount %d, %ld held", block,
                          atomic_read(&folio->_pincount), pins);
}

#if HAVE_ZERO_REF
static bool is_shared(const struct page *page) { return !((const struct folio *)page)->mapping; }
static unsigned long share_of(const struct page *page) { return ((const struct folio *)page)->share; }
#else
static bool is_shared(const struct page *page) { return page->mapping == (void *)PAGE_MAPPING_DAX_SHARED; }
static unsigned long share_of(const struct page *page) { return page->share; }
#endif

/* I13: the page against the entries that refer to it */
static void check_association(long block, struct folio *folio)
{
    const struct page *page = &folio->page;
    unsigned long referred = entries_of_block[block];

    if (referred == 0 && ((const struct folio *)page)->mapping)
        machine_violation(13, "a folio without an entry is still associated", "block %ld", block);
    if (referred == 0 && HAVE_FOLIO_RESET && share_of(page) != 0)
        machine_violation(13, "a folio without an entry keeps an index or a share count", "block %ld: %lu", block,
                          share_of(page));
    if (referred != 0 && is_shared(page) && share_of(page) != referred)
        machine_violation(13, "the share count of a folio differs from its entries", "block %ld: share %lu, %lu entries",
                          block, share_of(page), referred);
    if (referred > 1 && !is_shared(page))
        machine_violation(13, "two entries refer to one unshared folio", "block %ld: %lu entries", block, referred);
}

/* ---- entries */

/* I14: the folio of an entry is as large as the entry */
static void check_size(int file, unsigned long index, unsigned long value)
{
    long block = entry_block(value);

    if (!HAVE_ZERO_REF || block < 0 || !(value & ENTRY_PMD) || !block_is_present(block))
        return;
    memset(in_large_entry + block, 1, entry_pages(value));
    if (page_folio(block_page(block)) != (struct folio *)block_page(block) ||
        folio_order(page_folio(block_page(block))) != PMD_ORDER)
        machine_violation(14, "the folio of a PMD entry is not one of its size", "%s[%lu], block %ld: order %u",
                          file_name(file), index, block, folio_order(page_folio(block_page(block))));
}

/* I13: what an entry refers to is known by it, and belongs to its file */
static void check_target(int file, unsigned long index, unsigned long value)
{
    struct address_space *mapping = &files[file]->inode.i_data;
    unsigned long i, folios = HAVE_ZERO_REF ? 1 : entry_pages(value);
    long block = entry_block(value);

    for (i = 0; block >= 0 && block_is_present(block) && i < entry_pages(value); i++) {
        struct page *page = block_page(block + i);

        entries_of_block[block + i]++;
        if (i < folios && !is_shared(page) && (((struct folio *)page)->mapping != mapping || ((struct folio *)page)->index != index + i))
            machine_violation(13, "mapping and index of a folio differ from its entry", "%s[%lu], block %ld", file_name(file),
                              index + i, block + i);
        if (files[file]->map[index + i] != block + i)
            machine_violation(13, "an entry refers to a block that its file does not own", "%s[%lu], block %ld",
                              file_name(file), index + i, block + i);
    }
}

typedef void (*entry_visitor)(int file, unsigned long index, unsigned long value);

static void visit_entries(entry_visitor visit)
{
    unsigned int file;

    for (file = 0; file < machine_world.files; file++) {
        XA_STATE(xas, &files[file]->inode.i_data.i_pages, 0);
        void *entry;

        xas_for_each(&xas, entry, ULONG_MAX) {
            if (!xa_is_value(entry))
                machine_violation(10, "an entry of a DAX file is no value", "file %s", file_name(file));
            visit(file, xas.xa_index & ~(entry_pages(xa_to_value(entry)) - 1), xa_to_value(entry));
        }
    }
}

static unsigned long pages_of_entries[machine_files] SCRATCH;

static void count_pages(int file, unsigned long index, unsigned long value)
{
    if (value & ENTRY_LOCKED)
        machine_violation(11, "an entry stayed locked", "%s[%lu]", file_name(file), index);
    pages_of_entries[file] += entry_pages(value);
}

static void check_sizes_of_files(void)
{
    unsigned int file;

    for (file = 0; file < machine_world.files; file++) {
        unsigned long pages = files[file]->inode.i_data.nrpages;

        if (pages != pages_of_entries[file])
            machine_violation(11, "nrpages differs from the entries", "file %s: nrpages %lu, entries %lu", file_name(file),
                              pages, pages_of_entries[file]);
    }
}

/* ---- all of it */

typedef void (*folio_visitor)(long block, struct folio *folio);

static void visit_folios(const struct device_state *device, folio_visitor visit)
{
    long block = device->first_block, end = min(block + device->blocks, glue_blocks());

    for (; device->bound && block < end; block++) {
        struct folio *folio = page_folio(block_page(block));

        if (folio == (struct folio *)block_page(block))
            visit(block, folio);
    }
}

/* I14: a large folio has an entry of its size */
static void check_entry_of_folio(long block, struct folio *folio)
{
    if (HAVE_ZERO_REF && folio_test_large(folio) && !in_large_entry[block])
        machine_violation(14, "a page without a PMD entry is not whole again", "block %ld", block);
}

void glue_check_quiescent(void)
{
    struct device_state *device;
    long i, blocks = glue_blocks();

    memset(entries_of_block, 0, blocks * sizeof *entries_of_block);
    memset(in_large_entry, 0, blocks * sizeof *in_large_entry);
    memset(pages_of_entries, 0, sizeof pages_of_entries);
    scan_all_tables();
    visit_all_tables(check_memory);
    for (i = 0; (device = device_number(i)) != NULL; i++)
        visit_folios(device, check_counts);
    visit_entries(check_size);
    visit_folios(&pmem, check_entry_of_folio);
    visit_all_tables(check_owner);
    visit_entries(check_target);
    visit_entries(count_pages);
    check_sizes_of_files();
    visit_folios(&pmem, check_association);
    visit_all_tables(check_writable);
}
