#include "mm/folio.hpp"

#include "mm/kernel.hpp"
#include "mm/wait_bit.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

memmap::memmap(unsigned pages, int idle_count) : pages_(pages), folios_(std::make_unique<folio[]>(pages)) {
    for (unsigned pfn = 0; pfn < pages; ++pfn)
        folios_[pfn].refcount.store(idle_count, order::relaxed);
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
