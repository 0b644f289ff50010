#include "mm/gup.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {
namespace {

int weight(gup_kind kind) { return kind == gup_kind::pin ? pin_bias : 1; }

/// The oracle's record of what threads rely on.
void note_held(page_ledger& page, gup_kind kind, int change) {
    if (kind == gup_kind::pin)
        page.pins.add(change);
    else
        page.gets.add(change);
}

/// A pin is for the device to write, so it needs a writable entry; a get only reads.
bool usable(pte_t pte, gup_kind kind) {
    return pte.present() && !pte.special() && (kind == gup_kind::get || pte.writable());
}

/// From here on the caller relies on the page.
held_page got(kernel& k, folio& f, gup_kind kind, const mm_struct& mm, std::uint64_t page) {
    page_ledger& record = k.mem.ledger(f);
    note_held(record, kind, 1);
    if (!block_backs(record.block, *mm.area_at(page), page))
        arch::fail(7, "got a page of a block that its file does not own",
                   "the block was freed between the look at the PTE and the reference");
    return {&f, kind, record.block.generation.get()};
}

held_page gup_fast_pte_range(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    arch::rcu_read_guard irqs_off(k.rcu);
    const pte_t pte = mm.table.get(page);
    if (!usable(pte, kind))
        return {};
    folio& f = k.mem[pte.pfn()];
    if (!folio_try_get(f))
        return {};
    if (kind == gup_kind::pin) {
        f.refcount.fetch_add(pin_bias - 1, arch::order::relaxed); // relaxed: the fence below follows it
        arch::smp_mb_after_atomic();
    }
    if (k.rules.recheck == gup_recheck::yes && !(mm.table.get(page) == pte)) {
        folio_put(k, f, weight(kind)); // may be the last: then it frees and wakes
        return {};
    }
    return got(k, f, kind, mm, page);
}

/// Under ptl: the mapping cannot go away, so the page is not idle.
held_page follow_page_pte(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    arch::guard held(mm.table.ptl);
    const pte_t pte = mm.table.get(page);
    if (!usable(pte, kind))
        return {};
    folio& f = k.mem[pte.pfn()];
    if (folio_ref_count(f) <= 0)
        arch::fail(5, "a mapped page has no reference",
                   "try_grab_folio met refcount 0 under the page-table lock");
    folio_get(f, weight(kind));
    return got(k, f, kind, mm, page);
}

} // namespace

held_page gup_fast_only(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    return gup_fast_pte_range(k, mm, page, kind);
}

held_page gup_fast(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    if (held_page held = gup_fast_pte_range(k, mm, page, kind))
        return held;
    return gup_slow(k, mm, page, kind, false);
}

held_page gup_slow(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind, bool longterm) {
    if (longterm && k.rules.long_pins == daxtorture::longterm::refuse)
        return {};
    for (;;) {
        {
            arch::read_guard held(mm.mmap_lock);
            if (mm.find_vma(page) == nullptr)
                return {};
            if (held_page pinned = follow_page_pte(k, mm, page, kind)) {
                if (longterm)
                    arch::fail(21, "FOLL_LONGTERM pin on an FS-DAX folio", "gup_slow");
                return pinned;
            }
        }
        if (mm.table.get(page).special() && kind == gup_kind::get)
            return {}; // the zero page: nothing to count
        if (handle_mm_fault(k, mm, page, kind == gup_kind::pin) == vm_fault_result::sigbus)
            return {};
    }
}

void gup_put(kernel& k, held_page held) {
    note_held(k.mem.ledger(*held.page), held.kind, -1);
    folio_put(k, *held.page, weight(held.kind));
}

void dma_write(kernel& k, const held_page& held) {
    held.page->contents.store(
        2, arch::order::relaxed); // relaxed: a device's write, ordered by whoever waits for its end
    if (k.mem.ledger(*held.page).block.generation.get() != held.generation)
        arch::fail(7, "DMA wrote to a block that has a new owner",
                   "the block was freed and reused while the pin was held");
    if (k.mem.ledger(*held.page).block.shared())
        arch::fail(7, "DMA wrote to a block that two files share",
                   "the block was shared while the pin was held");
}

} // namespace daxtorture::inline ARCH_MACHINE
