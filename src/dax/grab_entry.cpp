#include "dax/grab_entry.hpp"

#include "dax/associate.hpp"
#include "dax/entry_lock.hpp"
#include "dax/hole_page.hpp"
#include "mm/unlocked.hpp"
#include "mm/zap.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// A PTE fault met a PMD entry without a folio: the entry goes, under xa_lock, which is dropped while it is unmapped.
void undo_pmd_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry) {
    const std::uint64_t index = xas.xa_index;
    const dax_entry huge(entry);
    const std::uint64_t pages = dax_entry_pages(k, huge);
    dax_lock_entry(xas, entry);
    if (huge.zero_page()) {
        const std::uint64_t first = index & ~(pages - 1);
        const unlocked dropped(mapping.i_pages.xa_lock);
        unmap_mapping_pages(k, mapping, first, first + pages);
        xas_reset(xas);
    }
    dax_disassociate_entry(k, huge, mapping, false);
    xas_store(xas, 0);
    dax_wake_entry(k, mapping, xas, entry, wake_mode::all);
    mapping.nrpages.set(mapping.nrpages.get() - pages);
    xas_set(xas, index);
}

/// Under xa_lock. An error stays in the state.
std::uint64_t lock_or_create(kernel& k, address_space& mapping, xa_state& xas, unsigned order) {
    std::uint64_t entry = get_next_unlocked_entry(k, mapping, xas, order);
    if (entry == dax_conflict)
        return entry;
    if (entry != 0 && order == 0 && dax_entry(entry).pmd() && !dax_entry(entry).has_folio()) {
        undo_pmd_entry(k, mapping, xas, entry);
        entry = 0;
    }
    if (is_hole_page(mapping, entry))
        return entry; // it has a lock of its own
    if (entry != 0) {
        dax_lock_entry(xas, entry);
        return entry;
    }
    const std::uint64_t pmd = order == 0 ? 0 : dax_entry::pmd_bit;
    entry = dax_entry::make(0, dax_entry::empty_bit | pmd).store_form();
    dax_lock_entry(xas, entry);
    if (!xas_error(xas))
        mapping.nrpages.set(mapping.nrpages.get() + (std::uint64_t{1} << order));
    return entry;
}

} // namespace

std::uint64_t grab_mapping_entry(kernel& k, address_space& mapping, xa_state& xas, unsigned order) {
    for (;;) {
        std::uint64_t entry = 0;
        {
            arch::guard held(mapping.i_pages.xa_lock);
            entry = lock_or_create(k, mapping, xas, order);
            if (!xas_error(xas) && !is_hole_page(mapping, entry))
                return entry;
        }
        if (!xas_error(xas)) {
            if (lock_hole_page(mapping, xas, entry))
                return entry;
        } else if (!xas_nomem(xas)) {
            return 0;
        }
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
