#include "dax/associate.hpp"

#include "dax/share.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

void dax_associate_entry(kernel& k, dax_entry entry, address_space& mapping, std::uint64_t index,
                         bool shared) {
    if (!entry.has_folio())
        return;
    folio& f = k.mem[entry.pfn()];
    const share_guard updating(k);
    // relaxed: the entry lock and xa_lock order writers; lockless readers (memory failure) recheck under xa_lock
    if (shared && (f.mapping.load(order::relaxed) != nullptr || dax_folio_is_shared(k, f))) {
        dax_folio_share_get(k, f);
        return;
    }
    if (f.mapping.load(order::relaxed) != nullptr)
        arch::fail(13, "a folio was associated twice", "dax_associate_entry found a mapping");
    f.mapping.store(&mapping, order::relaxed);
    f.index_or_share.store(index, order::relaxed);
}

void dax_disassociate_entry(kernel& k, dax_entry entry, address_space& mapping, bool trunc) {
    if (!entry.has_folio())
        return;
    folio& f = k.mem[entry.pfn()];
    const share_guard updating(k);
    if (trunc && k.mem.ledger(f).held() && !shared_with_others(k, f))
        arch::fail(18, "the entry of a busy page was deleted", "dax_disassociate_entry met a held page");
    if (f.mapping.load(order::relaxed) != &mapping && !dax_folio_is_shared(k, f))
        arch::fail(13, "a folio does not belong to the file whose entry refers to it",
                   "dax_disassociate_entry");
    dax_folio_put(k, f);
}

folio* dax_busy_page(kernel& k, dax_entry entry) {
    if (!entry.has_folio())
        return nullptr;
    folio& f = k.mem[entry.pfn()];
    if (k.rules.busy == busy_test::ref_above_one)
        return folio_ref_count(f) > 1 ? &f : nullptr;
    // refcount first: the mapping's reference outlives its mapcount, so a page being unmapped shows as busy, never as idle
    const int references = folio_ref_count(f);
    return references - folio_mapcount(f) != 0 ? &f : nullptr;
}

} // namespace daxtorture::inline ARCH_MACHINE
