/// arm64 with 16 KiB pages: a PMD leaf is order 11, 32 slots of a shift-6 XArray node.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target arm64_16k{
    .name = "arm64-16k",
    .description = "16 KiB pages, 32 MiB leaves; broadcast TLB flush; weak memory",
    .page_shift = 14,
    .pmd_order = 11,
    .pud_order = 0,
    .devmap_bit = 57,
    .deposit = false,
    .flush = tlb_flush::broadcast,
    .merge_vmas = false,
};

} // namespace daxtorture::targets
