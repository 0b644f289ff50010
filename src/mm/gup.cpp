#include "mm/gup.hpp"

#include "mm/memremap.hpp"
#include "protocol/near_miss.hpp"

#include <arch/check.hpp>
#include <arch/near_miss.hpp>

#include <utility>

namespace daxtorture::inline ARCH_MACHINE {
namespace {

/// What one reference of this kind weighs in the folio's refcount: a large folio counts its pins apart.
int weight(gup_kind kind, bool large) { return kind == gup_kind::pin && !large ? pin_bias : 1; }

/// The oracle's record of what threads rely on.
void note_held(page_ledger& page, gup_kind kind, int change) {
    if (kind == gup_kind::pin)
        page.pins.add(change);
    else
        page.gets.add(change);
}

/// A pin is for the device to write, so it needs a writable entry; a get only reads.
bool usable(pte_t entry, gup_kind kind) {
    return entry.present() && !entry.special() && (kind == gup_kind::get || entry.writable());
}

void count_pins(folio& f, int change) {
    // relaxed: atomic_add on _pincount; a full fence or the page-table lock follows it
    const int now = f.pincount.fetch_add(change, arch::order::relaxed) + change;
    if (now < 0 || now > f.refcount.peek())
        arch::fail(4, "pincount is negative or above refcount", "count_pins");
}

void drop(kernel& k, folio& f, gup_kind kind) {
    const bool large = folio_test_large(k, f);
    if (large && kind == gup_kind::pin)
        count_pins(f, -1);
    folio_put(k, f, weight(kind, large)); // may be the last: then it frees and wakes
}

/// The walk's reference to the device of a page, as the protocol asks for one.
class gup_device {
  public:
    gup_device(kernel& k, std::uint64_t pfn)
        : rule_(k.unbinds ? k.rules.gup_takes : gup_pagemap::none),
          pgmap_(rule_ == gup_pagemap::none ? nullptr : get_dev_pagemap(k, pfn)) {}
    ~gup_device() {
        if (pgmap_ != nullptr)
            put_dev_pagemap(*pgmap_);
    }
    gup_device(const gup_device&) = delete;
    gup_device& operator=(const gup_device&) = delete;

    bool gone() const { return rule_ != gup_pagemap::none && pgmap_ == nullptr; }
    /// The page was got: its reference takes the device's along where the protocol says so.
    held_page with(held_page held) {
        if (rule_ == gup_pagemap::reference)
            held.pagemap = std::exchange(pgmap_, nullptr);
        return held;
    }

  private:
    const gup_pagemap rule_;
    dev_pagemap* pgmap_;
};

/// From here on the caller relies on the page.
held_page got(kernel& k, folio& page, folio& head, gup_kind kind, const mm_struct& mm, std::uint64_t at) {
    page_ledger& record = k.mem.ledger(page);
    note_held(record, kind, 1);
    if (!block_backs(record.block, *mm.area_at(at), at))
        arch::fail(7, "got a page of a block that its file does not own",
                   "the block was freed between the look at the PTE and the reference");
    return {&page, &head, kind, record.block.generation.get()};
}

/// A reference on the folio of a page, if its count is not 0. The head is looked up again: without a reference it may have changed.
folio* try_get_folio(kernel& k, folio& page) {
    for (;;) {
        folio& head = page_folio(k, page);
        if (!folio_try_get(head)) {
            arch::near_miss(near_miss::try_get_idle);
            return nullptr;
        }
        if (&page_folio(k, page) == &head)
            return &head;
        folio_put(k, head);
    }
}

folio* try_grab_folio_fast(kernel& k, folio& page, gup_kind kind) {
    folio* head = try_get_folio(k, page);
    if (head == nullptr || kind == gup_kind::get)
        return head;
    if (folio_test_large(k, *head))
        count_pins(*head, 1);
    else
        head->refcount.fetch_add(pin_bias - 1, arch::order::relaxed); // relaxed: the fence below follows it
    arch::smp_mb_after_atomic();
    return head;
}

held_page gup_fast_pmd_leaf(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, pte_t pmd) {
    const pte_t entry = pmd.page_at(mm.table.pmd_offset(at));
    if (!usable(entry, kind))
        return {};
    gup_device device(k, entry.pfn());
    if (device.gone())
        return {};
    folio& page = k.mem[entry.pfn()];
    folio* head = try_grab_folio_fast(k, page, kind);
    if (head == nullptr)
        return {};
    if (k.rules.pmd_recheck == gup_recheck::yes && !(mm.table.pmd(at) == pmd)) {
        arch::near_miss(near_miss::gup_recheck);
        drop(k, *head, kind);
        return {};
    }
    return device.with(got(k, page, *head, kind, mm, at));
}

held_page gup_fast_pte_range(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, pte_t pmd) {
    const pte_t pte = mm.table.get(at);
    if (!usable(pte, kind))
        return {};
    gup_device device(k, pte.pfn());
    if (device.gone())
        return {};
    folio& page = k.mem[pte.pfn()];
    folio* head = try_grab_folio_fast(k, page, kind);
    if (head == nullptr)
        return {};
    if (k.rules.recheck == gup_recheck::yes &&
        ((mm.table.has_pmd() && !(mm.table.pmd(at) == pmd)) || !(mm.table.get(at) == pte))) {
        arch::near_miss(near_miss::gup_recheck);
        drop(k, *head, kind);
        return {};
    }
    return device.with(got(k, page, *head, kind, mm, at));
}

/// try_grab_folio under the page-table lock: the mapping cannot go away, so the folio is not idle.
held_page grab_mapped(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, pte_t entry,
                      bool& device_gone) {
    if (!usable(entry, kind))
        return {};
    gup_device device(k, entry.pfn());
    device_gone = device.gone();
    if (device_gone)
        return {};
    folio& page = k.mem[entry.pfn()];
    folio& head = page_folio(k, page);
    if (folio_ref_count(head) <= 0)
        arch::fail(5, "a mapped page has no reference",
                   "try_grab_folio met refcount 0 under the page-table lock");
    const bool large = folio_test_large(k, head);
    folio_get(head, weight(kind, large));
    if (large && kind == gup_kind::pin)
        count_pins(head, 1);
    return device.with(got(k, page, head, kind, mm, at));
}

held_page follow_pmd(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, bool& device_gone) {
    arch::guard held(mm.table.pmd_lock);
    const pte_t pmd = mm.table.pmd(at);
    return pmd.leaf() ? grab_mapped(k, mm, at, kind, pmd.page_at(mm.table.pmd_offset(at)), device_gone)
                      : held_page();
}

held_page follow_page_pte(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, bool& device_gone) {
    arch::guard held(mm.table.ptl);
    return grab_mapped(k, mm, at, kind, mm.table.get(at), device_gone);
}

held_page follow_page_mask(kernel& k, mm_struct& mm, std::uint64_t at, gup_kind kind, bool& device_gone) {
    if (mm.table.has_pmd()) {
        const pte_t pmd = mm.table.pmd(at);
        if (pmd.none())
            return {};
        if (pmd.leaf())
            return follow_pmd(k, mm, at, kind, device_gone);
    }
    return follow_page_pte(k, mm, at, kind, device_gone);
}

} // namespace

held_page gup_fast_only(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    arch::rcu_read_guard irqs_off(k.rcu);
    pte_t pmd;
    if (mm.table.has_pmd()) {
        pmd = mm.table.pmd(page);
        if (pmd.none())
            return {};
        if (pmd.leaf())
            return gup_fast_pmd_leaf(k, mm, page, kind, pmd);
    }
    return gup_fast_pte_range(k, mm, page, kind, pmd);
}

held_page gup_fast(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    if (held_page held = gup_fast_only(k, mm, page, kind))
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
            bool device_gone = false;
            if (held_page pinned = follow_page_mask(k, mm, page, kind, device_gone)) {
                if (longterm)
                    arch::fail(21, "FOLL_LONGTERM pin on an FS-DAX folio", "gup_slow");
                return pinned;
            }
            if (device_gone)
                return {};
        }
        const pte_t mapped = mm.table.walk(page);
        if (mapped.anon() || (mapped.special() && kind == gup_kind::get))
            return {}; // a private copy or a zero page: no page of the device
        if (handle_mm_fault(k, mm, page, kind == gup_kind::pin) == vm_fault_result::sigbus)
            return {};
    }
}

void gup_put(kernel& k, held_page held) {
    note_held(k.mem.ledger(*held.page), held.kind, -1);
    if (&page_folio(k, *held.page) != held.head)
        arch::fail(15, "the head of a held page changed", "gup_put");
    drop(k, *held.head, held.kind);
    if (held.pagemap != nullptr)
        put_dev_pagemap(*held.pagemap);
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
