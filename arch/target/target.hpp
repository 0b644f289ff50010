/// The machine that is modelled: what the protocol sees of an architecture. Plain data, std only.
///
/// Source: the table of architectures and notes R1..R6 of the kernel's page-reference protocol, v6.12 and v6.15 (Kconfig selections
/// and pgtable headers of each architecture). One file for each configuration that differs.
#pragma once

#include <cstdint>
#include <string_view>

namespace daxtorture {

/// How a CPU learns that a translation is gone.
enum class tlb_flush : std::uint8_t {
    interrupt, ///< an interrupt to each CPU: a walk with interrupts off, as GUP-fast, holds the flush up
    broadcast, ///< the invalidation is broadcast by hardware: walks with interrupts off go on beside it (R3)
};

enum class memory_strength : std::uint8_t {
    tso,  ///< only a load may pass an earlier store of its own CPU
    weak, ///< any two accesses may be seen in another order unless something orders them
};

/// By default no machine in particular: what any of them may do, for checks that are to hold on all.
struct target {
    static constexpr int no_bit = -1;

    std::string_view name;
    std::string_view description;
    unsigned page_shift = 12; ///< log2 of a page's bytes
    unsigned pmd_order = 9;   ///< pages that a PMD leaf maps, log2; 0: DAX has no PMD leaf here
    unsigned pud_order = 18;  ///< pages that a PUD leaf of device DAX maps, log2; 0: none
    int devmap_bit = no_bit;  ///< bit of a PTE that marked DAX pages until 6.14
    bool pte_devmap = true;   ///< ARCH_HAS_PTE_DEVMAP was selected: GUP and FS-DAX with struct pages worked
    bool deposit = true;      ///< a PMD leaf needs a page table deposited beside it
    tlb_flush flush = tlb_flush::broadcast;
    bool merge_vmas =
        true; ///< MMU_GATHER_MERGE_VMAS: munmap does not flush between areas, and so not before they leave their files
    memory_strength memory = memory_strength::weak;

    friend bool operator==(const target&, const target&) = default;
};

} // namespace daxtorture
