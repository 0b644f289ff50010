#include "dax/associate.hpp"

#include "dax/dax_folio.hpp"
#include "dax/share.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// Entries that share a folio are of its size: nobody builds or dissolves it under the other one.
void check_same_size(const kernel& k, dax_entry entry, const folio& f) {
    if (k.rules.compound == compound_folio::yes && folio_test_large(k, f) != entry.pmd())
        arch::fail(invariant::I14, "an entry shares a folio of another size", "dax_associate_entry");
}

} // namespace

void dax_associate_entry(kernel& k, dax_entry entry, address_space& mapping, std::uint64_t index,
                         bool shared) {
    if (k.rules.folio_of_entry == entry_to_folio::before_check)
        dax_to_folio(k, entry);
    if (!entry.has_folio())
        return;
    const share_guard updating(k);
    const std::uint64_t first = index & ~(dax_entry_pages(k, entry) - 1);
    // relaxed, all of it: the entry lock and xa_lock order writers; lockless readers (memory failure) recheck under xa_lock
    for_each_dax_folio(k, entry, [&](folio& one, std::uint64_t offset) {
        if (shared && (one.mapping.load(order::relaxed) != nullptr || dax_folio_is_shared(k, one))) {
            check_same_size(k, entry, one);
            dax_folio_share_get(k, one);
            return;
        }
        if (one.mapping.load(order::relaxed) != nullptr)
            arch::fail(invariant::I13, "a folio was associated twice", "dax_associate_entry found a mapping");
        dax_folio_init(k, entry); // of a large folio there is one
        one.mapping.store(&mapping, order::relaxed);
        one.index_or_share.store(first + offset, order::relaxed);
    });
}

void dax_disassociate_entry(kernel& k, dax_entry entry, address_space& mapping, bool trunc) {
    if (!entry.has_folio()) {
        if (k.rules.zero_entries == zero_disassociate::yes && entry.zero_page())
            dax_to_folio(k, entry);
        return;
    }
    const share_guard updating(k);
    if (trunc && held_pages(k, entry, 0, dax_entry_pages(k, entry)) &&
        !shared_with_others(k, dax_to_folio(k, entry)))
        arch::fail(invariant::I18, "the entry of a busy page was deleted",
                   "dax_disassociate_entry met a held page");
    for_each_dax_folio(k, entry, [&](folio& f, std::uint64_t) {
        if (f.mapping.load(order::relaxed) != &mapping && !dax_folio_is_shared(k, f))
            arch::fail(invariant::I13, "a folio does not belong to the file whose entry refers to it",
                       "dax_disassociate_entry");
        dax_folio_put(k, f);
    });
}

namespace {

bool is_busy(const kernel& k, const folio& f, arch::site at) {
    if (k.rules.busy == busy_test::ref_above_one)
        return folio_ref_count(f, at) > 1;
    // refcount first: the mapping's reference outlives its mapcount, so a page being unmapped shows as busy, never as idle
    const int references = folio_ref_count(f, at);
    return references - folio_mapcount(f, at) != 0;
}

} // namespace

folio* dax_busy_page(kernel& k, dax_entry entry) {
    if (!entry.has_folio())
        return nullptr;
    const arch::site at = arch::site::here(); // not the lambda: a ladder names the kernel's function
    folio* busy = nullptr;
    for_each_dax_folio(k, entry, [&](folio& f, std::uint64_t) {
        if (busy == nullptr && is_busy(k, f, at))
            busy = &f;
    });
    return busy;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
