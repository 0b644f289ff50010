#include "dax/writeback.hpp"

#include "dax/device.hpp"
#include "dax/entry_lock.hpp"
#include "mm/mm_struct.hpp"
#include "mm/rmap.hpp"
#include "mm/unlocked.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// What is dirty now is this pass's business; pages that become dirty later are not.
void tag_pages_for_writeback(address_space& mapping, std::uint64_t first, std::uint64_t last) {
    xa_state xas(mapping.i_pages, first);
    arch::guard held(mapping.i_pages.xa_lock);
    xas_for_each_marked(xas, last - 1, pagecache_tag_dirty,
                        [&](std::uint64_t) { xas_set_mark(xas, pagecache_tag_towrite); });
}

/// Write-protects `count` pages from `index` on, whose frames start at `pfn`, in every VMA of the file that maps any of them.
void dax_entry_mkclean(kernel& k, address_space& mapping, std::uint64_t pfn, std::uint64_t count,
                       std::uint64_t index) {
    arch::read_guard held(mapping.i_mmap_rwsem);
    const unsigned areas = mapping.mapped_areas.load(arch::order::relaxed); // relaxed: i_mmap_rwsem is held
    for (unsigned i = 0; i < areas; ++i) {
        vm_area& area = *mapping.i_mmap[i];
        const std::uint64_t first = std::max(index, area.pgoff);
        const std::uint64_t last = std::min(index + count, area.file_page(area.last));
        if (first < last)
            pfn_mkclean_range(k, pfn + (first - index), last - first, area,
                              area.first + (first - area.pgoff));
    }
}

/// A locked entry, waited for. Null when it is not this pass's business any more; then the baton is passed.
std::uint64_t unlocked_for_writeback(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t locked) {
    // get_next_unlocked_entry on a state that stands at its entry finds nothing and does not wait: the entry passes for one that was
    // punched out meanwhile (X9, docs/findings/fsync-skips-locked-entries.md).
    const std::uint64_t entry = k.rules.wb_locked == writeback_locked::wait
                                    ? wait_entry_unlocked_exclusive(k, mapping, xas, locked)
                                    : get_next_unlocked_entry(k, mapping, xas, 0);
    if (entry != 0 && xa_is_value(entry) && dax_entry(entry).pfn() == dax_entry(locked).pfn() &&
        dax_entry(entry).has_folio() && xas_get_mark(xas, pagecache_tag_towrite))
        return entry;
    put_unlocked_entry(k, mapping, xas, entry, wake_mode::next);
    return 0;
}

/// Under xa_lock, which is dropped while the page is flushed.
void dax_writeback_one(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry) {
    if (dax_entry(entry).locked())
        entry = unlocked_for_writeback(k, mapping, xas, entry);
    if (entry == 0)
        return;
    dax_lock_entry(xas, entry);
    const bool untag_late = k.rules.wb_untags == towrite_clear::after_flush;
    if (!untag_late)
        xas_clear_mark(xas, pagecache_tag_towrite);
    if (k.rules.wb_clears == dirty_clear::before_flush)
        xas_clear_mark(xas, pagecache_tag_dirty);
    const std::uint64_t pfn = dax_entry(entry).pfn();
    const std::uint64_t pages = dax_entry_pages(k, dax_entry(entry));
    const std::uint64_t index = xas.xa_index & ~(pages - 1);
    const std::uint64_t count = k.rules.wb_span == writeback_span::entry ? pages : 1;
    {
        const unlocked dropped(mapping.i_pages.xa_lock);
        if (k.rules.wb_protects == mkclean::yes)
            dax_entry_mkclean(k, mapping, pfn, count, index);
        dax_flush(k, pfn, count);
    }
    // The store under xa_lock and the wake-up: a wp-fault that waited now finds the page clean and sets DIRTY again.
    xas_reset(xas);
    xas_store(xas, dax_entry(entry).without_lock().store_form());
    if (k.rules.wb_clears == dirty_clear::after_flush)
        xas_clear_mark(xas, pagecache_tag_dirty);
    if (untag_late)
        xas_clear_mark(xas, pagecache_tag_towrite);
    dax_wake_entry(k, mapping, xas, entry, wake_mode::next);
}

} // namespace

void dax_writeback_mapping_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last) {
    tag_pages_for_writeback(mapping, first, last);
    xa_state xas(mapping.i_pages, first);
    arch::guard held(mapping.i_pages.xa_lock);
    std::uint64_t next =
        0; // for the check: one that goes back need not end. What covers `first` may begin before it
    xas_for_each_marked(xas, last - 1, pagecache_tag_towrite, [&](std::uint64_t entry) {
        if (xas.xa_index < next)
            arch::fail(invariant::I16, "livelock: writeback went back to a page that it had passed",
                       "whoever dirties or tags it again keeps this pass from its end");
        next = xas.xa_index + 1;
        dax_writeback_one(k, mapping, xas, entry);
        if (k.rules.wb_index == writeback_index::from_start)
            xas_set(xas, first);
    });
}

void dax_clear_dirty_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last) {
    xa_state xas(mapping.i_pages, first);
    arch::guard held(mapping.i_pages.xa_lock);
    for (std::uint64_t entry = xas_find(xas, last - 1); entry != 0; entry = xas_next_entry(xas, last - 1)) {
        entry = wait_entry_unlocked_exclusive(k, mapping, xas, entry);
        if (entry == 0)
            continue;
        xas_clear_mark(xas, pagecache_tag_dirty);
        xas_clear_mark(xas, pagecache_tag_towrite);
        put_unlocked_entry(k, mapping, xas, entry, wake_mode::next);
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
