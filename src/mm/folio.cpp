#include "mm/folio.hpp"

#include "mm/kernel.hpp"
#include "mm/wait_bit.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

namespace {

constexpr unsigned head_bit = 1u << 8;
constexpr std::uintptr_t tail_bit = 1;

} // namespace

folio& page_folio(folio& page, arch::site at) {
    const std::uintptr_t word = page.compound_head.load(order::acquire, at);
    return (word & tail_bit) == 0 ? page : *reinterpret_cast<folio*>(word - tail_bit);
}

dev_pagemap* page_pgmap(const folio& head, arch::site at) {
    return reinterpret_cast<dev_pagemap*>(head.compound_head.load(order::acquire, at));
}

bool folio_test_large(const folio& f, arch::site at) {
    // relaxed: who holds a reference or the entry lock keeps it from changing; others look again
    return (f.order_and_head.load(order::relaxed, at) & head_bit) != 0;
}

unsigned folio_order(const folio& f, arch::site at) {
    const unsigned word = f.order_and_head.load(order::relaxed, at); // relaxed: as folio_test_large
    return (word & head_bit) == 0 ? 0 : word & ~head_bit;
}

int folio_ref_count(const folio& f, arch::site at) { return f.refcount.load(order::relaxed, at); }
int folio_mapcount(const folio& f, arch::site at) { return f.mapcount.load(order::relaxed, at); }

void folio_get(folio& f, int refs) {
    // relaxed: whoever may call this already keeps the page from becoming idle
    f.refcount.fetch_add(refs, order::relaxed);
}

bool folio_try_get(folio& f, int refs) {
    int seen = f.refcount.load(order::relaxed);
    while (seen != 0) {
        // full: orders the reference before GUP-fast's second look at the PTE, against the zapper's PTE before its look at
        // the count (O6)
        if (f.refcount.compare_exchange(seen, seen + refs, order::full))
            return true;
    }
    return false;
}

void folio_put(kernel& k, folio& f, int refs) {
    // full (atomic_sub_and_test): the waker's half of O1, and it releases what this user did to the page
    const order strength = k.rules.waker_fence == full_fence::full ? order::full : order::relaxed;
    const int now = f.refcount.fetch_sub(refs, strength) - refs;
    if (now < k.idle_count())
        arch::fail(5, "refcount dropped below its idle value", "folio_put");
    if (now == k.idle_count())
        free_zone_device_folio(k, f);
}

void free_zone_device_folio(kernel& k, folio& f) { wake_up_var(k, f, k.rules.waker_key); }

} // namespace daxtorture::inline ARCH_MACHINE
