/// riscv64: weak but multi-copy-atomic memory (RVWMO), TLB shootdown by SBI calls, which interrupt.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target riscv64{
    .name = "riscv64",
    .description = "4 KiB pages, 2 MiB leaves; TLB flush by interrupt; weak memory",
    .pud_order = 0,
    .devmap_bit = 9, // the upper of two software bits
    .deposit = false,
    .flush = tlb_flush::interrupt,
    .merge_vmas = false,
};

} // namespace daxtorture::targets
