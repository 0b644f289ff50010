/// The folios behind an entry: built when the entry is made, dissolved when the last one goes. Mirrors dax_to_folio, dax_folio_init and
/// the second half of dax_folio_put in fs/dax.c, v6.15 (kernel facts C2, C3), and for_each_mapped_pfn, v6.12.
///
/// States    pages alone -> one large folio, its tails naming the head (dax_folio_init) -> pages alone again           [I14]
/// Locks     the entry lock and xa_lock of the file; no reference may be left when a folio is dissolved
/// Checked   pmd-fault-vs-truncate, pmd-reuse-as-pages; broken by the rules tail-mapping, tail-pgmap and entry-folio
#pragma once

#include "dax/entry.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// The entry's folio, the first of them when it has several. Never of a zero or empty entry, whose frame number means nothing [I27].
folio& dax_to_folio(kernel& k, dax_entry entry);

/// Makes one folio of the pages of a PMD entry.
void dax_folio_init(kernel& k, dax_entry entry);
/// The last entry that referred to the folio is gone (dax_folio_put): a large one falls into its pages.
void dax_folio_reset_order(kernel& k, folio& head);

/// For checks: does a thread hold any of the pages [first, last) of an entry that has a folio?
bool held_pages(const kernel& k, dax_entry entry, std::uint64_t first, std::uint64_t last);

/// Calls fn(folio, offset) for each folio of an entry that has any: `offset` in pages from the entry's start. One-based, each page of a
/// PMD entry is a folio of its own.
template <class F> void for_each_dax_folio(kernel& k, dax_entry entry, F fn) {
    folio& first = dax_to_folio(k, entry);
    const std::uint64_t pages = k.rules.compound == compound_folio::yes ? 1 : dax_entry_pages(k, entry);
    for (std::uint64_t offset = 0; offset < pages; ++offset)
        fn((&first)[offset], offset);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
