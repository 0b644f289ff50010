/// The protocol as a table: every decision on which kernel versions differ is a rule with named values.
///
/// A `protocol` is one row: a value for each rule. Presets are named rows (protocol/presets.hpp). The model consults each
/// rule in exactly one place, by comparing the typed field, so that the correct path reads straight through. `rule_table`
/// is the same list as data, for the command line, docs and `daxtorture protocols`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace daxtorture {

enum class idle_value : std::uint8_t { zero, one };
enum class mapping_counts : std::uint8_t { yes, no };
enum class busy_test : std::uint8_t { ref_minus_mapcount, ref_above_one };
enum class idle_wait : std::uint8_t { for_zero, for_one, for_mappings };
enum class wait_key : std::uint8_t { page, refcount };
enum class full_fence : std::uint8_t { full, none };
enum class scan_order : std::uint8_t { unmap_first, scan_first };
enum class scan_unmapped : std::uint8_t { scan, skip };
enum class scan_locked : std::uint8_t { wait, skip };
enum class break_delete : std::uint8_t { when_idle, always, never, clean };
enum class gup_recheck : std::uint8_t { yes, no };
enum class compound_folio : std::uint8_t { yes, no };
enum class tail_reset : std::uint8_t { yes, no };
enum class entry_to_folio : std::uint8_t { after_check, before_check };
enum class zero_disassociate : std::uint8_t { no, yes };
enum class pmd_conflict : std::uint8_t { fall_back, wait, accept, replace_holes };
enum class entry_key_index : std::uint8_t { aligned, exact };
enum class pmd_colour : std::uint8_t { check, ignore };
enum class pmd_marking : std::uint8_t { normal, special };
enum class zero_pmd_deposit : std::uint8_t { yes, no };
enum class zap_empty_pmd : std::uint8_t { look, lock };
enum class writeback_span : std::uint8_t { entry, first_page };
enum class zap_order : std::uint8_t { flush_then_put, put_then_flush };
enum class entry_wake : std::uint8_t { all, next };
enum class baton : std::uint8_t { pass, drop };
enum class evict_break : std::uint8_t { yes, no };
enum class break_lock : std::uint8_t { drop, keep };
enum class break_rescan : std::uint8_t { yes, no };
enum class fault_entry_lock : std::uint8_t { until_mapped, until_inserted };
enum class writeback_locked : std::uint8_t { skip, wait };
enum class invalidate_mode : std::uint8_t { beside_faults, locked };
enum class mkclean : std::uint8_t { yes, no };
enum class towrite_clear : std::uint8_t { at_lock, after_flush };
enum class dirty_clear : std::uint8_t { after_flush, before_flush };
enum class longterm : std::uint8_t { refuse, allow };
enum class gup_pagemap : std::uint8_t { none, walk, reference };
enum class pages_at_unbind : std::uint8_t { put_many, put_each, while_busy };
enum class memunmap_order : std::uint8_t { wait_then_remove, remove_then_wait };
enum class pagemap_ref : std::uint8_t { reset, stale };
enum class pre_remove_order : std::uint8_t { unmap_then_shutdown, shutdown_then_unmap, shutdown_then_break };
enum class bind_error : std::uint8_t { undo, leave };
enum class pagemap_delete : std::uint8_t { last, first };
enum class pool_alloc : std::uint8_t { refuse, warn };
enum class pool_init : std::uint8_t { zero, one };
enum class pool_destroy : std::uint8_t { after_grace_period, at_once };
enum class kill_wait : std::uint8_t { srcu, none };
enum class truncate_break : std::uint8_t { yes, no };
enum class mf_recheck : std::uint8_t { yes, no };
enum class mf_wait : std::uint8_t { forget, look_again };
enum class mf_sleep : std::uint8_t { unlocked, locked };
enum class mf_pagemap : std::uint8_t { always, when_handled };
enum class holder_read : std::uint8_t { once, reload };
enum class holder_put : std::uint8_t { ops_first, data_first };
enum class percpu_switch : std::uint8_t { after_grace_period, at_once };
enum class percpu_sum : std::uint8_t { with_bias, after_bias };
enum class percpu_put : std::uint8_t { sub_and_test, sub_then_read };
enum class ext2_layouts : std::uint8_t { break_them, none };
enum class shift_evicts : std::uint8_t { to_eof, range };
enum class sync_fault : std::uint8_t { after_fsync, at_once };
enum class sync_fault_lock : std::uint8_t { keep, drop };
enum class share_update : std::uint8_t { plain, locked };
enum class share_reset : std::uint8_t { always, large_only };
enum class share_mark : std::uint8_t { null, marker };
enum class cow_towrite : std::uint8_t { set, leave };
enum class reflink_break : std::uint8_t { nowait, one_page, none, null_is_busy };
enum class break_cows : std::uint8_t { keep, unmap };
enum class fault_iomap : std::uint8_t { under_entry_lock, before_entry_lock };
enum class hole_zeroing : std::uint8_t { at_allocation, by_the_fault };
enum class fuse_range : std::uint8_t { to_end, page_0 };
enum class dmap_reclaim : std::uint8_t { after_break, unbroken };
enum class dmap_wait : std::uint8_t { unlocked, locked };
enum class dmap_in_use : std::uint8_t { leave, take };
enum class reflink_source : std::uint8_t { demoted, exclusive };
enum class remap_fault : std::uint8_t { exclusive, shared };
enum class lease_retry : std::uint8_t { all, none };
enum class hole_entry : std::uint8_t { zero_entry, page_wake_all, page_wake_next };
enum class writeback_index : std::uint8_t { advance, from_start };
enum class cow_dirty : std::uint8_t { clear, keep };
enum class mf_owners : std::uint8_t { rmap_btree, page };
enum class bad_blocks : std::uint8_t { refuse, ignore };
enum class device_access : std::uint8_t { dax_read_lock, queue_reference, none };
enum class gup_undo : std::uint8_t { yes, no };
enum class mkclean_flush : std::uint8_t { range, first_page, none };
enum class mremap_flush : std::uint8_t { under_lock, after_lock };
enum class mremap_recheck : std::uint8_t { yes, no };
enum class vma_order : std::uint8_t { behind, in_front };
enum class fork_lock : std::uint8_t { both, child };
enum class devdax_pgoff : std::uint8_t { aligned, exact };
enum class mlock_device : std::uint8_t { skip, lock };
enum class cow_cancel : std::uint8_t { at_failure, later };
enum class mf_cow_fork : std::uint8_t { shutdown, pass_by };
enum class pmd_sharing : std::uint8_t { share, fall_back };
enum class sync_poison : std::uint8_t { ignore, check };
enum class metadata_pages : std::uint8_t { check, ignore };
enum class mkclean_empty_pmd : std::uint8_t { lock, look };
enum class pte_mismatch : std::uint8_t { sigbus, nopage };
enum class zero_pmd : std::uint8_t { nopage, fall_back };
enum class failed_pmd_copy : std::uint8_t { commit, cancel };
enum class holder_null : std::uint8_t { follow, check };
enum class free_pgmap : std::uint8_t { after_put, before_put };
enum class mixedmap_unlink : std::uint8_t { flush_first, flush_last };
enum class cow_write_lock : std::uint8_t { none, invalidate_lock };
enum class free_busy : std::uint8_t { at_once, when_idle };
enum class partial_entry : std::uint8_t { drop, flush };
enum class recovery_write : std::uint8_t { keep, invalidate };
enum class dissolve_warning : std::uint8_t { any_order, large_only };
enum class cow_copy : std::uint8_t { cached, flushed };
enum class pud_counts : std::uint8_t { yes, no };
enum class mf_page : std::uint8_t { head, page };
enum class mf_folio : std::uint8_t { once, again };
enum class mf_look : std::uint8_t { mapped, entry };
enum class hole_unmap : std::uint8_t { at_insert, before_iomap };

/// One row of the table. Default-constructed it is the zero-based protocol of v7.3.
struct protocol {
    idle_value idle = idle_value::zero;
    mapping_counts mapping = mapping_counts::yes;
    busy_test busy = busy_test::ref_minus_mapcount;
    idle_wait wait_for = idle_wait::for_zero;
    wait_key waiter_key = wait_key::page;
    wait_key waker_key = wait_key::page;
    full_fence waiter_fence = full_fence::full;
    full_fence waker_fence = full_fence::full;
    scan_order scan = scan_order::unmap_first;
    scan_unmapped unmapped = scan_unmapped::scan;
    scan_locked locked = scan_locked::wait;
    break_delete deletes = break_delete::when_idle;
    gup_recheck recheck = gup_recheck::yes;
    gup_recheck pmd_recheck = gup_recheck::yes;
    compound_folio compound = compound_folio::yes;
    tail_reset tail_mapping = tail_reset::yes;
    tail_reset tail_pgmap = tail_reset::yes;
    entry_to_folio folio_of_entry = entry_to_folio::after_check;
    zero_disassociate zero_entries = zero_disassociate::no;
    pmd_conflict conflict = pmd_conflict::fall_back;
    entry_key_index entry_key = entry_key_index::aligned;
    pmd_colour colour = pmd_colour::check;
    pmd_marking pmd_special = pmd_marking::normal;
    zero_pmd_deposit zero_deposit = zero_pmd_deposit::yes;
    zap_empty_pmd empty_pmd = zap_empty_pmd::look;
    writeback_span wb_span = writeback_span::entry;
    zap_order zap = zap_order::flush_then_put;
    entry_wake removal_wakes = entry_wake::all;
    baton entry_baton = baton::pass;
    evict_break evict = evict_break::yes;
    break_lock callback = break_lock::drop;
    break_rescan rescan = break_rescan::yes;
    fault_entry_lock fault_lock = fault_entry_lock::until_mapped;
    writeback_locked wb_locked = writeback_locked::skip;
    invalidate_mode invalidation = invalidate_mode::beside_faults;
    mkclean wb_protects = mkclean::yes;
    towrite_clear wb_untags = towrite_clear::at_lock;
    dirty_clear wb_clears = dirty_clear::after_flush;
    longterm long_pins = longterm::refuse;
    gup_pagemap gup_takes = gup_pagemap::none;
    pages_at_unbind unbind_pages = pages_at_unbind::put_many;
    memunmap_order memunmap = memunmap_order::wait_then_remove;
    pagemap_ref pagemap_reuse = pagemap_ref::reset;
    pre_remove_order pre_remove = pre_remove_order::unmap_then_shutdown;
    bind_error bind_errors = bind_error::undo;
    pagemap_delete pagemap_deletes = pagemap_delete::last;
    pool_alloc pool_allocs = pool_alloc::refuse;
    pool_init pool_inits = pool_init::zero;
    pool_destroy pool_destroys = pool_destroy::after_grace_period;
    kill_wait kill_waits = kill_wait::srcu;
    truncate_break truncates_break = truncate_break::yes;
    mf_recheck mf_rechecks = mf_recheck::yes;
    mf_wait mf_waits = mf_wait::forget;
    mf_sleep mf_sleeps = mf_sleep::unlocked;
    mf_pagemap mf_puts = mf_pagemap::always;
    holder_read holder_ops = holder_read::once;
    holder_put holder_puts = holder_put::ops_first;
    percpu_switch percpu_switches = percpu_switch::after_grace_period;
    percpu_sum percpu_sums = percpu_sum::with_bias;
    percpu_put percpu_puts = percpu_put::sub_and_test;
    ext2_layouts ext2 = ext2_layouts::break_them;
    shift_evicts shift = shift_evicts::to_eof;
    sync_fault sync = sync_fault::after_fsync;
    sync_fault_lock sync_lock = sync_fault_lock::keep;
    share_update share = share_update::plain;
    share_reset reset = share_reset::always;
    share_mark shared_mark = share_mark::null;
    cow_towrite cow_marks = cow_towrite::set;
    reflink_break reflink = reflink_break::nowait;
    break_cows copies = break_cows::keep;
    fault_iomap asks = fault_iomap::under_entry_lock;
    hole_zeroing zeroing = hole_zeroing::at_allocation;
    fuse_range fuse = fuse_range::to_end;
    dmap_reclaim reclaims = dmap_reclaim::after_break;
    dmap_wait dmap_waits = dmap_wait::unlocked;
    dmap_in_use dmap_used = dmap_in_use::leave;
    reflink_source source = reflink_source::demoted;
    remap_fault remapping = remap_fault::exclusive;
    lease_retry leases = lease_retry::all;
    hole_entry holes = hole_entry::zero_entry;
    writeback_index wb_index = writeback_index::advance;
    cow_dirty cow_cleans = cow_dirty::clear;
    mf_owners owners = mf_owners::rmap_btree;
    bad_blocks bad = bad_blocks::refuse;
    device_access accesses = device_access::dax_read_lock;
    gup_undo undo = gup_undo::yes;
    mkclean_flush wb_flushes = mkclean_flush::range;
    mremap_flush moves_flush = mremap_flush::under_lock;
    mremap_recheck moves_recheck = mremap_recheck::yes;
    vma_order copied_area = vma_order::behind;
    fork_lock fork_locks = fork_lock::both;
    devdax_pgoff devdax_index = devdax_pgoff::aligned;
    mlock_device mlocks = mlock_device::skip;
    cow_cancel cow_cancels = cow_cancel::at_failure;
    mf_cow_fork mf_cow = mf_cow_fork::shutdown;
    pmd_sharing shared_pmds = pmd_sharing::share;
    sync_poison sync_bad = sync_poison::ignore;
    metadata_pages metadata = metadata_pages::check;
    mkclean_empty_pmd wb_empty_pmd = mkclean_empty_pmd::lock;
    pte_mismatch mismatch = pte_mismatch::sigbus;
    zero_pmd huge_zero = zero_pmd::nopage;
    failed_pmd_copy pmd_copy = failed_pmd_copy::commit;
    holder_null no_holder = holder_null::follow;
    free_pgmap free_reads = free_pgmap::after_put;
    mixedmap_unlink mixedmap = mixedmap_unlink::flush_first;
    cow_write_lock cow_writes = cow_write_lock::none;
    free_busy frees = free_busy::at_once;
    partial_entry partial = partial_entry::drop;
    recovery_write recovers = recovery_write::keep;
    dissolve_warning warns = dissolve_warning::any_order;
    mf_page mf_unmaps = mf_page::head;
    mf_folio mf_follows = mf_folio::once;
    mf_look mf_looks = mf_look::mapped;
    hole_unmap hole_unmaps = hole_unmap::at_insert;
    cow_copy cow_copies = cow_copy::cached;
    pud_counts pud_mapping = pud_counts::yes;

    friend bool operator==(const protocol&, const protocol&) = default;
};

/// A value of a rule as users write it.
struct rule_value {
    std::string_view name;
    std::string_view meaning;
};

/// One rule as data. `get` and `set` reach the typed field; values are numbered as in its enum.
struct rule_info {
    std::string_view name;    ///< "wake-key"
    std::string_view decides; ///< one line: the question the rule answers
    std::string_view commit;  ///< upstream commit that changed or fixed it; empty when none did
    std::span<const rule_value> values;
    std::uint8_t (*get)(const protocol&);
    void (*set)(protocol&, std::uint8_t);
};

std::span<const rule_info> rule_table();
const rule_info* find_rule(std::string_view name);

/// Sets "NAME=VALUE" in `row`. Returns what is wrong with it ("unknown rule 'x'; ..."), or nothing.
std::optional<std::string> set_rule(protocol& row, std::string_view assignment);

/// The rules in which `row` differs from `base`, as "NAME=VALUE" separated by spaces; empty when equal.
std::string differences(const protocol& base, const protocol& row);

} // namespace daxtorture
