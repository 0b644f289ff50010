/// powerpc book3s64 with the hash MMU and 64 KiB pages: a PMD leaf is order 8 and needs a deposited page table.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target powerpc_hash{
    .name = "powerpc-hash",
    .description =
        "64 KiB pages, 16 MiB leaves with a deposited page table; broadcast TLB flush; weak memory",
    .page_shift = 16,
    .pmd_order = 8,
    .pud_order = 0,
    .devmap_bit = 11, // _RPAGE_SW1, value 0x800
    .deposit = true,
    .flush = tlb_flush::broadcast,
};

} // namespace daxtorture::targets
