/// The machine's memory, at addresses that are the same in every process: RAM and pmem with their memory map, the arena of a world,
/// a stack and a per-CPU area for each task. std only.
///
/// A world lives in the arena, in the per-CPU areas and in the writable data of kernel and glue. Areas and data are as at boot when an
/// execution begins: what the kernel keeps in static data, such as the zero page of PMDs, would lead into the next world.
#pragma once

#include "abi.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace daxtorture::kernel_machine {

class memory {
  public:
    static constexpr unsigned long stack_size = 256 << 10;

    memory(); ///< throws std::system_error when an address is taken

    void* allocate(unsigned long size); ///< zeroed, at a multiple of 64; nullptr when the arena is full
    void keep_allocations() { kept_ = used_; } ///< what was allocated so far outlives the worlds
    void drop_world() { used_ = kept_; }

    char* stack(unsigned task) const;
    char* cpu(unsigned task) const { return cpus_ + task * cpu_size_; }
    bool on_stack(unsigned task, std::uintptr_t address) const {
        return address - reinterpret_cast<std::uintptr_t>(stack(task)) < stack_size;
    }
    void use_cpu(unsigned task); ///< %gs is its area

    void remember_boot(); ///< the state that is restored
    void restore();
    /// Everything that a fresh world consists of. The first call remembers it; later ones return where it differs, nullptr: nowhere.
    const void* compare_world();

  private:
    unsigned used_cpu_ = machine_tasks; ///< none yet
    char* arena_;
    char* cpus_;
    std::size_t cpu_size_;
    std::size_t used_ = 0;
    std::size_t kept_ = 0;
    std::vector<char> data_; ///< at boot
    std::vector<char> boot_cpus_;
    std::vector<std::vector<char>> first_world_; ///< its parts
};

} // namespace daxtorture::kernel_machine
