/// What the modelled kernel shares: the protocol in force, the memory map, the wait tables and the grace periods.
///
/// Linux has these as globals; here they are one object, passed first to whatever needs them, so that a process may hold many worlds.
#pragma once

#include "arch/target/target.hpp"
#include "mm/lock_classes.hpp"
#include "mm/memmap.hpp"
#include "mm/tlb.hpp"
#include "mm/wait_queue.hpp"
#include "protocol/rules.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/rcu.hpp>

#include <memory>
#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Each task's last wake-up, for hang reports: which page it woke, under which key, and how many sleepers that matched.
/// One slot per task on its own cache line: a put must not pay for being watched.
struct alignas(64) last_wake {
    arch::oracle<bool> any{false};
    arch::oracle<std::uint64_t> pfn{0};
    arch::oracle<wait_key> key{wait_key::page};
    arch::oracle<unsigned> woken{0};

    void set(std::uint64_t page, wait_key which, unsigned count) {
        any.set(true);
        pfn.set(page);
        key.set(which);
        woken.set(count);
    }
};

/// Part of the device memory, as a world is built from it.
struct pagemap_range {
    memory_type type;
    unsigned pages;
    unsigned order = 0;    ///< of its folios, where they are large for good
    unsigned metadata = 0; ///< its first pages, which hold its memory map
};

struct kernel {
    /// The ranges follow each other from frame 0. None is bound yet.
    kernel(const protocol& row, const target& modelled, const std::vector<pagemap_range>& ranges,
           unsigned wait_buckets, unsigned order, unsigned tasks, bool devices_go, unsigned tlb_entries = 0,
           bool keep_ledger = true);

    const protocol rules;
    const target machine;
    const unsigned pmd_order; ///< of PMD entries and folios; 0: there are none
    /// Does any operation of this world unbind a device? Where none does, nobody looks whether one is there: that would only multiply the
    /// executions to explore.
    const bool unbinds;
    /// Does the oracle count who holds what? Without it the checks in `ledger_checks` (words/invariant.hpp) see nobody hold anything.
    const bool ledger;
    arch::rcu_domain rcu{arch::grace_periods::rare};
    std::vector<std::unique_ptr<dev_pagemap>> pgmaps; ///< every device's, bound or not
    memmap mem;
    arch::spinlock share_lock{lock_classes::share_lock}; ///< taken by the rule `share-update`=locked
    wait_table var_waits;                                ///< ___wait_var_event: waiters for an idle page
    wait_table entry_waits;                              ///< waiters for a locked DAX entry
    tlb tlbs;
    std::unique_ptr<last_wake[]> wakes; ///< by task id
    /// The oracle's clock for I20: counts the fsyncs that have begun, from 1.
    arch::oracle<std::uint64_t> fsync_count{1};

    /// The oracle's: numbers of data that the kernel writes as a whole, from 1 [I34].
    arch::oracle<std::uint32_t> data_count{0};
    std::uint32_t new_data() { return data_count.add(1); }

    /// When it returns, no access through an old translation of these pages is under way and none can begin. Where it interrupts, CPUs with
    /// interrupts off hold it up: GUP-fast's walks are over too (O7, R3).
    void flush_tlb_range(const mm_struct& mm, std::uint64_t first, std::uint64_t last) {
        tlbs.flush(mm, first, last);
        if (machine.flush == tlb_flush::interrupt)
            rcu.synchronize();
    }
    std::uint64_t pmd_pages() const { return std::uint64_t{1} << pmd_order; }
    /// PG_PMD_COLOUR: the offset of a page inside its PMD range.
    std::uint64_t pmd_colour() const { return pmd_pages() - 1; }
    int idle_count() const { return rules.idle == idle_value::one ? 1 : 0; }
    /// Of a page of this range: device-dax pages are idle at 1 in every protocol, those that a driver hands out at 0.
    int idle_count(const dev_pagemap& range) const {
        return range.type == memory_type::fs_dax ? idle_count() : range.type == memory_type::generic ? 1 : 0;
    }
    int idle_count(const folio& f) const {
        return pgmaps.size() == 1 ? idle_count() : idle_count(range_of(mem.pfn(f)));
    }

    /// The range that this frame number lies in, bound or not.
    dev_pagemap& range_of(std::uint64_t pfn) const;
    /// pgmap_array at this frame number: its device while it is bound.
    arch::atomic<dev_pagemap*>& pgmap_slot(std::uint64_t pfn);

  private:
    std::unique_ptr<arch::atomic<dev_pagemap*>[]> pgmap_array_; ///< one slot for each range, as in pgmaps
};

// Inline: GUP asks all of this for every page.

/// For the oracle: was the block of a page that is held given up since its generation was noted, so that it may be another's?
inline bool was_freed(const kernel& k, const block_owner& block, std::uint64_t generation) {
    return block.generation.get() != generation || (k.rules.frees == free_busy::at_once && !block.is_owned());
}

/// The head of the folio that this page belongs to. Without a reference on it the answer may be out of date at once.
inline folio& page_folio(const kernel& k, folio& page, arch::site at = arch::site::here()) {
    if (k.pmd_order == 0)
        return page;
    const std::uintptr_t word = page.compound_head.load(arch::order::acquire, at);
    return (word & folio::tail_bit) == 0 ? page : *reinterpret_cast<folio*>(word - folio::tail_bit);
}

/// The device that a page belongs to. Only a head has it in its word: a tail's names its head.
inline dev_pagemap* page_pgmap(const folio& head, arch::site at = arch::site::here()) {
    return reinterpret_cast<dev_pagemap*>(head.compound_head.load(arch::order::acquire, at));
}

/// Is this page the head of a compound page? (PG_head)
inline bool folio_test_large(const kernel& k, const folio& f, arch::site at = arch::site::here()) {
    // relaxed: who holds a reference or the entry lock keeps it from changing; others look again
    return k.pmd_order != 0 && (f.order_and_head.load(arch::order::relaxed, at) & folio::head_bit) != 0;
}

inline unsigned folio_order(const folio& f, arch::site at = arch::site::here()) {
    return f.order_and_head.load(arch::order::relaxed, at) &
           folio::order_mask; // relaxed: as folio_test_large
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
