#include "dax/truncate.hpp"

#include "dax/associate.hpp"
#include "dax/entry_lock.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

void dax_delete_mapping_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                              delete_what which) {
    xa_state xas(mapping.i_pages, first);
    arch::guard held(mapping.i_pages.xa_lock);
    for (std::uint64_t entry = xas_find(xas, last - 1); entry != 0; entry = xas_next_entry(xas, last - 1)) {
        if (!xa_is_value(entry))
            continue;
        entry = wait_entry_unlocked_exclusive(k, mapping, xas, entry);
        if (entry == 0)
            continue;
        if (which == delete_what::clean && xas_get_mark(xas, pagecache_tag_dirty)) {
            put_unlocked_entry(k, mapping, xas, entry, wake_mode::next);
            continue;
        }
        dax_disassociate_entry(k, dax_entry(entry), mapping, true);
        xas_store(xas, 0);
        mapping.nrpages.set(mapping.nrpages.get() - dax_entry_pages(k, dax_entry(entry)));
        dax_wake_entry(k, mapping, xas, entry, removal_wake(k));
    }
}

bool dax_invalidate_mapping_entry_sync(kernel& k, address_space& mapping, std::uint64_t index,
                                       invalidate_what which) {
    xa_state xas(mapping.i_pages, index);
    arch::guard held(mapping.i_pages.xa_lock);
    const std::uint64_t entry = get_next_unlocked_entry(k, mapping, xas, 0);
    if (entry == 0 || !xa_is_value(entry))
        return false;
    const bool refused =
        xas_get_mark(xas, pagecache_tag_dirty) || xas_get_mark(xas, pagecache_tag_towrite) ||
        (which == invalidate_what::clean_and_idle && dax_busy_page(k, dax_entry(entry)) != nullptr);
    if (!refused) {
        dax_disassociate_entry(k, dax_entry(entry), mapping, false);
        xas_store(xas, 0);
        mapping.nrpages.set(mapping.nrpages.get() - dax_entry_pages(k, dax_entry(entry)));
    }
    // All in either case: whoever queued behind the entry finds none, and has nothing to hand on.
    put_unlocked_entry(k, mapping, xas, entry, removal_wake(k));
    return !refused;
}

bool invalidate_inode_pages2_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                                   invalidate_what which) {
    bool all = true;
    for (std::uint64_t index = first; index < last; ++index) {
        const std::uint64_t entry = xa_load(mapping.i_pages, index); // lockless, as find_get_entries
        if (entry != 0 && xa_is_value(entry) && !dax_invalidate_mapping_entry_sync(k, mapping, index, which))
            all = false;
    }
    // Not before: a page could be mapped again until its entry is gone, and nothing would tell.
    unmap_mapping_pages(k, mapping, first, last);
    return all;
}

void truncate_pagecache(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                        private_copies copies) {
    unmap_mapping_pages(k, mapping, first, last, copies);
    if (k.rules.deletes == break_delete::when_idle) {
        mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t, unsigned) {
            if (index >= first && index < last)
                arch::fail(invariant::I18, "truncation found an entry after layouts were broken",
                           "truncate_inode_pages_range");
        });
    }
    dax_delete_mapping_range(k, mapping, first, last);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
