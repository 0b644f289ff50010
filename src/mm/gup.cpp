#include "mm/gup.hpp"

#include "mm/memremap.hpp"
#include "words/near_miss.hpp"

#include <arch/check.hpp>
#include <arch/near_miss.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// A pin is for the device to write, so it needs a writable entry; a get only reads.
bool usable(pte_t entry, gup_kind kind) {
    return entry.present() && !entry.special() && (kind == gup_kind::get || entry.writable());
}

void count_pins(folio& f, int change) {
    // relaxed: atomic_add on _pincount; a full fence or the page-table lock follows it
    const int now = f.pincount.fetch_add(change, arch::order::relaxed) + change;
    if (now < 0 || now > f.refcount.peek())
        arch::fail(invariant::I4, "pincount is negative or above refcount", "count_pins");
}

void drop(kernel& k, folio& f, gup_kind kind, int refs) {
    const bool large = folio_test_large(k, f);
    if (large && kind == gup_kind::pin)
        count_pins(f, -refs);
    folio_put(k, f, refs * gup_weight(kind, large)); // may be the last: then it frees and wakes
}

/// The walk's reference to the device of the pages that it meets, as the protocol asks for one: got once for neighbours on one device.
class gup_device {
  public:
    explicit gup_device(kernel& k) : k_(k), rule_(k.unbinds ? k.rules.gup_takes : gup_pagemap::none) {}
    ~gup_device() { release(); }
    gup_device(const gup_device&) = delete;
    gup_device& operator=(const gup_device&) = delete;

    /// False: the device of this page is dead.
    bool get(std::uint64_t pfn) {
        if (rule_ == gup_pagemap::none || (pgmap_ != nullptr && pgmap_->contains(pfn)))
            return true;
        release();
        pgmap_ = get_dev_pagemap(k_, pfn);
        return pgmap_ != nullptr;
    }
    /// The page was got: its reference takes one of the device along where the protocol says so.
    dev_pagemap* with_page() {
        if (rule_ != gup_pagemap::reference)
            return nullptr;
        pgmap_->ref.get_many(1);
        return pgmap_;
    }

  private:
    void release() {
        if (pgmap_ != nullptr)
            put_dev_pagemap(*pgmap_);
        pgmap_ = nullptr;
    }

    kernel& k_;
    const gup_pagemap rule_;
    dev_pagemap* pgmap_ = nullptr;
};

/// One call: what it asks for, and what it has got so far.
struct gup_walk {
    /// Of a block that the file of the walk's VMA does not own.
    static constexpr std::uint64_t no_generation = ~std::uint64_t{0};

    kernel& k;
    mm_struct& mm;
    const std::uint64_t first, last;
    const gup_kind kind;
    const page_list pages;
    unsigned got = 0;
    unsigned relied = 0; ///< of those got: what the second look has confirmed

    /// Where the walk stands.
    std::uint64_t at() const { return first + got; }
    bool done() const { return at() == last; }
    /// Whose the blocks of the next pages are, at the very step that takes references on them. From then on they are held, and a second look at
    /// the entry that sees an old value is as good as a look at that time.
    void note_blocks(const folio& page, int count) const {
        const std::uint64_t pfn = k.mem.pfn(page);
        for (int i = 0; i < count; ++i) {
            const block_owner& block = k.mem.ledger(pfn + i).block;
            const std::uint64_t here = at() + i;
            pages[got + i].generation =
                block_backs(block, *mm.area_at(here), here) ? block.generation.get() : no_generation;
        }
    }
    void add(gup_device& device, folio& page, folio& head, const char* by = __builtin_FUNCTION()) {
        const std::uint64_t generation = pages[got].generation;
        pages[got++] = {&page, &head, kind, 0, generation, device.with_page(), k.ledger ? by : nullptr};
    }
    /// From here on the caller relies on all that was got.
    void rely() {
        for (; relied < got; ++relied) {
            held_page& held = pages[relied];
            note_held(k, held, 1);
            const block_owner& block = k.mem.ledger(*held.page).block;
            if (block_backs(block, *mm.area_at(first + relied), first + relied))
                held.generation =
                    block.generation.get(); // perhaps freed and given to the same page again meanwhile
            else if (held.generation == no_generation)
                arch::fail(invariant::I7, "got a page of a block that its file does not own",
                           "the block was freed between the look at the PTE and the reference");
            else if (was_freed(k, block, held.generation))
                arch::fail(invariant::I7, "a block was freed or reused while a page reference is held",
                           "between the reference and the second look at the PTE");
        }
    }
    /// gup_fast_undo_dev_pagemap: gives back what was got since there were `before`.
    void undo(unsigned before) {
        while (got > before) {
            const held_page& held = pages[--got];
            if (relied > got) {
                note_held(k, held, -1);
                relied = got;
            }
            if (k.rules.undo == gup_undo::no)
                continue;
            drop(k, *held.head, kind, 1);
            if (held.pagemap != nullptr)
                put_dev_pagemap(*held.pagemap);
        }
    }
};

/// References on the folio of a page, if its count is not 0. The head is looked up again: without a reference it may have changed.
folio* try_get_folio(const gup_walk& walk, folio& page, int refs) {
    kernel& k = walk.k;
    for (;;) {
        folio& head = page_folio(k, page);
        if (!folio_try_get(head, refs)) {
            arch::near_miss(near_miss::try_get_idle);
            return nullptr;
        }
        walk.note_blocks(page, refs);
        if (&page_folio(k, page) == &head)
            return &head;
        folio_put(k, head, refs);
    }
}

folio* try_grab_folio_fast(const gup_walk& walk, folio& page, int refs) {
    folio* head = try_get_folio(walk, page, refs);
    if (head == nullptr || walk.kind == gup_kind::get)
        return head;
    if (folio_test_large(walk.k, *head))
        count_pins(*head, refs);
    else
        head->refcount.fetch_add(refs * (pin_bias - 1),
                                 arch::order::relaxed); // relaxed: the fence below follows it
    arch::smp_mb_after_atomic();
    return head;
}

/// A leaf above the walk, and how to look at it again.
struct leaf_entry {
    pte_t seen;
    std::uint64_t at, offset;
    pte_t (page_table::*look)(std::uint64_t, arch::site) const;

    std::uint64_t pfn(std::uint64_t page) const { return seen.page_at(offset + (page - at)).pfn(); }
    /// The second look.
    bool has_changed(const gup_walk& walk, arch::site site) const {
        if (walk.k.rules.pmd_recheck == gup_recheck::no || (walk.mm.table.*look)(at, site) == seen)
            return false;
        arch::near_miss(near_miss::gup_recheck);
        return true;
    }
};

/// The pages up to `last` of a leaf whose pages are one folio.
bool gup_fast_folio_leaf(gup_walk& walk, std::uint64_t last, const leaf_entry& leaf, arch::site site) {
    kernel& k = walk.k;
    gup_device device(k);
    if (!device.get(leaf.pfn(leaf.at)))
        return false;
    const int refs = static_cast<int>(last - leaf.at);
    folio* head = try_grab_folio_fast(walk, k.mem[leaf.pfn(leaf.at)], refs);
    if (head == nullptr)
        return false;
    if (leaf.has_changed(walk, site)) {
        drop(k, *head, walk.kind, refs);
        return false;
    }
    while (walk.at() < last)
        walk.add(device, k.mem[leaf.pfn(walk.at())], *head);
    walk.rely();
    return true;
}

/// The same where each page of a leaf is got by itself, and all are given back when the leaf has changed meanwhile.
bool gup_fast_devmap_leaf(gup_walk& walk, std::uint64_t last, const leaf_entry& leaf, arch::site site) {
    kernel& k = walk.k;
    const unsigned before = walk.got;
    gup_device device(k);
    while (walk.at() < last) {
        const std::uint64_t pfn = leaf.pfn(walk.at());
        folio* head = nullptr;
        if (device.get(pfn))
            head = try_grab_folio_fast(walk, k.mem[pfn], 1);
        if (head == nullptr) {
            walk.undo(before);
            return false;
        }
        walk.add(device, k.mem[pfn], *head);
    }
    if (leaf.has_changed(walk, site)) {
        walk.undo(before);
        return false;
    }
    walk.rely();
    return true;
}

bool gup_fast_leaf(gup_walk& walk, std::uint64_t last, const leaf_entry& leaf, arch::site site) {
    if (!usable(leaf.seen, walk.kind))
        return false;
    return walk.k.rules.compound == compound_folio::yes ? gup_fast_folio_leaf(walk, last, leaf, site)
                                                        : gup_fast_devmap_leaf(walk, last, leaf, site);
}

bool gup_fast_pmd_leaf(gup_walk& walk, std::uint64_t last, pte_t pmd) {
    const std::uint64_t at = walk.at();
    return gup_fast_leaf(walk, last, {pmd, at, walk.mm.table.pmd_offset(at), &page_table::pmd},
                         arch::site::here());
}

bool gup_fast_pud_leaf(gup_walk& walk, std::uint64_t last, pte_t pud) {
    const std::uint64_t at = walk.at();
    return gup_fast_leaf(walk, last, {pud, at, walk.mm.table.pud_offset(at), &page_table::pud},
                         arch::site::here());
}

/// The pages up to `last` of one table.
bool gup_fast_pte_range(gup_walk& walk, std::uint64_t last, pte_t pmd) {
    kernel& k = walk.k;
    const page_table& table = walk.mm.table;
    const unsigned before = walk.got;
    gup_device device(k);
    for (std::uint64_t at = walk.at(); at < last; ++at) {
        const pte_t pte = table.get(at);
        if (!usable(pte, walk.kind))
            return false;
        if (!device.get(pte.pfn())) {
            walk.undo(before);
            return false;
        }
        folio& page = k.mem[pte.pfn()];
        folio* head = try_grab_folio_fast(walk, page, 1);
        if (head == nullptr)
            return false;
        if (k.rules.recheck == gup_recheck::yes &&
            ((table.has_pmd() && !(table.pmd(at) == pmd)) || !(table.get(at) == pte))) {
            arch::near_miss(near_miss::gup_recheck);
            drop(k, *head, walk.kind, 1);
            return false;
        }
        walk.add(device, page, *head);
        walk.rely();
    }
    return true;
}

void gup_fast_pgd_range(gup_walk& walk) {
    const arch::rcu_read_guard irqs_off(walk.k.rcu);
    const page_table& table = walk.mm.table;
    if (!table.has_pmd()) {
        gup_fast_pte_range(walk, walk.last, {});
        return;
    }
    for (bool goes_on = true; goes_on && !walk.done();) {
        const std::uint64_t at = walk.at();
        if (table.has_pud()) {
            if (const pte_t pud = table.pud(at); pud.leaf()) {
                goes_on = gup_fast_pud_leaf(
                    walk, std::min(walk.last, table.pud_first(at) + table.pud_pages()), pud);
                continue;
            }
        }
        const std::uint64_t last = std::min(walk.last, table.pmd_first(at) + table.pmd_pages());
        const pte_t pmd = table.pmd(at);
        if (pmd.none())
            return;
        goes_on = pmd.leaf() ? gup_fast_pmd_leaf(walk, last, pmd) : gup_fast_pte_range(walk, last, pmd);
    }
}

enum class follow : unsigned char { got, missing, device_gone };

/// try_grab_folio under the page-table lock: the mapping cannot go away, so the folio is not idle.
follow grab_mapped(gup_walk& walk, gup_device& device, pte_t entry) {
    kernel& k = walk.k;
    if (!usable(entry, walk.kind))
        return follow::missing;
    if (!device.get(entry.pfn()))
        return follow::device_gone;
    folio& page = k.mem[entry.pfn()];
    folio& head = page_folio(k, page);
    if (folio_ref_count(head) <= 0)
        arch::fail(invariant::I5, "a mapped page has no reference",
                   "try_grab_folio met refcount 0 under the page-table lock");
    const bool large = folio_test_large(k, head);
    folio_get(head, gup_weight(walk.kind, large));
    walk.note_blocks(page, 1);
    if (large && walk.kind == gup_kind::pin)
        count_pins(head, 1);
    walk.add(device, page, head);
    walk.rely();
    return follow::got;
}

follow follow_pmd(gup_walk& walk, gup_device& device) {
    page_table& table = walk.mm.table;
    arch::guard held(table.pmd_lock);
    const pte_t pmd = table.pmd(walk.at());
    return pmd.leaf() ? grab_mapped(walk, device, pmd.page_at(table.pmd_offset(walk.at()))) : follow::missing;
}

follow follow_pud(gup_walk& walk, gup_device& device) {
    page_table& table = walk.mm.table;
    arch::guard held(table.pud_lock);
    const pte_t pud = table.pud(walk.at());
    return pud.leaf() ? grab_mapped(walk, device, pud.page_at(table.pud_offset(walk.at()))) : follow::missing;
}

follow follow_page_pte(gup_walk& walk, gup_device& device) {
    arch::guard held(walk.mm.table.ptl);
    return grab_mapped(walk, device, walk.mm.table.get(walk.at()));
}

follow follow_page_mask(gup_walk& walk, gup_device& device) {
    if (walk.mm.table.has_pmd()) {
        if (walk.mm.table.has_pud() && walk.mm.table.pud(walk.at()).leaf())
            return follow_pud(walk, device);
        const pte_t pmd = walk.mm.table.pmd(walk.at());
        if (pmd.none())
            return follow::missing;
        if (pmd.leaf())
            return follow_pmd(walk, device);
    }
    return follow_page_pte(walk, device);
}

/// What is left of the call, page by page, with the faults that it takes. One mmap_lock over all of it, as in the kernel.
void get_user_pages_locked(gup_walk& walk, bool longterm) {
    arch::read_guard held(walk.mm.mmap_lock);
    gup_device device(walk.k);
    while (!walk.done() && walk.mm.find_vma(walk.at()) != nullptr) {
        const follow found = follow_page_mask(walk, device);
        if (found == follow::device_gone)
            return;
        if (found == follow::got) {
            if (longterm)
                arch::fail(invariant::I21, "FOLL_LONGTERM pin on an FS-DAX folio", "gup_slow");
            continue;
        }
        const pte_t mapped = walk.mm.table.walk(walk.at());
        if (mapped.anon() || (mapped.special() && walk.kind == gup_kind::get))
            return; // a private copy or a zero page: no page of the device
        if (handle_locked_fault(walk.k, walk.mm, walk.at(), walk.kind == gup_kind::pin) ==
            vm_fault_result::sigbus)
            return;
    }
}

} // namespace

unsigned gup_fast_only(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                       page_list pages) {
    gup_walk walk{k, mm, first, last, kind, pages};
    gup_fast_pgd_range(walk);
    return walk.got;
}

unsigned gup_fast(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                  page_list pages) {
    gup_walk walk{k, mm, first, last, kind, pages};
    gup_fast_pgd_range(walk);
    if (!walk.done())
        get_user_pages_locked(walk, false);
    return walk.got;
}

unsigned gup_slow(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                  bool longterm, page_list pages) {
    if (longterm && k.rules.long_pins == daxtorture::longterm::refuse)
        return 0;
    gup_walk walk{k, mm, first, last, kind, pages};
    get_user_pages_locked(walk, longterm);
    return walk.got;
}

void gup_put(kernel& k, const held_page* pages, unsigned count) {
    for (const held_page* const end = pages + count; pages != end;) {
        const held_page* const first = pages;
        for (; pages != end && pages->head == first->head; ++pages) {
            note_held(k, *pages, -1);
            if (&page_folio(k, *pages->page) != pages->head)
                arch::fail(invariant::I15, "the head of a held page changed", "gup_put");
        }
        drop(k, *first->head, first->kind, static_cast<int>(pages - first));
        for (const held_page* one = first; one != pages; ++one)
            if (one->pagemap != nullptr)
                put_dev_pagemap(*one->pagemap);
    }
}

void dma_write(kernel& k, const held_page& held) {
    k.mem.store_part(k.mem.pfn(*held.page), writer::device);
    if (k.mem.ledger(*held.page).block.generation.get() != held.generation)
        arch::fail(invariant::I7, "DMA wrote to a block that has a new owner",
                   "the block was freed and reused while the pin was held");
    if (k.mem.ledger(*held.page).block.shared())
        arch::fail(invariant::I7, "DMA wrote to a block that two files share",
                   "the block was shared while the pin was held");
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
