#include "oracle/quiescent.hpp"

#include "dax/entry.hpp"
#include "dax/share.hpp"
#include "oracle/state.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Calls `visit(area, page, pte)` for every page that a page-table entry maps; a PMD leaf counts as the PTEs in its place.
template <class Visit> void for_each_pte(const world_state& w, Visit visit) {
    for (const std::unique_ptr<mm_struct>& mm : w.mms)
        for (const vm_area& area : mm->areas)
            for (std::uint64_t page = area.first; page < area.last; ++page)
                if (const pte_t pte = mm->table.peek_walk(page); !pte.none())
                    visit(area, page, pte);
}

/// Calls `visit(pfn, is_leaf)` for every page-table entry that holds a folio.
template <class Visit> void for_each_mapping(const world_state& w, Visit visit) {
    const auto counts = [](pte_t entry) { return entry.present() && !entry.special(); };
    for (const std::unique_ptr<mm_struct>& mm : w.mms) {
        const page_table& table = mm->table;
        for (std::uint64_t page = 0; page < table.pages(); ++page)
            if (counts(table.peek(page)))
                visit(table.peek(page).pfn(), false);
        for (std::uint64_t page = 0; table.has_pmd() && page < table.pages(); page += table.pmd_pages())
            if (counts(table.peek_pmd(page)))
                visit(table.peek_pmd(page).pfn(), true);
        for (std::uint64_t page = 0; table.has_pud() && page < table.pages(); page += table.pud_pages())
            if (counts(table.peek_pud(page)))
                visit(table.peek_pud(page).pfn(), true);
    }
}

/// The head of the folio that a page belongs to, for the oracle.
std::uint64_t head_of(const world_state& w, std::uint64_t pfn) {
    const std::uintptr_t word = w.k.mem[pfn].compound_head.peek();
    if ((word & folio::tail_bit) == 0)
        return pfn;
    return w.k.mem.pfn(*reinterpret_cast<const folio*>(word - folio::tail_bit));
}

/// Calls `visit(file, index, entry)` for every DAX entry.
template <class Visit> void for_each_entry(const world_state& w, Visit visit) {
    for (const std::unique_ptr<inode>& file : w.files)
        file->mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t entry,
                                                unsigned) { visit(*file, index, dax_entry(entry)); });
}

void check_mapcounts(const world_state& w) { // I1
    std::vector<int> present(w.k.mem.pages(), 0);
    std::vector<int> entire(w.k.mem.pages(), 0);
    if (w.k.rules.mapping == mapping_counts::yes)
        for_each_mapping(w, [&](std::uint64_t pfn, bool leaf) {
            ++present[head_of(w, pfn)];
            entire[head_of(w, pfn)] += leaf;
        });
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if (!w.k.mem.removed(pfn) && (w.k.mem[pfn].mapcount.peek() != present[pfn] ||
                                      w.k.mem[pfn].entire_mapcount.peek() != entire[pfn]))
            arch::fail(invariant::I1, "mapcount differs from the page tables", "check_mapcounts");
}

/// What workers hold, by the head of the folio: at rest each knows that itself, whether or not there is a ledger.
struct held_pages_count {
    int references = 0; ///< as the head's refcount has them
    int pins = 0;       ///< of a large folio, as its pincount has them
};
std::vector<held_pages_count> count_held(const world_state& w) {
    std::vector<held_pages_count> all(w.k.mem.pages());
    for (unsigned i = 0; i < w.worker_count(); ++i)
        for (const held_page& held : w.workers[i].held) {
            const std::uint64_t head = head_of(w, w.k.mem.pfn(*held.page));
            const bool large = (w.k.mem[head].order_and_head.peek() & folio::head_bit) != 0;
            all[head].references += gup_weight(held.kind, large);
            all[head].pins += held.kind == gup_kind::pin && large;
        }
    return all;
}

void check_refcounts(const world_state& w, const std::vector<held_pages_count>& holders) { // I2, I3
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn) {
        if (w.k.mem.removed(pfn))
            continue;
        const folio& f = w.k.mem[pfn];
        const bool tail = head_of(w, pfn) != pfn; // which count nothing
        const int held = tail ? 0 : w.k.idle_count(f) + holders[pfn].references;
        const int expected = f.mapcount.peek() + held;
        const invariant broken = w.k.idle_count() == 0 ? invariant::I2 : invariant::I3;
        if (f.refcount.peek() > expected)
            arch::fail(broken, "leaked reference: refcount is above what anybody holds", "check_refcounts");
        if (f.refcount.peek() < expected)
            arch::fail(broken, "refcount is below what is held", "check_refcounts");
    }
}

void check_pincounts(const world_state& w, const std::vector<held_pages_count>& holders) { // I4
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if (w.k.mem[pfn].pincount.peek() != holders[pfn].pins)
            arch::fail(invariant::I4, "pincount differs from the pins that are held", "check_pincounts");
}

/// I13, I14: the folios of a device of large pages stay whole, and are known by their first page.
void check_device_folios(const world_state& w, const dev_pagemap& device, std::vector<bool>& part) {
    const std::uint64_t size = std::uint64_t{1} << device.order;
    for (std::uint64_t pfn = device.first_pfn; device.contains(pfn); ++pfn) {
        const std::uint64_t first = pfn - (pfn - device.first_pfn) % size;
        part[pfn] = true;
        if (w.k.mem.removed(pfn))
            continue;
        const folio& head = w.k.mem[first];
        if (head_of(w, pfn) != first || head.order_and_head.peek() != (device.order | folio::head_bit))
            arch::fail(invariant::I14, "a large page of a device is not whole", "check_device_folios");
        if (pfn == first && head.mapping.peek() != nullptr &&
            head.index_or_share.peek() != first - device.first_pfn)
            arch::fail(invariant::I13, "a large page of a device is known by another index",
                       "check_device_folios");
    }
}

/// I14: the folios of entries are as large as these, and whole; every other page stands alone.
void check_folios(const world_state& w) {
    std::vector<bool> part(w.k.mem.pages(), false);
    for_each_entry(w, [&](const inode&, std::uint64_t, dax_entry entry) {
        if (!entry.has_folio() || !entry.pmd() || w.k.rules.compound == compound_folio::no)
            return;
        if (w.k.mem.removed(entry.pfn()))
            return;
        const unsigned word = w.k.mem[entry.pfn()].order_and_head.peek();
        bool whole = word == (w.k.pmd_order | folio::head_bit);
        for (std::uint64_t i = 0; i < w.k.pmd_pages(); ++i) {
            part[entry.pfn() + i] = true;
            whole &= head_of(w, entry.pfn() + i) == entry.pfn();
        }
        if (!whole)
            arch::fail(invariant::I14, "the folio of a PMD entry is not one of its size", "check_folios");
    });
    for (const std::unique_ptr<dev_pagemap>& device : w.k.pgmaps)
        if (device->order != 0)
            check_device_folios(w, *device, part);
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if (!part[pfn] && !w.k.mem.removed(pfn) && !is_alone(w.k.mem[pfn], w.k.range_of(pfn)))
            arch::fail(invariant::I14, "a page without a PMD entry is not whole again", "check_folios");
}

/// Does a reader find zeros there, or nothing? A block is zeroed before the file has it; unwritten ones read as zeros, and so does an extent
/// of several pages but for those that were written. Of a block that has turned bad since a fault gets a SIGBUS and changes nothing.
bool reads_as_hole(const world_state& w, const inode& file, std::uint64_t index) {
    const std::uint64_t block = file.extents[index].peek();
    return block == block_allocator::none || file.unwritten[index].peek() || file.extent_order != 0 ||
           (w.pmem.badblocks != nullptr && w.pmem.badblocks[block - w.pmem.pgmap.first_pfn].peek());
}

void check_mappings(const world_state& w) { // I8
    for_each_pte(w, [&](const vm_area& area, std::uint64_t page, pte_t pte) {
        if (!pte.special() && !block_backs(w.k.mem.ledger(pte.pfn()).block, area, page))
            arch::fail(invariant::I8, "a page table maps a block that its file does not own",
                       "check_mappings");
        const inode& file = *static_cast<const inode*>(area.host);
        if (pte.special() && !pte.anon() && !reads_as_hole(w, file, area.file_page(page)))
            arch::fail(invariant::I8, "the zero page is mapped where the file has a block", "check_mappings");
    });
}

/// The folio against the entries that refer to it: `referred` of them.
void check_association(const world_state& w, unsigned pfn, unsigned referred) { // I13
    const folio& f = w.k.mem[pfn];
    const bool shared = f.mapping.peek() == shared_mark(w.k);
    if (referred == 0 && f.mapping.peek() != nullptr)
        arch::fail(invariant::I13, "a folio without an entry is still associated", "check_association");
    if (referred == 0 && w.k.rules.reset == share_reset::always && f.index_or_share.peek() != 0)
        arch::fail(invariant::I13, "a folio without an entry keeps an index or a share count",
                   "check_association");
    if (referred != 0 && shared && f.index_or_share.peek() != referred)
        arch::fail(invariant::I13, "the share count of a folio differs from its entries",
                   "check_association");
    if (referred > 1 && !shared)
        arch::fail(invariant::I13, "two entries refer to one unshared folio", "check_association");
}

void check_entries(const world_state& w) { // I11, I13
    std::vector<std::uint64_t> sizes(w.files.size(), 0);
    std::vector<unsigned> referred(w.k.mem.pages(), 0);
    for_each_entry(w, [&](const inode& file, std::uint64_t index, dax_entry entry) {
        if (entry.locked())
            arch::fail(invariant::I11, "an entry stayed locked", "check_entries");
        const std::uint64_t pages = dax_entry_pages(w.k, entry);
        sizes[static_cast<std::size_t>(file.mapping.number)] += pages;
        const std::uint64_t folios = w.k.rules.compound == compound_folio::yes ? 1 : pages;
        if (entry.has_folio() && w.k.mem.removed(entry.pfn()))
            return; // what is left of a filesystem that was not told
        for (std::uint64_t i = 0; entry.has_folio() && i < pages; ++i) {
            ++referred[entry.pfn() + i];
            const folio& f = w.k.mem[entry.pfn() + i];
            if (i < folios && f.mapping.peek() != shared_mark(w.k) &&
                (f.mapping.peek() != &file.mapping || f.index_or_share.peek() != index + i))
                arch::fail(invariant::I13, "mapping and index of a folio differ from its entry",
                           "check_entries");
            if (!w.k.mem.ledger(entry.pfn() + i).block.backs(file.mapping.number, index + i))
                arch::fail(invariant::I13, "an entry refers to a block that its file does not own",
                           "check_entries");
        }
    });
    for (const std::unique_ptr<inode>& file : w.files)
        if (file->mapping.nrpages.peek() != sizes[static_cast<std::size_t>(file->mapping.number)])
            arch::fail(invariant::I11, "nrpages differs from the entries", "check_entries");
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if (!w.k.mem.removed(pfn) && w.k.range_of(pfn).type == memory_type::fs_dax &&
            head_of(w, pfn) == pfn) // a tail has none of its own
            check_association(w, pfn, referred[pfn]);
}

void check_writable(const world_state& w) { // I19
    std::vector<std::vector<bool>> dirty;
    for (const std::unique_ptr<inode>& file : w.files) {
        dirty.emplace_back(file->max_pages, false);
        file->mapping.i_pages.for_each_peek(
            [&](std::uint64_t index, unsigned order, std::uint64_t, unsigned marks) {
                const std::uint64_t end =
                    std::min(index + (std::uint64_t{1} << order), std::uint64_t{dirty.back().size()});
                for (; index < end; ++index)
                    dirty.back()[index] = (marks >> pagecache_tag_dirty & 1) != 0;
            });
    }
    for_each_pte(w, [&](const vm_area& area, std::uint64_t page, pte_t pte) {
        if (pte.writable() && !pte.anon() &&
            !is_device(w.config.files[static_cast<std::size_t>(area.mapping->number)].fs) &&
            !dirty[static_cast<std::size_t>(area.mapping->number)][area.file_page(page)])
            arch::fail(invariant::I19, "a page is mapped writable and its entry is not DIRTY",
                       "check_writable");
    });
}

/// References to the pagemap that somebody accounts for: its own, its pages', and those that came with a page.
long accounted_pagemap_references(const world_state& w, const dev_pagemap& pgmap,
                                  const std::vector<held_pages_count>& holders) {
    long references = 1 + static_cast<long>(pgmap.folios());
    if (w.k.rules.unbind_pages == pages_at_unbind::while_busy && w.k.unbinds)
        for (std::uint64_t pfn = pgmap.first_pfn; pgmap.contains(pfn) && pgmap.type == memory_type::fs_dax;
             ++pfn)
            references += w.k.mem[pfn].refcount.peek() != 0 ? 1 : 0;
    if (pgmap.page_free != nullptr)
        for (std::uint64_t pfn = pgmap.first_pfn; pgmap.contains(pfn); ++pfn)
            references += holders[pfn].references != 0 ? 1 : 0; // handed out
    for (unsigned i = 0; i < w.worker_count(); ++i)
        for (const held_page& held : w.workers[i].held)
            references += held.pagemap == &pgmap ? 1 : 0;
    return references;
}

void check_devices(const world_state& w, const std::vector<held_pages_count>& holders) { // I22, I23, I31
    if (w.sb.mounted.peek() && w.sb.wants_to_hold && w.pmem.bound.peek() &&
        w.pmem.holder_ops.peek() == nullptr && w.pmem.holder_data.peek() == &w.sb)
        arch::fail(invariant::I22, "the device's holder has lost its operations", "check_devices");
    for (const std::unique_ptr<dev_pagemap>& pgmap : w.k.pgmaps)
        if (pgmap->ref.peek_live() &&
            pgmap->ref.peek_live_references() != accounted_pagemap_references(w, *pgmap, holders))
            arch::fail(invariant::I23, "leaked pagemap reference: unbind would wait for ever",
                       "check_devices");
    for_each_pte(w, [&](const vm_area&, std::uint64_t, pte_t pte) {
        if (!pte.special() && w.k.mem.removed(pte.pfn()))
            arch::fail(invariant::I23, "a page table maps a device that was unbound", "check_devices");
        else if (!pte.special() && w.k.mem.ledger(pte.pfn()).failed.get())
            arch::fail(invariant::I31, "a page with bad memory is mapped again", "check_devices");
    });
}

void check_blocks(const world_state& w) { // I32
    unsigned known = 0;
    for (const std::unique_ptr<inode>& file : w.files) {
        if (is_device(w.config.files[static_cast<std::size_t>(file->mapping.number)].fs))
            continue;
        for (unsigned page = 0; page < file->max_pages; ++page) {
            const bool reserved = file->cow_fork[page].peek() != block_allocator::none;
            known += reserved + (file->extents[page].peek() != block_allocator::none);
            if (reserved && page >= file->i_size.peek())
                arch::fail(invariant::I32, "a block is reserved behind the end of a file", "check_blocks");
        }
    }
    if (known != w.blocks.peek_owned())
        arch::fail(invariant::I32, "a block is neither free nor known to a file", "check_blocks");
}

void check_queues(const world_state& w) { // I26
    if (w.k.var_waits.peek_length() != 0 || w.k.entry_waits.peek_length() != 0)
        arch::fail(invariant::I26, "a wait queue is not empty", "check_queues");
}

} // namespace

void check_quiescent(const world_state& w) {
    const std::vector<held_pages_count> holders = count_held(w);
    check_devices(w, holders);
    check_refcounts(w, holders);
    check_mapcounts(w);
    if (w.k.pmd_order != 0) {
        check_pincounts(w, holders);
        check_folios(w);
    }
    check_mappings(w);
    check_entries(w);
    check_blocks(w);
    check_queues(w);
    check_writable(w);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
