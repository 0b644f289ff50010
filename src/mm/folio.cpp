#include "mm/folio.hpp"

#include "mm/kernel.hpp"
#include "mm/memremap.hpp"
#include "mm/wait_bit.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

void prep_compound_page(kernel& k, folio& head, unsigned order) {
    const std::uint64_t first = k.mem.pfn(head);
    // relaxed: the entry lock keeps others away, and references are taken through a page table that is released later
    head.order_and_head.store(order | folio::head_bit, arch::order::relaxed);
    for (std::uint64_t pfn = first + 1; pfn < first + (std::uint64_t{1} << order); ++pfn) {
        folio& tail = k.mem[pfn];
        tail.mapping.store(tail_mapping, arch::order::relaxed);
        // release: a lockless walker that follows the word finds a head (set_compound_head comes last, as in Linux)
        tail.compound_head.store(reinterpret_cast<std::uintptr_t>(&head) + folio::tail_bit,
                                 arch::order::release);
    }
}

bool is_alone(const folio& page, const dev_pagemap& device) {
    return page.order_and_head.peek() == 0 && page.mapping.peek() != tail_mapping &&
           page.compound_head.peek() == reinterpret_cast<std::uintptr_t>(&device);
}

namespace {

/// At unbind a page loses its own reference as well: then it may reach 0, and who takes it there drops the pagemap's reference for it.
bool put_dying_page(kernel& k, folio& f, int now) {
    if (!k.unbinds || now != 0 || k.rules.unbind_pages == pages_at_unbind::put_many)
        return false;
    dev_pagemap& device = k.range_of(k.mem.pfn(f));
    if (!pages_keep_device(k, device) || device.ref.peek_live())
        return false;
    device.ref.put();
    return true;
}

} // namespace

void folio_put(kernel& k, folio& f, int refs) {
    // full (atomic_sub_and_test): the waker's half of O1, and it releases what this user did to the page
    const order strength = k.rules.waker_fence == full_fence::full ? order::full : order::relaxed;
    if (k.unbinds) {
        folio_ref_count(f); // a step before the check: until it another thread may run and take the page away
        k.mem.check_present(k.mem.pfn(f));
    }
    const int now = f.refcount.fetch_sub(refs, strength) - refs;
    if (put_dying_page(k, f, now))
        return;
    const int idle = k.idle_count(f);
    if (now < idle)
        arch::fail(invariant::I5, "refcount dropped below its idle value", "folio_put");
    else if (arch::is_simulated && k.rules.mapping == mapping_counts::yes && now < f.mapcount.peek())
        arch::fail(invariant::I6, "refcount below mapcount", "folio_put");
    if (now == idle)
        free_zone_device_folio(k, f);
    else if (k.rules.wait_for == idle_wait::for_mappings && now == folio_mapcount(f))
        wake_up_var(k, f, k.rules.waker_key); // only page tables hold it any more
}

namespace {

/// Nothing keeps the page for whoever has just dropped its last reference: truncation may have found it idle, and a fault of its block's next owner
/// made it a part of a larger folio. Then the word is no device [I25].
void read_device(const kernel& k, const folio& f) {
    if (k.pmd_order == 0 || k.rules.free_reads == free_pgmap::before_put)
        return;
    if ((f.compound_head.load(order::relaxed) & folio::tail_bit) != 0) // relaxed: a plain load
        arch::fail(invariant::I25, "the last put took a page of another folio for its own",
                   "free_zone_device_folio read the head of a tail page as its device");
}

} // namespace

void free_zone_device_folio(kernel& k, folio& f) {
    read_device(k, f);
    if (dev_pagemap& pgmap = k.range_of(k.mem.pfn(f)); pgmap.type != memory_type::fs_dax) {
        if (pgmap.page_free != nullptr)
            pgmap.page_free(pgmap, f);
        return; // device-dax: back at 1, and nobody waits
    }
    wake_up_var(k, f, k.rules.waker_key);
    if (k.rules.unbind_pages == pages_at_unbind::while_busy && k.unbinds)
        k.range_of(k.mem.pfn(f)).ref.put();
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
