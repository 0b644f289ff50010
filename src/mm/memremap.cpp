#include "mm/memremap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

void check_bound(const dev_pagemap& pgmap) {
    if (!pgmap.bound.get())
        arch::fail(invariant::I22, "a device was used that is not bound", "get_dev_pagemap");
}

} // namespace

dev_pagemap* get_dev_pagemap(kernel& k, std::uint64_t pfn) {
    const arch::rcu_read_guard reading(k.rcu);
    // acquire stands for rcu_dereference's address dependency
    dev_pagemap* pgmap = k.pgmap_slot(pfn).load(order::acquire);
    if (pgmap == nullptr || !pgmap->ref.tryget_live())
        return nullptr;
    check_bound(*pgmap);
    return pgmap;
}

bool pgmap_pfn_valid(const kernel& k, const dev_pagemap& pgmap, std::uint64_t pfn) {
    if (pgmap.is_metadata(pfn))
        return k.rules.metadata == metadata_pages::ignore;
    return !k.mem.removed(pfn);
}

bool pages_keep_device(const kernel& k, const dev_pagemap& pgmap) {
    if (k.idle_count(pgmap) == 0) // in a driver's pool, and zero-based: no page has a reference of its own
        return false;
    return k.rules.unbind_pages == pages_at_unbind::put_each ||
           (k.rules.unbind_pages == pages_at_unbind::while_busy && pgmap.type == memory_type::generic);
}

void put_dev_pagemap(dev_pagemap& pgmap) {
    check_bound(pgmap);
    pgmap.ref.put();
}

namespace {

/// The folios of a range whose pages are large: tails count nothing.
void memmap_init_compound(kernel& k, dev_pagemap& pgmap) {
    const std::uint64_t size = std::uint64_t{1} << pgmap.order;
    for (std::uint64_t head = pgmap.pfn_first(); pgmap.contains(head); head += size) {
        for (std::uint64_t tail = head + 1; tail < head + size; ++tail)
            k.mem[tail].refcount.store(0, order::relaxed); // relaxed: as init_page
        prep_compound_page(k, k.mem[head], pgmap.order);
    }
}

/// memmap_init_zone_device: every page stands alone and points at its device.
void memmap_init_zone_device(kernel& k, dev_pagemap& pgmap) {
    const bool pooled = pgmap.page_free != nullptr;
    const int count = pooled && k.rules.pool_inits == pool_init::one ? 1 : k.idle_count(pgmap);
    for (std::uint64_t pfn = pgmap.pfn_first(); pgmap.contains(pfn); ++pfn)
        k.mem.init_page(pfn, pgmap, count);
    if (pgmap.order != 0)
        memmap_init_compound(k, pgmap);
}

void release_pgmap(percpu_ref& ref) { static_cast<dev_pagemap*>(ref.owner())->done.complete(); }

/// The references that memremap_pages took, one for each page.
void drop_page_references(kernel& k, dev_pagemap& pgmap) {
    if (!pages_keep_device(k, pgmap)) {
        pgmap.ref.put_many(pgmap.folios());
        return;
    }
    for (std::uint64_t pfn = pgmap.pfn_first(); pgmap.contains(pfn); pfn += std::uint64_t{1} << pgmap.order)
        folio_put(k, k.mem[pfn]);
}

/// Once killed and dropped by its pages, the pagemap is released when the last user has gone.
void wait_for_release(kernel& k, dev_pagemap& pgmap) {
    k.rcu.barrier(); // stands for the softirq that runs the callbacks: here nobody else does while all sleep
    pgmap.done.wait();
    pgmap.bound.set(false);
    pgmap.ref.exit();
    if (k.rules.pagemap_reuse == pagemap_ref::reset)
        pgmap.has_ref.set(false);
}

void leave_array(kernel& k, dev_pagemap& pgmap) {
    k.pgmap_slot(pgmap.first_pfn).store(nullptr, order::release); // release: as rcu_assign_pointer
    k.rcu.synchronize();
}

void arch_remove_memory(kernel& k, dev_pagemap& pgmap) {
    // Where the memory map lies in the device itself, the altmap, found through the array, says that it is not to be given to the page allocator.
    if (pgmap.metadata != 0 &&
        k.pgmap_slot(pgmap.first_pfn).load(order::relaxed) != &pgmap) // relaxed: only who unbinds changes it
        arch::fail(invariant::I22, "the memory map of a device was freed as ordinary memory",
                   "vmem_altmap lookup");
    for (std::uint64_t pfn = pgmap.pfn_first(); pgmap.contains(pfn); ++pfn)
        k.mem.remove_page(pfn);
}

} // namespace

bool memremap_pages(kernel& k, dev_pagemap& pgmap, bool fails) {
    if (!pgmap.has_ref.get()) {
        pgmap.done.reinit();
        pgmap.ref.init(release_pgmap);
        pgmap.has_ref.set(true);
    }
    pgmap.bound.set(true);
    // release: rcu_assign_pointer
    k.pgmap_slot(pgmap.first_pfn).store(&pgmap, order::release);
    if (fails) {
        if (k.rules.bind_errors == bind_error::undo) {
            pgmap.ref.kill();
            wait_for_release(k, pgmap);
            leave_array(k, pgmap);
        }
        return false;
    }
    memmap_init_zone_device(k, pgmap);
    pgmap.ref.get_many(pgmap.folios());
    return true;
}

void memunmap_pages(kernel& k, dev_pagemap& pgmap) {
    if (!pgmap.dying.get())
        pgmap.ref.kill();
    pgmap.dying.set(false);
    drop_page_references(k, pgmap);
    if (k.rules.memunmap == memunmap_order::remove_then_wait)
        arch_remove_memory(k, pgmap);
    wait_for_release(k, pgmap);
    if (k.rules.pagemap_deletes == pagemap_delete::first)
        leave_array(k, pgmap);
    if (k.rules.memunmap == memunmap_order::wait_then_remove)
        arch_remove_memory(k, pgmap);
    if (k.rules.pagemap_deletes == pagemap_delete::last)
        leave_array(k, pgmap);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
