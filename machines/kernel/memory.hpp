/// The machine's memory, at addresses that are the same in every process: RAM and pmem with their memory map, the arena of a world,
/// a stack and a per-CPU area for each task. std only.
///
/// A world lives in all of it but the stacks, and in the writable data of kernel and glue.
#pragma once

#include "world_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace daxtorture::kernel_machine {

class memory {
  public:
    static constexpr unsigned long stack_size = 256 << 10;

    memory(); ///< throws std::system_error when an address is taken

    /// Zeroed, at a multiple of 64, from the task's part of the arena; nullptr when that is full.
    void* allocate(unsigned task, unsigned long size);

    char* stack(unsigned task) const;
    char* cpu(unsigned task) const { return cpus_ + task * cpu_size_; }
    bool on_stack(unsigned task, std::uintptr_t address) const {
        return address - reinterpret_cast<std::uintptr_t>(stack(task)) < stack_size;
    }
    void use_cpu(unsigned task); ///< kernel code that is entered now has its area

    /// Visits each region that a world lives in: visit(region, base, size).
    template <class Visit> void each_region(Visit visit) const {
        const auto data_size = static_cast<std::size_t>(glue_data_end - glue_data_begin);
        visit(region_data, reinterpret_cast<std::uintptr_t>(glue_data_begin), data_size);
        visit(region_direct_map, machine_direct_map, all_pages * page_size);
        visit(region_memory_map, machine_memmap, all_pages * page_struct_size);
        visit(region_arena, address_of(region_arena), arena_size);
        visit(region_cpus, address_of(region_cpus), cpu_size_ * machine_tasks);
    }

    void wrote(std::uintptr_t address, std::size_t size) { state_.wrote(address, size); }
    /// From now on `restore` leads back here. So many threads run from here on.
    void keep(unsigned threads);
    void restore();
    /// nullptr: everything that a world consists of is as it was kept; else where it is not.
    const void* difference() const { return state_.difference(); }
    void learn() { state_.learn(); }

  private:
    char* arena_;
    char* cpus_;
    std::size_t cpu_size_;
    std::array<std::size_t, machine_tasks> used_{}; ///< of each part of the arena
    std::array<std::size_t, machine_tasks> kept_{};
    std::vector<std::uintptr_t> kept_cpus_;
    world_state state_;
};

} // namespace daxtorture::kernel_machine
