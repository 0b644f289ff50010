/// One ZONE_DEVICE page or folio. Mirrors struct page and struct folio, include/linux/mm.h, page-flags.h and mm/memremap.c, v6.12 and v6.15.
///
/// `folio` stands for both of Linux's types: every page of the device has one, a large folio is its head page's, and page_folio()
/// leads from any page to it. A page that stands alone is a folio of order 0.
///
/// States    idle -> mapped(n) -> mapped and pinned(n + k) -> idle; idle is refcount 0 or 1 by the rule `idle`      [I2, I3]
/// Ordering  folio_try_get  full on success, relaxed on failure (atomic_add_unless)
///           folio_get      relaxed: the caller already owns a reference or the entry lock
///           folio_put      full: atomic_sub_and_test. What a user did before its put is visible to whoever sees the count
///                          reach idle and then takes the queue lock or any lock after it
///           folio_ref_count, folio_mapcount  relaxed, as READ_ONCE
///           compound_head   acquire stands for the address dependency from the word to the head that it names
/// Blocking  never; waiting is dax/layout_break's business
/// Checked   break-vs-pin, break-vs-munmap, gup-vs-reuse
#pragma once

#include <arch/atomic.hpp>
#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct kernel;
struct address_space;
struct dev_pagemap;

/// A pin of an order-0 folio weighs this much in refcount (GUP_PIN_COUNTING_BIAS).
inline constexpr int pin_bias = 1024;

struct alignas(64) folio {
    arch::atomic<int> refcount{0};
    /// Page-table entries that map the folio: PTEs of any of its pages and PMDs. Only the head of a large folio counts.
    arch::atomic<int> mapcount{0};
    /// Of a large folio: PMDs that map the whole of it. They count in `mapcount` too.
    arch::atomic<int> entire_mapcount{0};
    /// Of a large folio: pins, which weigh only one reference each there.
    arch::atomic<int> pincount{0};
    /// Order of the compound page that this page heads, and whether it heads one (PG_head); 0 when it stands alone or is a tail.
    static constexpr unsigned head_bit = 1u << 8;
    static constexpr unsigned mlocked_bit = 1u << 9; ///< PG_mlocked, which no page of a device should have
    static constexpr unsigned order_mask = head_bit - 1;
    arch::atomic<unsigned> order_and_head{0};
    /// One word, as in Linux: the dev_pagemap, or, in a tail, the head's address with bit 0 set.
    static constexpr std::uintptr_t tail_bit = 1;
    arch::atomic<std::uintptr_t> compound_head{0};
    /// PAGE_MAPPING_ANON: with this bit the mapping is an anonymous page's.
    static constexpr std::uintptr_t mapping_anon = 1;
    arch::atomic<address_space*> mapping{nullptr};
    /// Page index in `mapping`; when `mapping` is null, the number of entries that share the folio.
    arch::atomic<std::uint64_t> index_or_share{0};
    /// What lies in the page: see memmap::store_whole.
    arch::atomic<std::uint32_t> contents{0};
};
/// One cache line, as in Linux, on the machine whose atomics are plain words.
static_assert(sizeof(arch::atomic<int>) != sizeof(int) || sizeof(folio) == 64);

/// For the oracle: a page of order 0 as the device made it, with nothing left of a large folio that it was part of [I14].
bool is_alone(const folio& page, const dev_pagemap& device);

/// Makes one folio of 2^order pages whose head is `head`; its refcount stays what it is. Tails lose their pgmap for the pointer to the
/// head, and their mapping for a poison.
void prep_compound_page(kernel& k, folio& head, unsigned order);
/// The poison in the mapping of tail pages: nobody may follow it.
inline address_space* const tail_mapping =
    reinterpret_cast<address_space*>(std::uintptr_t{0xdead} << 48 | 0x400);

inline int folio_ref_count(const folio& f, arch::site at = arch::site::here()) {
    return f.refcount.load(arch::order::relaxed, at);
}
inline int folio_mapcount(const folio& f, arch::site at = arch::site::here()) {
    return f.mapcount.load(arch::order::relaxed, at);
}

/// The first reference of a folio that the caller owns through its locked entry. Returns the count before.
inline int folio_ref_inc(folio& f) {
    // relaxed in Linux. release here: on every machine that Linux runs on, who reads this count has seen what this CPU had seen when it took the
    // entry lock, the folio as it was last built or dissolved among it (the LKMM's unlock-lock order). C++ locks promise that to lock holders only.
    return f.refcount.fetch_add(1, arch::order::release);
}
/// Takes `refs` more references; the caller owns one, or owns the page through its locked entry.
inline void folio_get(folio& f, int refs = 1) {
    // relaxed: whoever may call this already keeps the page from becoming idle
    f.refcount.fetch_add(refs, arch::order::relaxed);
}
/// Takes `refs` references unless refcount is 0. One-based pages are never at 0: there it succeeds on an idle page too.
inline bool folio_try_get(folio& f, int refs = 1) {
    int seen = f.refcount.load(arch::order::relaxed);
    while (seen != 0) {
        // full: orders the reference before GUP-fast's second look at the PTE, against the zapper's PTE before its look at
        // the count (O6)
        if (f.refcount.compare_exchange(seen, seen + refs, arch::order::full))
            return true;
    }
    return false;
}
/// Drops `refs` references. The drop that makes the page idle frees it to its filesystem and wakes the idle waiters.
void folio_put(kernel& k, folio& f, int refs = 1);
/// The wake-up of whoever waits for the page to become idle (mm/memremap.c; put_devmap_managed_folio_refs when one-based).
void free_zone_device_folio(kernel& k, folio& f);

} // namespace ARCH_MACHINE
} // namespace daxtorture
