#include "mm/page_pool.hpp"

#include "mm/lock_classes.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

page_pool::page_pool(kernel& k, dev_pagemap& pgmap)
    : k_(k), pgmap_(pgmap), lock_(lock_classes::page_pool),
      free_(std::make_unique<arch::plain<std::uint64_t>[]>(pgmap.pages)) {
    pgmap.driver = this;
    pgmap.page_free = page_free;
}

void page_pool::create() {
    for (unsigned i = 0; i < pgmap_.pages; ++i)
        free_[i].set(pgmap_.first_pfn + pgmap_.pages - 1 - i);
    free_count_.set(pgmap_.pages);
    destroyed_.set(false);
    published_.store(this, order::release); // release: rcu_assign_pointer
}

void page_pool::destroy() {
    published_.store(nullptr, order::relaxed); // relaxed: the grace period orders it
    if (k_.rules.pool_destroys == pool_destroy::after_grace_period)
        k_.rcu.synchronize();
    destroyed_.set(true);
}

std::uint64_t page_pool::take() {
    const arch::guard held(lock_);
    if (destroyed_.get())
        arch::fail(invariant::I22, "a page was taken from a pool that was destroyed", "gen_pool_alloc");
    const unsigned count = free_count_.get();
    if (count == 0)
        return none;
    free_count_.set(count - 1);
    return free_[count - 1].get();
}

void page_pool::give_back(std::uint64_t pfn) {
    const arch::guard held(lock_);
    const unsigned count = free_count_.get();
    if (count == pgmap_.pages) {
        arch::fail(invariant::I5, "a page came back to its pool twice", "gen_pool_free");
        return;
    }
    free_[count].set(pfn);
    free_count_.set(count + 1);
}

folio* page_pool::alloc() {
    const arch::rcu_read_guard reading(k_.rcu);
    if (published_.load(order::acquire) == nullptr) // acquire stands for rcu_dereference
        return nullptr;
    const std::uint64_t pfn = take();
    if (pfn == none)
        return nullptr;
    if (!pgmap_.ref.tryget_live() && k_.rules.pool_allocs == pool_alloc::refuse) {
        give_back(pfn);
        return nullptr;
    }
    folio& page = k_.mem[pfn];
    page.refcount.store(1, order::release); // set_page_count, in zone_device_page_init
    return &page;
}

void page_pool::page_free(dev_pagemap& pgmap, folio& f) {
    page_pool& self = *static_cast<page_pool*>(pgmap.driver);
    self.give_back(self.k_.mem.pfn(f));
    pgmap.ref.put();
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
