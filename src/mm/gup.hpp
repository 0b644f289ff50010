/// Getting user pages: references that outlive the mapping. Mirrors mm/gup.c, v6.12 and v6.15.
///
/// Large     a page of a large folio is held through the head: one reference a page, and a pin counts in pincount beside it      [I4]
/// Fast      no locks, inside an RCU section: read the PTE, try-get its folio, read the PTE again and undo when it changed. The
///           second look is what makes the first one safe: a page may have been unmapped, freed and given to another file in between
/// Ordering  try-get (full) then PTE; the zapper: PTE then flush (full) then count. One of the two sees the other (O6)
/// Slow      under ptl, which every unmap needs: no second look
/// Several   the fast walk takes pages from the first on until it meets one that it cannot have, the slow path the rest. Generations A and B
///           look up a page's device once for the pages of a table; when it is dead, the walk of that table gives all back   [I23]
/// Checked   gup-vs-reuse, break-vs-pin, pin-range-vs-truncate, pin-range-vs-unbind; broken by the rules gup-recheck=no,
///           scan-order=scan-first and gup-undo=no
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

enum class gup_kind : unsigned char { get, pin };

/// What one reference of this kind weighs in the folio's refcount: a large folio counts its pins apart.
constexpr int gup_weight(gup_kind kind, bool large) { return kind == gup_kind::pin && !large ? pin_bias : 1; }

/// A page that a thread holds, and the owner generation of its block when it was got. Without initial values: a world has room
/// for many, and every execution of a check builds one.
struct held_page {
    folio* page;
    folio* head; ///< of its folio: stays the same while the page is held [I15]
    gup_kind kind;
    unsigned call; ///< of its owner: pages that one call got are dropped together
    std::uint64_t generation;
    dev_pagemap* pagemap; ///< held together with the page, where the protocol asks for it
    const char* taken;    ///< the ledger: the function that took it
    explicit operator bool() const { return page != nullptr; }
};
static_assert(sizeof(held_page) <= 48); // a worker has many, and GUP writes one for every page

/// Where a call's pages go, in the order of their addresses: as many as [first, last) of the call has.
using page_list = held_page*;

/// get_user_pages_fast_only: no locks, no faults. Returns how many pages were got, from `first` on.
unsigned gup_fast_only(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                       page_list pages);
/// get_user_pages_fast / pin_user_pages_fast: fast, then slow with faults for what is left. Fewer than asked for when one cannot be had.
unsigned gup_fast(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                  page_list pages);
/// get_user_pages / pin_user_pages: slow only. FOLL_LONGTERM on a file DAX mapping is refused by the rule `longterm`.
unsigned gup_slow(kernel& k, mm_struct& mm, std::uint64_t first, std::uint64_t last, gup_kind kind,
                  bool longterm, page_list pages);

/// unpin_user_pages, or put_page: pages of one kind. Neighbours in the list that are of one folio go in one step.
void gup_put(kernel& k, const held_page* pages, unsigned count);

/// The same for one page: empty when it cannot be had.
inline held_page gup_fast(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind) {
    held_page one{};
    gup_fast(k, mm, page, page + 1, kind, &one);
    return one;
}
inline void gup_put(kernel& k, const held_page& page) { gup_put(k, &page, 1); }

/// The device writes through a pin: the block must still have the owner it was pinned under [I7].
void dma_write(kernel& k, const held_page& held);

/// The reference ledger: from here on (1), or from here on no more (-1), the owner of `held` relies on its page.
inline void note_held(kernel& k, const held_page& held, int change) {
    if (!k.ledger)
        return;
    page_ledger& page = k.mem.ledger(*held.page);
    (held.kind == gup_kind::pin ? page.pins : page.gets).add(change);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
