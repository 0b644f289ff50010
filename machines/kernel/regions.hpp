/// Where the machine's memory lies: each region begins at a multiple of 16 TiB, so that the top bits of an address name its region.
/// What the linker has placed, the writable data of kernel and glue, is the region below them. std only.
#pragma once

#include "abi.h"

#include <cstddef>
#include <cstdint>

namespace daxtorture::kernel_machine {

constexpr unsigned region_shift = 44;
enum region : unsigned {
    region_data,
    region_direct_map,
    region_memory_map,
    region_arena,
    region_stacks,
    region_cpus,
    region_count
};

constexpr std::uintptr_t address_of(region r) { return std::uintptr_t{r} << region_shift; }
static_assert(machine_direct_map == address_of(region_direct_map));
static_assert(machine_memmap == address_of(region_memory_map));

constexpr std::size_t page_size = 4096;
constexpr std::size_t page_struct_size = 64; ///< checked by the glue
constexpr std::size_t all_pages = machine_ram_pages + machine_pmem_pages;
constexpr std::size_t arena_size = std::size_t{256} << 20;

/// Zeroed memory at this address, or wherever there is room; pages appear when they are touched. Throws std::system_error.
char* map_memory(std::size_t size, std::uintptr_t address = 0);

} // namespace daxtorture::kernel_machine
