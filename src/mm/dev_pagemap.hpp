/// A range of device memory that has struct pages (struct dev_pagemap, include/linux/memremap.h, v6.12 and v6.15). Every page of the range
/// points back at it.
///
/// States    absent -> bound: in the array, ref live -> dying: ref killed, no new users -> idle: ref released, `done` -> memory removed -> absent
#pragma once

#include "mm/completion.hpp"
#include "mm/percpu_ref.hpp"

#include <arch/machine.hpp>
#include <arch/plain.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// enum memory_type.
enum class memory_type : unsigned char { fs_dax, generic, device_private, coherent, pci_p2pdma };

struct folio;

struct dev_pagemap {
    dev_pagemap(const protocol& rules, arch::rcu_domain& rcu, unsigned tasks, bool ledger, memory_type kind,
                std::uint64_t first, unsigned count, unsigned page_order = 0, unsigned altmap = 0)
        : type(kind), first_pfn(first), pages(count), order(page_order), metadata(altmap),
          ref(rules, rcu, tasks, this, ledger) {}

    const memory_type type;
    const std::uint64_t first_pfn;
    const unsigned pages;
    const unsigned
        order; ///< of its folios (vmemmap_shift): all pages of the range stand in folios of this size for good
    /// vmem_altmap: so many pages at the start hold the memory map of the others. They are no blocks, and have no struct page themselves.
    const unsigned metadata;
    percpu_ref ref;
    completion done; ///< ref was released
    /// The range has memory. What a reference protects: its holders look at it, bind and unbind change it, and nothing but the reference
    /// orders the two.
    arch::plain<bool> bound{false};
    /// pgmap->ref is set: to the caller's own count, so it was said, which needs no initialising.
    arch::plain<bool> has_ref{false};
    /// ref was killed before memunmap_pages came to it.
    arch::plain<bool> dying{false};

    /// dev_pagemap_ops and what they work on, for types whose driver hands out single pages; set once.
    void (*page_free)(dev_pagemap&, folio&) = nullptr;
    void* driver = nullptr;

    unsigned folios() const { return (pages - metadata) >> order; }
    std::uint64_t pfn_first() const { return first_pfn + metadata; }
    bool is_metadata(std::uint64_t pfn) const { return pfn - first_pfn < metadata; }
    bool contains(std::uint64_t pfn) const { return pfn - first_pfn < pages; }
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
