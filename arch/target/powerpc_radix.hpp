/// powerpc book3s64 with the radix MMU and 64 KiB pages: a PMD leaf is order 5, 32 slots of a leaf node (R1); not multi-copy atomic.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target powerpc_radix{
    .name = "powerpc-radix",
    .description = "64 KiB pages, 2 MiB and 1 GiB leaves; broadcast TLB flush; weak memory",
    .page_shift = 16,
    .pmd_order = 5,
    .pud_order = 14,
    .devmap_bit = 11, // _RPAGE_SW1, value 0x800
    .deposit = false,
    .flush = tlb_flush::broadcast,
};

} // namespace daxtorture::targets
