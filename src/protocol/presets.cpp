#include "protocol/presets.hpp"

#include <array>

namespace daxtorture {
namespace {

/// Zero-based, as in 7.3. ext2 has no DAX there any more; what it would do is the same in every kernel.
constexpr protocol zero_based_7_3 = [] {
    protocol row;
    row.ext2 = ext2_layouts::none;
    return row;
}();

/// Zero-based before 7a6db2eb6d5d and 7ae9d15bdcde put the holders of devices right.
constexpr protocol zero_based_7_1 = [] {
    protocol row = zero_based_7_3;
    row.holder_ops = holder_read::reload;
    row.holder_puts = holder_put::data_first;
    return row;
}();

/// Zero-based before 59eb73b98ae0, from which on folios of any size are cleared and looked at when they lose their last entry.
constexpr protocol zero_based_6_18 = [] {
    protocol row = zero_based_7_1;
    row.reset = share_reset::large_only;
    row.warns = dissolve_warning::large_only;
    return row;
}();

/// Zero-based as merged: idle is 0, page tables hold references, the last put frees and wakes (38607c62b34b, 6.15).
constexpr protocol zero_based = [] {
    protocol row = zero_based_6_18;
    row.huge_zero = zero_pmd::fall_back;
    return row;
}();

/// One-based: idle is 1, page tables hold nothing, every put may be the waker. Stable 6.12 still skips unmapped files
/// (cee91fa13a8e came with the zero-based series) and locked entries (6be3e21d25ca), and evicts pinned pages.
constexpr protocol one_based = [] {
    protocol row;
    row.idle = idle_value::one;
    row.mapping = mapping_counts::no;
    row.busy = busy_test::ref_above_one;
    row.wait_for = idle_wait::for_one;
    row.waiter_key = wait_key::refcount;
    row.waker_key = wait_key::refcount;
    row.unmapped = scan_unmapped::skip;
    row.locked = scan_locked::skip;
    row.deletes = break_delete::never;
    row.evict = evict_break::no;
    row.ext2 = ext2_layouts::none;
    row.shared_mark = share_mark::marker;
    row.reflink = reflink_break::one_page;
    row.compound = compound_folio::no;
    row.gup_takes = gup_pagemap::walk;
    row.mismatch = pte_mismatch::nopage;
    row.huge_zero = zero_pmd::fall_back;
    row.holder_puts = holder_put::data_first; // 7ae9d15bdcde is in the stable series, 7a6db2eb6d5d is not
    row.free_reads = free_pgmap::before_put;
    row.mf_unmaps = mf_page::page;
    return row;
}();

/// One-based, before reflink let reads of its source go on (14a537983b22, v6.7).
constexpr protocol one_based_6_1 = [] {
    protocol row = one_based;
    row.source = reflink_source::exclusive;
    return row;
}();

/// One-based as it began with v4.17: each page drops its own reference at unbind, and its last reference the pagemap's (until 27674ef6c73f).
constexpr protocol first_one_based = [] {
    protocol row = one_based_6_1;
    row.unbind_pages = pages_at_unbind::put_each;
    row.metadata = metadata_pages::ignore;
    row.wb_empty_pmd = mkclean_empty_pmd::look;
    row.mixedmap = mixedmap_unlink::flush_last;
    return row;
}();

/// The first protocol: a page keeps its device, nobody asks for pages before blocks are freed, and what is unbound is revoked: no
/// new faults, then everything unmapped, then the wait for the device's references.
constexpr protocol devmap = [] {
    protocol row = one_based_6_1;
    row.gup_takes = gup_pagemap::reference;
    row.accesses = device_access::queue_reference;
    row.truncates_break = truncate_break::no;
    row.pre_remove = pre_remove_order::shutdown_then_unmap;
    row.wb_empty_pmd = mkclean_empty_pmd::look;
    row.mixedmap = mixedmap_unlink::flush_last;
    return row;
}();

/// One-based with the fixes that the zero-based series put before its switch of the count.
constexpr protocol one_based_fixed = [] {
    protocol row = one_based;
    row.unmapped = scan_unmapped::scan;
    row.locked = scan_locked::wait;
    row.deletes = break_delete::when_idle;
    row.evict = evict_break::yes;
    row.reflink = reflink_break::nowait;
    row.unbind_pages = pages_at_unbind::put_each;
    row.pre_remove = pre_remove_order::shutdown_then_unmap;
    return row;
}();

/// Zero-based, with what docs/findings found wrong in it put right.
constexpr protocol zero_based_7_3_fixed = [] {
    protocol row;
    row.wait_for = idle_wait::for_mappings;
    row.source = reflink_source::exclusive;
    row.pmd_copy = failed_pmd_copy::cancel;
    row.no_holder = holder_null::check;
    row.free_reads = free_pgmap::before_put;
    row.cow_writes = cow_write_lock::invalidate_lock;
    row.frees = free_busy::when_idle;
    row.partial = partial_entry::flush;
    row.recovers = recovery_write::invalidate;
    row.cow_copies = cow_copy::flushed;
    row.warns = dissolve_warning::
        large_only; // a copy on write does not wait for who holds the old page, and need not
    row.mf_unmaps = mf_page::page;
    row.mf_follows = mf_folio::again;
    row.mf_looks = mf_look::entry;
    row.hole_unmaps = hole_unmap::before_iomap;
    row.deletes = break_delete::clean;
    row.wb_locked = writeback_locked::wait;
    row.wb_untags = towrite_clear::after_flush;
    row.invalidation = invalidate_mode::locked;
    row.share = share_update::locked;
    row.empty_pmd = zap_empty_pmd::lock;
    row.cow_cancels = cow_cancel::later;
    row.sync_bad = sync_poison::check;
    row.shared_pmds = pmd_sharing::fall_back;
    row.unbind_pages = pages_at_unbind::while_busy;
    row.pre_remove = pre_remove_order::shutdown_then_break;
    return row;
}();

/// The same without the cures of what was found later, each of which would hide part of what the museum shows.
constexpr protocol zero_based_fixed = [] {
    protocol row = zero_based_7_3_fixed;
    row.wait_for = idle_wait::for_zero;
    row.source = reflink_source::demoted;
    row.cow_writes = cow_write_lock::none;
    row.frees = free_busy::at_once;
    row.partial = partial_entry::drop;
    row.recovers = recovery_write::keep;
    row.cow_copies = cow_copy::cached;
    return row;
}();

/// The first draft of the zero-based series (June 2024): the count, without the fixes of break layouts that it turned out to need, and
/// with waits that the filesystems still did themselves, on the old key.
constexpr protocol series_v1 = [] {
    protocol row = zero_based;
    row.unmapped = scan_unmapped::skip;
    row.locked = scan_locked::skip;
    row.deletes = break_delete::never;
    row.evict = evict_break::no;
    row.waiter_key = wait_key::refcount;
    row.reflink = reflink_break::one_page;
    row.shared_mark = share_mark::marker;
    row.fuse = fuse_range::page_0;
    return row;
}();

/// The third (November 2024): unmapped files are scanned and one wait helper agrees on the key; locked entries are still skipped, and
/// nobody waits at unmount.
constexpr protocol series_v3 = [] {
    protocol row = series_v1;
    row.unmapped = scan_unmapped::scan;
    row.waiter_key = wait_key::page;
    row.fuse = fuse_range::to_end;
    return row;
}();

/// The sixth (January 2025): everything is there, but the break deletes entries even when it gave up on a busy page.
constexpr protocol series_v6 = [] {
    protocol row = zero_based;
    row.deletes = break_delete::always;
    return row;
}();

constexpr std::array table{
    preset{"v4.5-devmap", "the first protocol (4.5 to 4.16): a page keeps its device, truncate keeps nothing",
           devmap},
    preset{"v4.18", "one-based count, as it began: breaks layouts, unbind waits for every page",
           first_one_based},
    preset{"v6.1", "one-based count, as in the 6.1 stable series", one_based_6_1},
    preset{"v6.12", "one-based count, as in the 6.12 stable series", one_based},
    preset{"v6.12-fixed", "one-based count with the fixes that preceded the zero-based switch",
           one_based_fixed},
    preset{"series-v1", "first draft of the zero-based series, as far as its review tells", series_v1},
    preset{"series-v3", "third draft: scans unmapped files, skips locked entries", series_v3},
    preset{"series-v6", "sixth draft: deletes entries even of busy pages", series_v6},
    preset{"v6.15", "zero-based count (38607c62b34b), as first merged", zero_based},
    preset{"v6.15-fixed", "zero-based count with fixes for most of the defects that docs/findings describes",
           zero_based_fixed},
    preset{"v6.18", "zero-based count, as in 6.18", zero_based_6_18},
    preset{"v7.1", "zero-based count, as in 7.1", zero_based_7_1},
    preset{"v7.3", "zero-based count, as in 7.3", zero_based_7_3},
    preset{"v7.3-fixed", "zero-based count with fixes for every defect that docs/findings describes",
           zero_based_7_3_fixed},
};

} // namespace

std::span<const preset> preset_table() { return table; }

const preset* find_preset(std::string_view name) {
    for (const preset& row : table)
        if (row.name == name)
            return &row;
    return nullptr;
}

} // namespace daxtorture
