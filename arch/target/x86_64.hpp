/// x86-64: TSO, TLB shootdown by interrupts. A relaxed atomic increment is a full barrier on it (R6), so tests on such hosts hide errors.
#pragma once

#include "arch/target/target.hpp"

namespace daxtorture::targets {

inline constexpr target x86_64{
    .name = "x86_64",
    .description = "4 KiB pages, 2 MiB and 1 GiB leaves; TLB flush by interrupt; TSO",
    .devmap_bit = 57,
    .deposit = false,
    .flush = tlb_flush::interrupt,
    .memory = memory_strength::tso,
};

} // namespace daxtorture::targets
