/// loongarch64 with 16 KiB pages: a PMD leaf is order 11, TLB shootdown by interrupts.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target loongarch64{
    .name = "loongarch64",
    .description = "16 KiB pages, 32 MiB leaves; TLB flush by interrupt; weak memory",
    .page_shift = 14,
    .pmd_order = 11,
    .pud_order = 0,
    .devmap_bit = 59,
    .deposit = false,
    .flush = tlb_flush::interrupt,
};

} // namespace daxtorture::targets
