/// arm64 with 4 KiB pages: broadcast TLB invalidation, weak memory. No PUD leaf for transparent huge pages in 6.12.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target arm64_4k{
    .name = "arm64-4k",
    .description = "4 KiB pages, 2 MiB leaves; broadcast TLB flush; weak memory",
    .pud_order = 0,
    .devmap_bit = 57,
    .deposit = false,
    .flush = tlb_flush::broadcast,
    .merge_vmas = false,
};

} // namespace daxtorture::targets
