/// A range of device memory that has struct pages (struct dev_pagemap, include/linux/memremap.h, v6.15). Every page of the range points
/// back at it.
#pragma once

#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture::inline ARCH_MACHINE {

struct dev_pagemap {
    std::uint64_t first_pfn = 0;
    unsigned pages = 0;
};

} // namespace daxtorture::inline ARCH_MACHINE
