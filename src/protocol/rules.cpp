#include "protocol/rules.hpp"

#include "base/suggest.hpp"

#include <array>

namespace daxtorture {
namespace {

template <auto Field>
constexpr rule_info rule(std::string_view name, std::string_view decides, std::string_view commit,
                         std::span<const rule_value> values) {
    using field_type = std::remove_cvref_t<decltype(std::declval<protocol>().*Field)>;
    return {name,
            decides,
            commit,
            values,
            [](const protocol& row) { return static_cast<std::uint8_t>(row.*Field); },
            [](protocol& row, std::uint8_t value) { row.*Field = static_cast<field_type>(value); }};
}

// Values stand in the order of their enum.
constexpr std::array idle_values{
    rule_value{"zero", "0: the page allocator's convention; a try-get on an idle page fails"},
    rule_value{"one", "1: ZONE_DEVICE pages never reach zero; a try-get on an idle page succeeds"}};
constexpr std::array mapping_values{
    rule_value{"yes", "each PTE holds a folio reference and a mapcount"},
    rule_value{"no", "PTEs of DAX pages are special: no reference, no mapcount"}};
constexpr std::array busy_values{
    rule_value{"ref-minus-mapcount", "refcount - mapcount is not 0: somebody but the page tables holds it"},
    rule_value{"ref-above-one", "refcount is above 1"}};
constexpr std::array wait_for_values{
    rule_value{"zero", "sleep until refcount is 0"}, rule_value{"one", "sleep until refcount is 1"},
    rule_value{"mappings", "sleep until refcount is mapcount, then scan again; a put that "
                           "leaves only mappings wakes: no kernel has this"}};
constexpr std::array key_values{rule_value{"page", "the address of the struct page"},
                                rule_value{"refcount", "the address of its refcount"}};
constexpr std::array fence_values{rule_value{"full", "a full memory barrier, as smp_mb()"},
                                  rule_value{"none", "no barrier: store buffering is allowed"}};
constexpr std::array scan_order_values{
    rule_value{"unmap-first", "zap the page tables, then look for busy pages"},
    rule_value{"scan-first", "look for busy pages, then zap the page tables"}};
constexpr std::array unmapped_values{rule_value{"scan", "scan the entries whether or not the file is mapped"},
                                     rule_value{"skip", "report no busy page when no VMA maps the file"}};
constexpr std::array locked_values{rule_value{"wait", "wait until the entry is unlocked, then test its page"},
                                   rule_value{"skip", "go on to the next entry without testing the page"}};
constexpr std::array delete_values{
    rule_value{"when-idle", "break layouts deletes the entries once no busy page is left"},
    rule_value{"always", "break layouts deletes the entries even when it gave up on a busy page"},
    rule_value{"never", "break layouts leaves the entries to truncate"},
    rule_value{"clean",
               "break layouts deletes the clean entries once no busy page is left; DIRTY ones stay"}};
constexpr std::array recheck_values{
    rule_value{"yes", "re-read the PTE after the try-get and undo when it changed"},
    rule_value{"no", "trust the PTE read before the try-get"}};
constexpr std::array pmd_recheck_values{
    rule_value{"yes", "re-read a PMD leaf after the try-get and undo when it changed"},
    rule_value{"no", "trust the PMD leaf read before the try-get"}};
constexpr std::array compound_values{
    rule_value{"yes", "the pages of a PMD entry are one large folio while the entry stands"},
    rule_value{"no", "each page of a PMD entry keeps counts and an owner of its own"}};
constexpr std::array tail_mapping_values{
    rule_value{"clear", "dissolving a large folio clears the mapping of every page"},
    rule_value{"leave", "the poison stays in the mapping of pages that were tails"}};
constexpr std::array tail_pgmap_values{
    rule_value{"restore", "dissolving a large folio gives every page its pgmap back"},
    rule_value{"leave", "pages that were tails stay without a pgmap"}};
constexpr std::array folio_of_entry_values{
    rule_value{"after-check", "an entry is turned into a folio once it is known to have one"},
    rule_value{"before-check", "the frame number of zero and empty entries is turned into a folio too"}};
constexpr std::array zero_entries_values{
    rule_value{"no", "zero entries have no folio to disassociate"},
    rule_value{"yes", "replacing a zero entry disassociates the zero page"}};
constexpr std::array conflict_values{
    rule_value{"fall-back", "a PMD fault that meets a smaller entry falls back at once"},
    rule_value{"wait", "it waits for the smaller entry's lock first, on the queue of its own index"},
    rule_value{"accept", "it takes the smaller entry for its own"},
    rule_value{"replace-holes", "it stores its entry over smaller ones that have no folio"}};
constexpr std::array entry_key_values{
    rule_value{"aligned", "waiters of a PMD entry share one queue, whatever index they came by"},
    rule_value{"exact", "who waits for an entry, and who wakes, use the index they came by"}};
constexpr std::array colour_values{
    rule_value{"check", "a PMD fault falls back unless address and file offset are congruent"},
    rule_value{"ignore", "a PMD fault maps the range of the file offset at the range of the address"}};
constexpr std::array pmd_special_values{
    rule_value{"no", "a PMD leaf of a folio is an ordinary one: zap removes its rmap and reference"},
    rule_value{"yes", "a PMD leaf of a folio is marked special: zap takes it for one without a folio"}};
constexpr std::array zero_deposit_values{
    rule_value{"yes", "mapping the huge zero page deposits a page table, as mapping a folio does"},
    rule_value{"no", "mapping the huge zero page deposits none; unmapping it withdraws one all the same"}};
constexpr std::array empty_pmd_values{
    rule_value{"look", "unmapping passes an empty PMD entry by: another unmap may be between clearing it and "
                       "removing its mapcount"},
    rule_value{"lock", "unmapping takes and drops the PMD lock before it passes an empty PMD entry by"}};
constexpr std::array wb_span_values{
    rule_value{"entry", "writeback cleans every page that the entry covers"},
    rule_value{"first-page", "writeback cleans the first page of a PMD entry"}};
constexpr std::array zap_values{
    rule_value{"flush-then-put", "the TLB is flushed before the mapping's reference is dropped"},
    rule_value{"put-then-flush",
               "the mapping's reference is dropped while TLBs may still hold the translation"}};
constexpr std::array removal_values{rule_value{"all", "removing an entry wakes every waiter of it"},
                                    rule_value{"next", "removing an entry wakes one exclusive waiter"}};
constexpr std::array baton_values{
    rule_value{"pass", "who waited for an entry and does not lock it wakes the next waiter"},
    rule_value{"drop", "who waited for an entry and does not lock it wakes nobody"}};
constexpr std::array evict_values{rule_value{"yes", "eviction waits until no page of the file is busy"},
                                  rule_value{"no", "eviction deletes the entries of pinned pages"}};
constexpr std::array callback_values{
    rule_value{"drop", "the filesystem drops its invalidate lock while break layouts sleeps"},
    rule_value{"keep", "the filesystem sleeps with its invalidate lock held"}};
constexpr std::array rescan_values{
    rule_value{"yes", "after a wait the whole range is unmapped and scanned again"},
    rule_value{"no", "after a wait the range counts as idle"}};
constexpr std::array fault_lock_values{
    rule_value{"until-mapped", "the entry stays locked until the PTE is in place"},
    rule_value{"until-inserted", "the entry is unlocked before the PTE is put in place"}};
constexpr std::array writeback_locked_values{
    rule_value{"skip", "take a locked entry for a deleted one: its page is not flushed"},
    rule_value{"wait", "wait until the entry is unlocked, then flush its page"}};
constexpr std::array invalidate_values{
    rule_value{"beside-faults",
               "delete clean entries whoever holds their pages, then unmap, without invalidate_lock"},
    rule_value{"locked",
               "hold invalidate_lock, unmap, then delete the clean entries of pages that are not busy"}};
constexpr std::array mkclean_values{
    rule_value{"yes",
               "write-protect the page everywhere before it is flushed, so that the next store faults"},
    rule_value{"no", "leave page tables writable: later stores set no DIRTY mark"}};
constexpr std::array towrite_clear_values{
    rule_value{"at-lock", "the TOWRITE mark goes when the entry is locked: another fsync that set it too "
                          "sees no work and nobody to wait for"},
    rule_value{"after-flush", "the TOWRITE mark goes together with DIRTY"}};
constexpr std::array dirty_clear_values{
    rule_value{"after-flush", "the DIRTY mark goes after the page was flushed"},
    rule_value{"before-flush", "the DIRTY mark goes before the page is flushed"}};
constexpr std::array longterm_values{rule_value{"refuse", "FOLL_LONGTERM on a file DAX page fails"},
                                     rule_value{"allow", "FOLL_LONGTERM on a file DAX page succeeds"}};
constexpr std::array gup_pagemap_values{
    rule_value{"none", "only the page's reference: nothing of the device"},
    rule_value{"walk", "get_dev_pagemap around the walk; the page's reference alone lasts"},
    rule_value{"reference", "get_dev_pagemap for each page, dropped with the page's reference"}};
constexpr std::array unbind_pages_values{
    rule_value{"put-many", "the pagemap's references for its pages are dropped, whoever holds the pages"},
    rule_value{"put-each",
               "each page's own reference is dropped; the last one of a page drops the pagemap's"},
    rule_value{
        "while-busy",
        "a page holds a pagemap reference while it is not idle; a dead pagemap fails the fault. One of "
        "device-dax is put as by put-each: no kernel has this"}};
constexpr std::array memunmap_values{
    rule_value{"wait-then-remove", "the memory goes when the pagemap's last reference has gone"},
    rule_value{"remove-then-wait", "the memory goes first: a late put touches what is no more"}};
constexpr std::array pagemap_reuse_values{
    rule_value{"reset", "unbind forgets the pagemap's reference: the next bind makes a new one"},
    rule_value{"stale", "unbind leaves it set: the next bind takes the dead one for its caller's"}};
constexpr std::array pre_remove_values{
    rule_value{"unmap-then-shutdown", "a fault in between maps a page of the device that goes"},
    rule_value{"shutdown-then-unmap",
               "no fault finds a block any more, those under way are waited for, then all is unmapped"},
    rule_value{"shutdown-then-break",
               "... then the layouts of all files are broken, as at their eviction: no kernel has this"}};
constexpr std::array bind_error_values{
    rule_value{"undo", "a bind that fails kills its reference and leaves the array"},
    rule_value{"leave", "a bind that fails leaves its pagemap live, for pages that never came"}};
constexpr std::array pagemap_delete_values{
    rule_value{"last", "the array is emptied after the memory was removed"},
    rule_value{"first", "the array is emptied first: the removal finds no altmap"}};
constexpr std::array pool_alloc_values{
    rule_value{"refuse", "no page is handed out whose pagemap is dead"},
    rule_value{"warn", "a dead pagemap is warned about and the page handed out all the same"}};
constexpr std::array pool_init_values{
    rule_value{"zero", "pages in a driver's pool have count 0: nobody can get one before it is handed out"},
    rule_value{"one", "pages in a driver's pool have count 1 from the start"}};
constexpr std::array pool_destroy_values{
    rule_value{"after-grace-period", "the pool goes when nobody can be looking for a page in it"},
    rule_value{"at-once", "the pool goes while an allocation may still be in it"}};
constexpr std::array kill_wait_values{
    rule_value{"srcu", "kill_dax waits for everybody who may have seen the device alive"},
    rule_value{"none", "kill_dax only clears the flag"}};
constexpr std::array truncate_break_values{
    rule_value{"yes", "who frees blocks waits first until their pages are idle"},
    rule_value{"no", "blocks are freed whoever holds their pages"}};
constexpr std::array mf_recheck_values{
    rule_value{"yes", "the page's mapping is compared again under its xa_lock"},
    rule_value{"no", "the mapping read before xa_lock is taken for the page's"}};
constexpr std::array mf_wait_values{
    rule_value{"forget", "after waiting for an entry its file is not touched: all begins at the page again"},
    rule_value{"look-again", "after waiting for an entry its file's xa_lock is taken again"}};
constexpr std::array mf_sleep_values{
    rule_value{"unlocked", "xa_lock is dropped before sleeping for an entry"},
    rule_value{"locked", "memory failure sleeps with xa_lock held"}};
constexpr std::array mf_pagemap_values{
    rule_value{"always", "every way out of memory failure drops its pagemap reference"},
    rule_value{"when-handled", "a page that is no file's leaves the reference behind"}};
constexpr std::array holder_read_values{
    rule_value{"once", "the holder's operations are read once, tested and called"},
    rule_value{"reload", "they are read again after the test: unmount may have cleared them"}};
constexpr std::array holder_put_values{
    rule_value{"ops-first", "unmount clears the operations, then gives the device up"},
    rule_value{"data-first", "unmount gives the device up, then clears operations that may be another's"}};
constexpr std::array percpu_switch_values{
    rule_value{"after-grace-period", "the per-CPU counts are summed up when no user of the old mode is left"},
    rule_value{"at-once", "the per-CPU counts are summed up while users may still count there"}};
constexpr std::array percpu_sum_values{
    rule_value{"with-bias", "sum and bias change the count in one addition"},
    rule_value{"after-bias", "the bias goes first and the sum comes after: a put in between may reach 0"}};
constexpr std::array percpu_put_values{
    rule_value{"sub-and-test", "the put that reaches 0 learns it from its own subtraction"},
    rule_value{"sub-then-read", "subtract, then read the count again: two puts may both find 0"}};
constexpr std::array ext2_values{
    rule_value{"break", "ext2 breaks layouts like the others: no kernel has this"},
    rule_value{"none", "ext2 frees blocks without looking at their pages"}};
constexpr std::array shift_values{
    rule_value{"to-eof",
               "everything from the range to the end of the file leaves the cache before blocks move"},
    rule_value{"range", "only the range itself leaves the cache; the pages that move stay"}};
constexpr std::array sync_fault_values{
    rule_value{"after-fsync", "map a page with dirty metadata only after an fsync of its range"},
    rule_value{"at-once", "map it as any other page"}};
constexpr std::array pud_counts_values{
    rule_value{"yes", "inserting it takes a reference and counts, as removing it drops both"},
    rule_value{"no", "inserting it does neither, and removing it does"}};
constexpr std::array cow_copy_values{
    rule_value{"cached", "it lies in the CPU's caches: the log may lead to it before it is durable"},
    rule_value{"flushed", "it is flushed first: no kernel has this"}};
constexpr std::array sync_lock_values{
    rule_value{"keep", "invalidate_lock stays held from the first half of a synchronous fault to its end"},
    rule_value{"drop", "invalidate_lock is dropped before the fsync"}};
constexpr std::array share_update_values{
    rule_value{"plain", "a plain read, change and write: two files that share a folio are not ordered"},
    rule_value{"locked", "under a lock that all files share"}};
constexpr std::array share_reset_values{
    rule_value{"always", "the last disassociation clears the index, which is the share count's word"},
    rule_value{"large-only", "it clears it in large folios; an order-0 folio keeps its old index"}};
constexpr std::array share_mark_values{rule_value{"null", "no mapping and a share count"},
                                       rule_value{"marker", "a mapping word of PAGE_MAPPING_DAX_SHARED"}};
constexpr std::array cow_towrite_values{
    rule_value{"set",
               "the copy of a shared block is marked TOWRITE, so that the fsync of a synchronous fault "
               "flushes it"},
    rule_value{"leave", "only DIRTY is set, which a synchronous fault leaves out"}};
constexpr std::array reflink_values{
    rule_value{"nowait", "the second file's layouts are broken without waiting; any busy page starts over"},
    rule_value{"one-page", "only the count of the first busy page is looked at again"},
    rule_value{"none", "neither file's layouts are broken"},
    rule_value{"null-is-busy",
               "the count of a page that the scan did not find is looked at: all begins again for ever"}};
constexpr std::array break_cows_values{
    rule_value{"keep", "a layout break leaves private copies mapped (even_cows is 0)"},
    rule_value{"unmap", "it unmaps them too: what the process stored is lost"}};
constexpr std::array fault_iomap_values{
    rule_value{"under-entry-lock", "a fault locks its entry, then asks the filesystem for the block"},
    rule_value{"before-entry-lock", "it asks first: a write or another fault may come in between"}};
constexpr std::array hole_zeroing_values{
    rule_value{"at-allocation", "a block is zeroed in the transaction that allocates it"},
    rule_value{"by-the-fault", "each fault that was told of an unwritten block zeroes it"}};
constexpr std::array fuse_range_values{
    rule_value{"to-end", "truncation on fuse breaks the layouts of the whole file"},
    rule_value{"page-0", "it passes an end of 0, which means the first page"}};
constexpr std::array dmap_reclaim_values{
    rule_value{"after-break", "a range is given to other pages once its layouts are broken"},
    rule_value{"unbroken", "it is given away whoever holds its pages"}};
constexpr std::array dmap_wait_values{
    rule_value{"unlocked", "a fault that finds no free range drops invalidate_lock, waits and begins again"},
    rule_value{"locked", "it waits with invalidate_lock held, which reclaim needs to free one"}};
constexpr std::array dmap_in_use_values{
    rule_value{"leave", "a range that somebody looks up for a read or write stays where it is"},
    rule_value{"take", "it is given away while they use it"}};
constexpr std::array reflink_source_values{
    rule_value{"demoted", "the source's locks are held shared while blocks are remapped: reads go on"},
    rule_value{"exclusive", "the source's locks stay exclusive to the end"}};
constexpr std::array remap_fault_values{
    rule_value{"exclusive", "a write fault in the source waits until the remapping has ended"},
    rule_value{"shared", "it goes on beside it: what it found unshared may be shared when it is mapped"}};
constexpr std::array lease_retry_values{
    rule_value{"all", "after waiting for a layout lease, without locks, pages are looked at again"},
    rule_value{"none", "pages that were idle before that wait count as idle after it"}};
constexpr std::array hole_entry_values{
    rule_value{"zero-entry", "a read of a hole makes a zero entry, which is locked as any other"},
    rule_value{"page-wake-all",
               "it puts a page of zeroes in the entry's place, with the page's lock, and wakes "
               "everybody who waits for the entry"},
    rule_value{"page-wake-next", "... and wakes one of them, who knows only the page's lock from there on"}};
constexpr std::array writeback_index_values{
    rule_value{"advance", "writeback looks for the next page behind the one that it wrote"},
    rule_value{"from-start", "it looks from the first page again, and finds those that are dirty again"}};
constexpr std::array cow_dirty_values{
    rule_value{"clear", "write() to a shared block takes the marks from its entry, then invalidates it"},
    rule_value{"keep", "an entry with a mark is not invalidated: the old block stays mapped"}};
constexpr std::array mf_owners_values{
    rule_value{"rmap-btree", "the filesystem finds every owner of a failed block"},
    rule_value{"page", "it has no rmap btree: the page itself has to say whose it is"}};
constexpr std::array bad_blocks_values{
    rule_value{"refuse", "direct access fails for a block that is known to be bad"},
    rule_value{"ignore", "a page that has failed is mapped again"}};
constexpr std::array cow_cancel_values{
    rule_value{"at-failure", "a write that fails frees what its range has reserved in the CoW fork at once"},
    rule_value{"later",
               "the reservation stays until truncation, eviction or the next write: no kernel has this"}};
constexpr std::array mf_cow_fork_values{
    rule_value{"shutdown", "it belongs to no file that could be told: the filesystem is shut down"},
    rule_value{"pass-by", "only the data forks are searched: the block counts as free"}};
constexpr std::array pmd_sharing_values{
    rule_value{"share", "a PMD entry may refer to a folio that other files refer to"},
    rule_value{"fall-back", "shared blocks are mapped page by page: no kernel has this"}};
constexpr std::array sync_poison_values{
    rule_value{"ignore", "the second half maps what the first half found, whatever has become of it"},
    rule_value{"check", "it looks whether the page has turned bad meanwhile: no kernel has this"}};
constexpr std::array metadata_pages_values{
    rule_value{"check", "a page of the device that holds its memory map has no struct page"},
    rule_value{"ignore", "any page of a bound device is taken to have one"}};
constexpr std::array mkclean_empty_pmd_values{
    rule_value{"lock",
               "write-protecting takes and drops the PMD lock before it passes an empty PMD entry by"},
    rule_value{"look", "it passes by: mremap may have taken the leaf out and not put it into its new place"}};
constexpr std::array pte_mismatch_values{
    rule_value{"sigbus", "the fault fails (EFAULT)"},
    rule_value{"nopage", "the entry stays, and the access is tried again"}};
constexpr std::array zero_pmd_values{rule_value{"nopage", "the access is tried again with what is there"},
                                     rule_value{"fall-back", "the fault falls back to a PTE"}};
constexpr std::array failed_pmd_copy_values{
    rule_value{"commit",
               "iomap_end is told that all was written: what was to be overwritten becomes the file's"},
    rule_value{"cancel", "iomap_end is told that nothing was written, as for a PTE: no kernel has this"}};
constexpr std::array holder_null_values{
    rule_value{"follow", "it is followed: the filesystem may have let go since the operations were read"},
    rule_value{"check", "the failure is nobody's: no kernel has this"}};
constexpr std::array free_pgmap_values{
    rule_value{"after-put",
               "once the count has reached 0, when the page may be part of another folio already"},
    rule_value{"before-put", "before the count is dropped: no zero-based kernel has this"}};
constexpr std::array mixedmap_unlink_values{
    rule_value{"flush-first", "munmap flushes such an area's translations before the area leaves its file"},
    rule_value{"flush-last", "it flushes at its end, as for any other area"}};
constexpr std::array cow_write_lock_values{
    rule_value{"none", "faults run beside the copy"},
    rule_value{"invalidate-lock",
               "write() holds invalidate_lock until the copy is in the file: no kernel has this"}};
constexpr std::array free_busy_values{
    rule_value{"at-once",
               "it is free at once: who frees it has made sure by the file's entries that it is idle"},
    rule_value{"when-idle", "nobody is given it, nor is it made part of a large folio, before its page is "
                            "idle: no kernel has this"}};
constexpr std::array partial_entry_values{
    rule_value{"drop", "it goes as a whole, with its DIRTY mark"},
    rule_value{"flush", "it is written back first: no kernel has this"}};
constexpr std::array recovery_write_values{
    rule_value{"keep", "nothing is invalidated unless the block is new"},
    rule_value{"invalidate", "the range is invalidated as for a new block: no kernel has this"}};
constexpr std::array dissolve_warning_values{
    rule_value{"any-order",
               "the kernel warns of references to a folio of any size that loses its last entry"},
    rule_value{"large-only", "it looks at the pages of large ones only"}};
constexpr std::array mf_page_values{
    rule_value{"head",
               "the first page of its folio is unmapped, as large as the entry that maps that one is"},
    rule_value{"page", "the page itself is unmapped"}};
constexpr std::array mf_folio_values{
    rule_value{"once", "the one that it was before its entry was locked: it may be a tail by then"},
    rule_value{"again", "it is looked up again until it is the page's under xa_lock: no kernel has this"}};
constexpr std::array mf_look_values{
    rule_value{"mapped", "as much as the largest entry maps that a look without locks finds"},
    rule_value{"entry", "all that the locked entry covers, mapped or not: no kernel has this"}};
constexpr std::array hole_unmap_values{
    rule_value{"at-insert", "when its entry is replaced: the block is the file's by then"},
    rule_value{"before-iomap", "before the filesystem is asked for the block: no kernel has this"}};
constexpr std::array device_access_values{
    rule_value{"dax-read-lock", "a read section of the device and a look at ALIVE"},
    rule_value{"queue-reference",
               "a reference of the request queue, which is the pagemap's (dax_map_atomic)"},
    rule_value{"none", "nothing: the device may go meanwhile"}};
constexpr std::array gup_undo_values{
    rule_value{"yes", "a walk that meets a page whose device is dead gives back what it has grabbed"},
    rule_value{"no", "it forgets what it has grabbed: nobody will drop that"}};
constexpr std::array mkclean_flush_values{
    rule_value{"range", "write-protecting an entry flushes all that it maps from every TLB"},
    rule_value{"first-page", "it flushes one page, also for a PMD: TLBs may keep the others writable"},
    rule_value{"none", "it flushes nothing"}};
constexpr std::array mremap_flush_values{
    rule_value{"under-lock", "mremap flushes the old place before anybody else can see the new one"},
    rule_value{"after-lock", "it flushes when it has dropped the page-table lock"}};
constexpr std::array mremap_recheck_values{
    rule_value{"yes", "mremap looks at a PMD leaf again under its lock before it moves it"},
    rule_value{"no", "it moves the leaf that it saw before the lock"}};
constexpr std::array vma_order_values{
    rule_value{"behind", "an area that mremap or fork makes comes behind the old one: a walk that missed the "
                         "new entry had met the old"},
    rule_value{"in-front", "it comes before the old one, and no lock makes up for that"}};
constexpr std::array fork_lock_values{
    rule_value{"both", "fork holds both page-table locks while it copies an entry"},
    rule_value{"child", "it holds the child's only: the parent's entry may go meanwhile"}};
constexpr std::array devdax_pgoff_values{
    rule_value{"aligned", "a large page of a device is known by the index of its first page"},
    rule_value{"exact", "it is known by the index that the first fault came by"}};
constexpr std::array mlock_device_values{
    rule_value{"skip", "mlock passes by pages of devices: they are on no LRU list"},
    rule_value{"lock", "it puts them into its batch, which holds a reference until it is drained"}};

constexpr std::array table{
    rule<&protocol::idle>("idle", "refcount of an idle page", "38607c62b34b", idle_values),
    rule<&protocol::mapping>("mapping-ref", "does a page-table entry hold a reference", "38607c62b34b",
                             mapping_values),
    rule<&protocol::busy>("busy-test", "when does the scan call a page busy", "38607c62b34b", busy_values),
    rule<&protocol::wait_for>("wait-for", "count that the idle wait sleeps for", "38607c62b34b",
                              wait_for_values),
    rule<&protocol::waiter_key>("wait-key", "address the idle waiter sleeps on", "38607c62b34b", key_values),
    rule<&protocol::waker_key>("wake-key", "address the last put wakes", "38607c62b34b", key_values),
    rule<&protocol::waiter_fence>("waiter-fence", "barrier between queueing and testing the count", "",
                                  fence_values),
    rule<&protocol::waker_fence>("waker-fence", "barrier between dropping the count and looking at the queue",
                                 "", fence_values),
    rule<&protocol::scan>("scan-order", "order of unmapping and scanning in break layouts", "",
                          scan_order_values),
    rule<&protocol::unmapped>("scan-unmapped", "what the scan does when no VMA maps the file", "cee91fa13a8e",
                              unmapped_values),
    rule<&protocol::locked>("scan-locked", "what the scan does at a locked entry", "6be3e21d25ca",
                            locked_values),
    rule<&protocol::deletes>("break-delete", "when does break layouts delete the entries", "bde708f1a65d",
                             delete_values),
    rule<&protocol::recheck>("gup-recheck", "does GUP-fast re-read the PTE after its try-get", "",
                             recheck_values),
    rule<&protocol::pmd_recheck>("gup-pmd-recheck", "does GUP-fast re-read a PMD leaf after its try-get",
                                 "414fd080d125", pmd_recheck_values),
    rule<&protocol::compound>("compound", "are the pages of a PMD entry one folio", "38607c62b34b",
                              compound_values),
    rule<&protocol::tail_mapping>("tail-mapping", "mapping of the pages of a dissolved folio", "38607c62b34b",
                                  tail_mapping_values),
    rule<&protocol::tail_pgmap>("tail-pgmap", "pgmap of the pages of a dissolved folio", "82ba975e4c43",
                                tail_pgmap_values),
    rule<&protocol::folio_of_entry>("entry-folio", "when is an entry turned into a folio", "",
                                    folio_of_entry_values),
    rule<&protocol::zero_entries>("zero-disassociate", "are zero entries disassociated", "98c183a4fccf",
                                  zero_entries_values),
    rule<&protocol::conflict>("pmd-conflict", "what a PMD fault does at a smaller entry", "23c84eb78375",
                              conflict_values),
    rule<&protocol::entry_key>("entry-key", "index under which the waiters of a PMD entry sleep",
                               "63e95b5c4f16", entry_key_values),
    rule<&protocol::colour>("pmd-colour", "PMD faults where address and file offset are not congruent",
                            "fffa281b48a9", colour_values),
    rule<&protocol::pmd_special>("pmd-special", "how a PMD leaf of a folio is marked", "",
                                 pmd_special_values),
    rule<&protocol::zero_deposit>("zero-pmd-deposit",
                                  "does a PMD of the huge zero page have a page table in store",
                                  "11cf9d863dcb", zero_deposit_values),
    rule<&protocol::empty_pmd>("zap-empty-pmd", "what unmapping a file range does at an empty PMD entry",
                               "22061a1ffabd", empty_pmd_values),
    rule<&protocol::wb_span>("writeback-span", "how much of a PMD entry writeback cleans", "e583b5c472bd",
                             wb_span_values),
    rule<&protocol::zap>("zap-order", "order of TLB flush and reference drop in zap", "", zap_values),
    rule<&protocol::removal_wakes>("removal-wake", "whom does the removal of an entry wake", "237388320def",
                                   removal_values),
    rule<&protocol::entry_baton>("entry-baton", "does an exclusive entry waiter pass the wake-up on",
                                 "25bbe21bf427", baton_values),
    rule<&protocol::evict>("evict-break", "does eviction wait for busy pages", "0e2f80afcfa6", evict_values),
    rule<&protocol::callback>("break-callback", "invalidate lock while break layouts sleeps", "",
                              callback_values),
    rule<&protocol::rescan>("break-rescan", "does break layouts scan again after a wait", "", rescan_values),
    rule<&protocol::fault_lock>("fault-lock", "how long a fault holds the entry lock", "", fault_lock_values),
    rule<&protocol::wb_locked>("writeback-locked", "what writeback does at a locked entry", "",
                               writeback_locked_values),
    rule<&protocol::invalidation>("invalidation", "how are cached entries invalidated", "",
                                  invalidate_values),
    rule<&protocol::wb_protects>("writeback-mkclean", "does writeback write-protect the page", "06083a0921fd",
                                 mkclean_values),
    rule<&protocol::wb_untags>("writeback-towrite", "when does writeback clear the TOWRITE mark", "",
                               towrite_clear_values),
    rule<&protocol::wb_clears>("writeback-clear", "when does writeback clear the DIRTY mark", "",
                               dirty_clear_values),
    rule<&protocol::long_pins>("longterm", "FOLL_LONGTERM on file DAX pages", "e5cb23256347",
                               longterm_values),
    rule<&protocol::gup_takes>("gup-pagemap", "what of the device does GUP hold", "38607c62b34b",
                               gup_pagemap_values),
    rule<&protocol::unbind_pages>("unbind-pages", "what does unbind wait for of the pages that are in use",
                                  "27674ef6c73f", unbind_pages_values),
    rule<&protocol::memunmap>("memunmap-order", "when does unbind remove the memory", "50f44ee7248a",
                              memunmap_values),
    rule<&protocol::pagemap_reuse>("pagemap-reuse", "the reference of a pagemap that is bound again", "",
                                   pagemap_reuse_values),
    rule<&protocol::pre_remove>("pre-remove", "what a filesystem does first when its device goes", "",
                                pre_remove_values),
    rule<&protocol::bind_errors>("bind-error", "what a bind that fails leaves behind", "a95c90f1e2c2",
                                 bind_error_values),
    rule<&protocol::pagemap_deletes>("pagemap-delete", "when does a pagemap leave the array", "eb7d78c9e7f6",
                                     pagemap_delete_values),
    rule<&protocol::pool_allocs>("pool-alloc", "allocation of a page whose device goes", "27674ef6c73f",
                                 pool_alloc_values),
    rule<&protocol::pool_inits>("pool-init", "count of a page that was not handed out yet", "b7e282378773",
                                pool_init_values),
    rule<&protocol::pool_destroys>("pool-destroy", "when does a driver's pool of pages go", "",
                                   pool_destroy_values),
    rule<&protocol::kill_waits>("kill-wait", "whom does kill_dax wait for", "", kill_wait_values),
    rule<&protocol::truncates_break>("break-layouts", "does truncate wait for busy pages", "430657b6be89",
                                     truncate_break_values),
    rule<&protocol::mf_rechecks>("mf-recheck", "is a failed page's mapping read again under its lock", "",
                                 mf_recheck_values),
    rule<&protocol::mf_waits>("mf-wait", "what memory failure does after waiting for an entry",
                              "55e56f06ed71", mf_wait_values),
    rule<&protocol::mf_sleeps>("mf-sleep", "xa_lock while memory failure waits for an entry", "f52afc93cd01",
                               mf_sleep_values),
    rule<&protocol::mf_puts>("mf-pagemap-put", "when does memory failure drop its pagemap reference",
                             "dad4e5b39086", mf_pagemap_values),
    rule<&protocol::holder_ops>("holder-ops", "how is the holder of a device called", "7ae9d15bdcde",
                                holder_read_values),
    rule<&protocol::holder_puts>("holder-put", "order in which unmount gives its device up", "7a6db2eb6d5d",
                                 holder_put_values),
    rule<&protocol::percpu_switches>("percpu-switch", "when does a dying percpu_ref sum up its CPUs", "",
                                     percpu_switch_values),
    rule<&protocol::percpu_sums>("percpu-sum", "how does a percpu_ref give up its bias", "",
                                 percpu_sum_values),
    rule<&protocol::percpu_puts>("percpu-put", "how does a put of a percpu_ref find that it was the last", "",
                                 percpu_put_values),
    rule<&protocol::ext2>("ext2-layouts", "does ext2 break layouts", "", ext2_values),
    rule<&protocol::shift>("shift-evict", "what collapse and insert range drop from the cache", "",
                           shift_values),
    rule<&protocol::sync>("sync-fault", "when does a MAP_SYNC fault map its page", "", sync_fault_values),
    rule<&protocol::copies>("break-cows", "private copies in a layout break", "d75996dd022b",
                            break_cows_values),
    rule<&protocol::asks>("fault-iomap", "when does a fault ask for its block", "13e451fdc1af",
                          fault_iomap_values),
    rule<&protocol::zeroing>("hole-zeroing", "who zeroes a new block", "843172978bb9", hole_zeroing_values),
    rule<&protocol::fuse>("fuse-range", "what truncation on fuse breaks", "7851bf649d42", fuse_range_values),
    rule<&protocol::undo>("gup-undo", "what a GUP-fast walk does when a page's device is dead", "",
                          gup_undo_values),
    rule<&protocol::wb_flushes>("mkclean-flush", "what write-protecting flushes", "e583b5c472bd",
                                mkclean_flush_values),
    rule<&protocol::moves_flush>("mremap-flush", "when does mremap flush the old place", "eb66ae030829",
                                 mremap_flush_values),
    rule<&protocol::moves_recheck>("mremap-recheck", "does mremap look at a PMD again under its lock",
                                   "6fa1066fc5d0", mremap_recheck_values),
    rule<&protocol::copied_area>("area-order", "where does a copied area go among those of its file", "",
                                 vma_order_values),
    rule<&protocol::fork_locks>("fork-lock", "page-table locks while fork copies an entry", "",
                                fork_lock_values),
    rule<&protocol::devdax_index>("devdax-index", "index of a large page of a device", "7fcbd9785d4c",
                                  devdax_pgoff_values),
    rule<&protocol::mlocks>("mlock-device", "what does mlock do with pages of a device", "",
                            mlock_device_values),
    rule<&protocol::share>("share-update", "how is the share count of a folio changed", "",
                           share_update_values),
    rule<&protocol::reset>("share-reset", "what the last disassociation clears", "59eb73b98ae0",
                           share_reset_values),
    rule<&protocol::shared_mark>("share-mark", "what tells a shared folio", "cbe298d82cf7",
                                 share_mark_values),
    rule<&protocol::cow_marks>("cow-towrite", "mark of the copy of a shared block", "", cow_towrite_values),
    rule<&protocol::reflink>("reflink-break", "layouts of the second file that a reflink locks",
                             "d5b3afea22a5", reflink_values),
    rule<&protocol::reclaims>("dmap-reclaim", "when is a dmap range of virtiofs given to other pages",
                              "6ae330cad6ef", dmap_reclaim_values),
    rule<&protocol::dmap_waits>("dmap-wait", "invalidate lock of a fault that waits for a dmap range",
                                "6ae330cad6ef", dmap_wait_values),
    rule<&protocol::dmap_used>("dmap-in-use", "dmap ranges in use by read() and write()", "6ae330cad6ef",
                               dmap_in_use_values),
    rule<&protocol::source>("reflink-source", "locks of a reflink's source while blocks are remapped",
                            "14a537983b22", reflink_source_values),
    rule<&protocol::remapping>("remap-fault", "write faults in a reflink's source (IREMAPPING)",
                               "14a537983b22", remap_fault_values),
    rule<&protocol::leases>("lease-retry", "what xfs looks at again after waiting for a layout lease", "",
                            lease_retry_values),
    rule<&protocol::holes>("hole-entry", "what a read fault puts where a hole is", "91d25ba8a6b0",
                           hole_entry_values),
    rule<&protocol::wb_index>("writeback-index", "where writeback looks for its next page", "1eb643d02b21",
                              writeback_index_values),
    rule<&protocol::cow_cleans>("cow-dirty", "marks of the entry whose shared block write() replaces",
                                "f76b3a32879d", cow_dirty_values),
    rule<&protocol::owners>("mf-owners", "how are the owners of a failed block found", "", mf_owners_values),
    rule<&protocol::bad>("bad-blocks", "direct access to a block that has failed", "", bad_blocks_values),
    rule<&protocol::cow_cancels>("cow-cancel", "block that a failed copy on write has reserved", "",
                                 cow_cancel_values),
    rule<&protocol::mf_cow>("mf-cow-fork", "a failed block that is reserved in a CoW fork", "",
                            mf_cow_fork_values),
    rule<&protocol::shared_pmds>("pmd-sharing", "blocks of a PMD's size that files share", "",
                                 pmd_sharing_values),
    rule<&protocol::sync_bad>("sync-fault-poison", "bad memory between the halves of a synchronous fault", "",
                              sync_poison_values),
    rule<&protocol::metadata>("metadata-pages", "memory failure in the memory map of a device",
                              "34dc45be4563", metadata_pages_values),
    rule<&protocol::accesses>("device-access", "what keeps a device while its memory is looked up or used",
                              "", device_access_values),
    rule<&protocol::wb_empty_pmd>("mkclean-empty-pmd", "what write-protecting does at an empty PMD entry",
                                  "6a8e0596f004", mkclean_empty_pmd_values),
    rule<&protocol::mismatch>("pte-mismatch", "a write fault that finds a PTE of another page",
                              "ec2e0cc67f9c", pte_mismatch_values),
    rule<&protocol::huge_zero>("zero-pmd", "a hole's fault that finds a PMD entry in use", "",
                               zero_pmd_values),
    rule<&protocol::pmd_copy>("pmd-copy-failure", "a PMD store whose copy of shared blocks fails", "",
                              failed_pmd_copy_values),
    rule<&protocol::no_holder>("holder-null", "a holder that is gone when it is to be told of a failure", "",
                               holder_null_values),
    rule<&protocol::free_reads>("free-pgmap", "when does the last put read the device of its page",
                                "38607c62b34b", free_pgmap_values),
    rule<&protocol::mixedmap>("mixedmap-unlink", "TLB flush of munmap for a VM_MIXEDMAP area", "b67fbebd4cf9",
                              mixedmap_unlink_values),
    rule<&protocol::cow_writes>("cow-write-lock", "lock of a write() to shared blocks against faults", "",
                                cow_write_lock_values),
    rule<&protocol::frees>("free-busy", "a block that is freed while its page is busy", "", free_busy_values),
    rule<&protocol::partial>("partial-entry", "a PMD entry that is truncated in part", "",
                             partial_entry_values),
    rule<&protocol::recovers>("recovery-write", "write() to a page whose memory is bad", "",
                              recovery_write_values),
    rule<&protocol::warns>("dissolve-warning", "references to a folio that loses its last entry",
                           "59eb73b98ae0", dissolve_warning_values),
    rule<&protocol::mf_unmaps>("mf-page", "what memory failure unmaps without a holder", "38607c62b34b",
                               mf_page_values),
    rule<&protocol::mf_follows>(
        "mf-folio", "which folio memory failure takes for the page's without a holder", "", mf_folio_values),
    rule<&protocol::mf_looks>("mf-look", "how much memory failure unmaps", "", mf_look_values),
    rule<&protocol::hole_unmaps>("hole-unmap", "when does a store to a hole unmap the zero page", "",
                                 hole_unmap_values),
    rule<&protocol::cow_copies>("cow-copy", "the copy of a shared block, before it takes the block's place",
                                "", cow_copy_values),
    rule<&protocol::pud_mapping>("pud-mapping", "is a PUD entry of a device's page counted as a mapping",
                                 "349994cf61e6", pud_counts_values),
    rule<&protocol::sync_lock>("sync-fault-lock", "invalidate lock between the halves of a synchronous fault",
                               "", sync_lock_values),
};

std::string value_names(const rule_info& rule) {
    std::string names;
    for (const rule_value& value : rule.values)
        names.append(names.empty() ? "" : "|").append(value.name);
    return names;
}

} // namespace

std::span<const rule_info> rule_table() { return table; }

const rule_info* find_rule(std::string_view name) {
    for (const rule_info& rule : table)
        if (rule.name == name)
            return &rule;
    return nullptr;
}

std::optional<std::string> set_rule(protocol& row, std::string_view assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string_view::npos)
        return "expected RULE=VALUE, got '" + std::string(assignment) + "'";
    const std::string_view name = assignment.substr(0, equals);
    const rule_info* rule = find_rule(name);
    if (rule == nullptr)
        return "unknown rule '" + std::string(name) + "'" + did_you_mean(name, names_of(table)) +
               "; `daxtorture protocols` lists them";
    const std::string_view wanted = assignment.substr(equals + 1);
    for (std::size_t i = 0; i < rule->values.size(); ++i) {
        if (rule->values[i].name == wanted) {
            rule->set(row, static_cast<std::uint8_t>(i));
            return std::nullopt;
        }
    }
    return "unknown value '" + std::string(wanted) + "' of rule '" + std::string(rule->name) + "'" +
           did_you_mean(wanted, names_of(rule->values)) + "; expected " + value_names(*rule);
}

std::string differences(const protocol& base, const protocol& row) {
    std::string text;
    for (const rule_info& rule : table)
        if (rule.get(base) != rule.get(row))
            text.append(text.empty() ? "" : " ")
                .append(rule.name)
                .append("=")
                .append(rule.values[rule.get(row)].name);
    return text;
}

} // namespace daxtorture
