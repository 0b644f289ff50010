#include "mm/memmap.hpp"

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

memmap::memmap(dev_pagemap& device, int idle_count)
    : pages_(device.pages), folios_(std::make_unique<folio[]>(pages_)),
      ledgers_(std::make_unique<page_ledger[]>(pages_)) {
    for (unsigned pfn = 0; pfn < pages_; ++pfn) {
        // relaxed: no other thread has the world yet
        folios_[pfn].refcount.store(idle_count, order::relaxed);
        folios_[pfn].compound_head.store(reinterpret_cast<std::uintptr_t>(&device), order::relaxed);
    }
}

} // namespace daxtorture::inline ARCH_MACHINE
