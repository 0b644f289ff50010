/// What the modelled kernel shares: the protocol in force, the memory map, the wait tables and the grace periods.
///
/// Linux has these as globals; here they are one object, passed first to whatever needs them, so that a process may hold many worlds.
#pragma once

#include "mm/lock_classes.hpp"
#include "mm/memmap.hpp"
#include "mm/wait_queue.hpp"
#include "protocol/rules.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/rcu.hpp>

#include <memory>

namespace daxtorture::inline ARCH_MACHINE {

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

struct kernel {
    kernel(const protocol& row, unsigned pages, unsigned wait_buckets, unsigned order, unsigned tasks)
        : rules(row), pmd_order(order), pgmap{0, pages}, mem(pgmap, row.idle == idle_value::one ? 1 : 0),
          var_waits(wait_buckets), entry_waits(wait_buckets), wakes(std::make_unique<last_wake[]>(tasks)) {}

    const protocol rules;
    const unsigned pmd_order; ///< of PMD entries and folios; 0: there are none
    dev_pagemap pgmap;        ///< of the one device
    memmap mem;
    arch::spinlock share_lock{lock_classes::share_lock}; ///< taken by the rule `share-update`=locked
    wait_table var_waits;                                ///< ___wait_var_event: waiters for an idle page
    wait_table entry_waits;                              ///< waiters for a locked DAX entry
    arch::rcu_domain rcu{arch::grace_periods::rare};
    /// Hardware page walks in flight. A TLB flush is a grace period of this domain: when it returns, no access through the
    /// old translation is under way and none can begin.
    arch::rcu_domain tlb;
    std::unique_ptr<last_wake[]> wakes; ///< by task id
    /// The oracle's clock for I20: counts the fsyncs that have begun, from 1.
    arch::oracle<std::uint64_t> fsync_count{1};

    std::uint64_t pmd_pages() const { return std::uint64_t{1} << pmd_order; }
    /// PG_PMD_COLOUR: the offset of a page inside its PMD range.
    std::uint64_t pmd_colour() const { return pmd_pages() - 1; }
    int idle_count() const { return rules.idle == idle_value::one ? 1 : 0; }
};

// Inline: GUP asks all of this for every page.

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
    return f.order_and_head.load(arch::order::relaxed, at) & ~folio::head_bit; // relaxed: as folio_test_large
}

} // namespace daxtorture::inline ARCH_MACHINE
