#include "oracle/quiescent.hpp"

#include "dax/entry.hpp"
#include "dax/share.hpp"
#include "oracle/state.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {
namespace {

/// Calls `visit(area, page, pte)` for every page-table entry that is not empty.
template <class Visit> void for_each_pte(const world_state& w, Visit visit) {
    for (const std::unique_ptr<mm_struct>& mm : w.mms)
        for (const vm_area& area : mm->areas)
            for (std::uint64_t page = area.first; page < area.last; ++page)
                if (const pte_t pte = mm->table.peek(page); !pte.none())
                    visit(area, page, pte);
}

/// Calls `visit(file, index, entry)` for every DAX entry.
template <class Visit> void for_each_entry(const world_state& w, Visit visit) {
    for (const std::unique_ptr<inode>& file : w.files)
        file->mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t entry,
                                                unsigned) { visit(*file, index, dax_entry(entry)); });
}

void check_mapcounts(const world_state& w) { // I1
    std::vector<int> present(w.k.mem.pages(), 0);
    if (w.k.rules.mapping == mapping_counts::yes)
        for_each_pte(w, [&](const vm_area&, std::uint64_t, pte_t pte) {
            if (!pte.special())
                ++present[pte.pfn()];
        });
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        if (w.k.mem[pfn].mapcount.peek() != present[pfn])
            arch::fail(1, "mapcount differs from the page tables", "check_mapcounts");
}

void check_refcounts(const world_state& w) { // I2, I3
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn) {
        const folio& f = w.k.mem[pfn];
        const page_ledger& held = w.k.mem.ledger(pfn);
        const int expected =
            w.k.idle_count() + f.mapcount.peek() + held.gets.get() + pin_bias * held.pins.get();
        if (f.refcount.peek() > expected)
            arch::fail(w.k.idle_count() == 0 ? 2 : 3,
                       "leaked reference: refcount is above what anybody holds", "check_refcounts");
        if (f.refcount.peek() < expected)
            arch::fail(w.k.idle_count() == 0 ? 2 : 3, "refcount is below what is held", "check_refcounts");
    }
}

void check_mappings(const world_state& w) { // I8
    for_each_pte(w, [&](const vm_area& area, std::uint64_t page, pte_t pte) {
        if (!pte.special() && !block_backs(w.k.mem.ledger(pte.pfn()).block, area, page))
            arch::fail(8, "a page table maps a block that its file does not own", "check_mappings");
    });
}

/// The folio against the entries that refer to it: `referred` of them.
void check_association(const world_state& w, unsigned pfn, unsigned referred) { // I13
    const folio& f = w.k.mem[pfn];
    const bool shared = f.mapping.peek() == shared_mark(w.k);
    if (referred == 0 && f.mapping.peek() != nullptr)
        arch::fail(13, "a folio without an entry is still associated", "check_association");
    if (referred == 0 && w.k.rules.reset == share_reset::always && f.index_or_share.peek() != 0)
        arch::fail(13, "a folio without an entry keeps an index or a share count", "check_association");
    if (referred != 0 && shared && f.index_or_share.peek() != referred)
        arch::fail(13, "the share count of a folio differs from its entries", "check_association");
    if (referred > 1 && !shared)
        arch::fail(13, "two entries refer to one unshared folio", "check_association");
}

void check_entries(const world_state& w) { // I11, I13
    std::vector<std::uint64_t> sizes(w.files.size(), 0);
    std::vector<unsigned> referred(w.k.mem.pages(), 0);
    for_each_entry(w, [&](const inode& file, std::uint64_t index, dax_entry entry) {
        if (entry.locked())
            arch::fail(11, "an entry stayed locked", "check_entries");
        ++sizes[static_cast<std::size_t>(file.mapping.number)];
        if (!entry.has_folio())
            return;
        const folio& f = w.k.mem[entry.pfn()];
        ++referred[entry.pfn()];
        if (f.mapping.peek() != shared_mark(w.k) &&
            (f.mapping.peek() != &file.mapping || f.index_or_share.peek() != index))
            arch::fail(13, "mapping and index of a folio differ from its entry", "check_entries");
        if (!w.k.mem.ledger(entry.pfn()).block.backs(file.mapping.number, index))
            arch::fail(13, "an entry refers to a block that its file does not own", "check_entries");
    });
    for (const std::unique_ptr<inode>& file : w.files)
        if (file->mapping.nrpages.peek() != sizes[static_cast<std::size_t>(file->mapping.number)])
            arch::fail(11, "nrpages differs from the entries", "check_entries");
    for (unsigned pfn = 0; pfn < w.k.mem.pages(); ++pfn)
        check_association(w, pfn, referred[pfn]);
}

void check_writable(const world_state& w) { // I19
    std::vector<std::vector<bool>> dirty;
    for (const std::unique_ptr<inode>& file : w.files) {
        dirty.emplace_back(file->max_pages, false);
        file->mapping.i_pages.for_each_peek(
            [&](std::uint64_t index, unsigned, std::uint64_t, unsigned marks) {
                if (index < dirty.back().size())
                    dirty.back()[index] = (marks >> pagecache_tag_dirty & 1) != 0;
            });
    }
    for_each_pte(w, [&](const vm_area& area, std::uint64_t page, pte_t pte) {
        if (pte.writable() && !dirty[static_cast<std::size_t>(area.mapping->number)][area.file_page(page)])
            arch::fail(19, "a page is mapped writable and its entry is not DIRTY", "check_writable");
    });
}

void check_queues(const world_state& w) { // I26
    if (w.k.var_waits.peek_length() != 0 || w.k.entry_waits.peek_length() != 0)
        arch::fail(26, "a wait queue is not empty", "check_queues");
}

} // namespace

void check_quiescent(const world_state& w) {
    check_refcounts(w);
    check_mapcounts(w);
    check_mappings(w);
    check_entries(w);
    check_queues(w);
    check_writable(w);
}

} // namespace daxtorture::inline ARCH_MACHINE
