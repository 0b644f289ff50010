#include "mm/memmap.hpp"

#include <algorithm>

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

bool block_owner::backs(int file, std::uint64_t index) const {
    return std::ranges::any_of(owners, [&](const auto& one) { return one.get() == owner(file, index); });
}

bool block_owner::shared() const {
    return std::ranges::count_if(owners, [](const auto& one) { return one.get() != 0; }) > 1;
}

void block_owner::replace(std::uint64_t from, std::uint64_t to) {
    for (auto& one : owners) {
        if (one.get() == from) {
            one.set(to);
            return;
        }
    }
}

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
