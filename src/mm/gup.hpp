/// Getting user pages: references that outlive the mapping. Mirrors mm/gup.c, v6.12 and v6.15.
///
/// Large     a page of a large folio is held through the head: one reference a page, and a pin counts in pincount beside it      [I4]
/// Fast      no locks, inside an RCU section: read the PTE, try-get its folio, read the PTE again and undo when it changed. The
///           second look is what makes the first one safe: a page may have been unmapped, freed and given to another file in between
/// Ordering  try-get (full) then PTE; the zapper: PTE then flush (full) then count. One of the two sees the other (O6)
/// Slow      under ptl, which every unmap needs: no second look
/// Checked   gup-vs-reuse, break-vs-pin; broken by the rules gup-recheck=no and scan-order=scan-first
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture::inline ARCH_MACHINE {

enum class gup_kind : unsigned char { get, pin };

/// A page that a thread holds, and the owner generation of its block when it was got.
struct held_page {
    folio* page = nullptr;
    folio* head = nullptr; ///< of its folio: stays the same while the page is held [I15]
    gup_kind kind = gup_kind::pin;
    std::uint64_t generation = 0;
    dev_pagemap* pagemap = nullptr; ///< held together with the page, where the protocol asks for it
    explicit operator bool() const { return page != nullptr; }
};

/// get_user_pages_fast_only of one page: no locks, no faults. Empty when it is not mapped, or was unmapped meanwhile.
held_page gup_fast_only(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind);
/// get_user_pages_fast / pin_user_pages_fast of one page: fast, then slow with faults. Empty when nothing can be had there.
held_page gup_fast(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind);
/// get_user_pages / pin_user_pages: slow only. FOLL_LONGTERM on a file DAX mapping is refused by the rule `longterm`.
held_page gup_slow(kernel& k, mm_struct& mm, std::uint64_t page, gup_kind kind, bool longterm);

/// unpin_user_page or put_page.
void gup_put(kernel& k, held_page held);

/// The device writes through a pin: the block must still have the owner it was pinned under [I7].
void dma_write(kernel& k, const held_page& held);

} // namespace daxtorture::inline ARCH_MACHINE
