/// Device memory comes and goes. Mirrors mm/memremap.c, v6.12 and v6.15, and its forms of v4.5 and v4.18 (kernel facts 1.2, 2.21).
///
/// Users     get_dev_pagemap: a look at the array under RCU, then tryget_live. The array is emptied last, after the memory has gone: what
///           keeps a late caller away is that the reference is dead, and nothing else
/// Unbind    kill the reference, drop those that the pages hold, wait for the release, exit, remove the memory, empty the array  [I22, I23]
/// Checked   the scenarios with unbind; broken by the rules memunmap-order and pagemap-reuse
#pragma once

#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// A live reference to the device of this page; null when it is gone or going.
dev_pagemap* get_dev_pagemap(kernel& k, std::uint64_t pfn);
void put_dev_pagemap(dev_pagemap& pgmap);
/// Has this page of a device whose reference is held a struct page? Not where the device keeps its memory map, and not before its pages are added.
bool pgmap_pfn_valid(const kernel& k, const dev_pagemap& pgmap, std::uint64_t pfn);

/// Publishes the range and makes its struct pages. The caller serialises it against memunmap_pages. False: the memory could not be added, as
/// `fails` says, and nothing is left of it.
bool memremap_pages(kernel& k, dev_pagemap& pgmap, bool fails);
/// Does a page of this range keep its device, by a reference of its own that unbind drops page by page? The last one of the page drops the pagemap's.
bool pages_keep_device(const kernel& k, const dev_pagemap& pgmap);
/// Sleeps until nobody uses the device's pagemap, then removes its struct pages.
void memunmap_pages(kernel& k, dev_pagemap& pgmap);

} // namespace ARCH_MACHINE
} // namespace daxtorture
