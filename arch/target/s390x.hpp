/// s390x: no devmap bit, so DAX there was without struct pages (FS_DAX_LIMITED) and went with 653d7825c149; strong memory.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target s390x{
    .name = "s390x",
    .description =
        "4 KiB pages, 1 MiB and 2 GiB leaves, a deposited page table; broadcast TLB flush; strong memory",
    .pmd_order = 8,
    .pud_order = 19,
    .pte_devmap = false,
    .deposit = true,
    .flush = tlb_flush::broadcast,
    .memory = memory_strength::tso,
};

} // namespace daxtorture::targets
