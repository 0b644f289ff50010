/// arm64 with 64 KiB pages: a PMD leaf is order 13, two slots of a shift-12 XArray node.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target arm64_64k{
    .name = "arm64-64k",
    .description = "64 KiB pages, 512 MiB leaves; broadcast TLB flush; weak memory",
    .page_shift = 16,
    .pmd_order = 13,
    .pud_order = 0,
    .devmap_bit = 57,
    .deposit = false,
    .flush = tlb_flush::broadcast,
    .merge_vmas = false,
};

} // namespace daxtorture::targets
