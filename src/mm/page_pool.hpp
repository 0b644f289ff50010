/// Device pages that their driver hands out one by one: private and coherent memory, peer-to-peer buffers. Mirrors zone_device_page_init and
/// free_zone_device_folio in mm/memremap.c and the pool of drivers/pci/p2pdma.c, v6.15 (kernel facts 2.23).
///
/// States    in the pool (count 0) -> handed out (count 1, and a pagemap reference) -> ... -> last put: back in the pool, reference dropped
/// Ordering  the driver's page_free runs before the pagemap reference is dropped: the page may be handed out again inside it, with a reference of
///           its own. Allocation and the pool's end meet through RCU: the pool is looked up and used in one read section
/// Checked   pool-vs-unbind, grab-vs-alloc; broken by the rules pool-alloc, pool-init and pool-destroy
#pragma once

#include "mm/memremap.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/plain.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class page_pool {
  public:
    page_pool(kernel& k, dev_pagemap& pgmap);

    /// A page with one reference; null when there is none or the device goes.
    folio* alloc();
    /// At bind, all pages free; at unbind, when the last one has come back.
    void create();
    void destroy();

  private:
    static void page_free(dev_pagemap& pgmap, folio& f);
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t take();
    void give_back(std::uint64_t pfn);

    kernel& k_;
    dev_pagemap& pgmap_;
    arch::spinlock lock_;
    arch::atomic<page_pool*> published_{nullptr}; ///< p2pdma->pool, for RCU
    arch::plain<unsigned> free_count_{0};
    std::unique_ptr<arch::plain<std::uint64_t>[]> free_;
    arch::oracle<bool> destroyed_{true};
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
