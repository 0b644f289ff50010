#include "mm/kernel.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

unsigned total(const std::vector<pagemap_range>& ranges) {
    unsigned pages = 0;
    for (const pagemap_range& range : ranges)
        pages += range.pages;
    return pages;
}

} // namespace

kernel::kernel(const protocol& row, const target& modelled, const std::vector<pagemap_range>& ranges,
               unsigned wait_buckets, unsigned order, unsigned tasks, bool devices_go, unsigned tlb_entries,
               bool keep_ledger)
    : rules(row), machine(modelled), pmd_order(order), unbinds(devices_go), ledger(keep_ledger),
      mem(total(ranges)), var_waits(wait_buckets), entry_waits(wait_buckets), tlbs(tasks - 1, tlb_entries),
      wakes(std::make_unique<last_wake[]>(tasks)),
      pgmap_array_(std::make_unique<arch::atomic<dev_pagemap*>[]>(ranges.size())) {
    std::uint64_t first = 0;
    for (const pagemap_range& range : ranges) {
        pgmaps.push_back(std::make_unique<dev_pagemap>(rules, rcu, tasks, ledger, range.type, first,
                                                       range.pages, range.order, range.metadata));
        for (unsigned i = 0; i < range.metadata; ++i)
            mem.ledger(first + i).metadata.set(true);
        first += range.pages;
    }
}

dev_pagemap& kernel::range_of(std::uint64_t pfn) const {
    for (const std::unique_ptr<dev_pagemap>& range : pgmaps)
        if (range->contains(pfn))
            return *range;
    return *pgmaps.back();
}

arch::atomic<dev_pagemap*>& kernel::pgmap_slot(std::uint64_t pfn) {
    std::size_t i = 0;
    while (i + 1 < pgmaps.size() && !pgmaps[i]->contains(pfn))
        ++i;
    return pgmap_array_[i];
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
