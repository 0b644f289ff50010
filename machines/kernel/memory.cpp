#include "memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <system_error>

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace daxtorture::kernel_machine {
namespace {

constexpr std::uintptr_t arena_address = 0x300000000000u;
constexpr std::uintptr_t stacks_address = 0x400000000000u;
constexpr std::uintptr_t stack_distance = 0x1000000u; // what lies between two stacks is not mapped
constexpr std::uintptr_t cpus_address = 0x500000000000u;
constexpr std::size_t arena_size = std::size_t{256} << 20;
constexpr std::size_t page_struct = 64;
constexpr unsigned long hwcap2_fsgsbase = 2;
constexpr std::size_t all_pages = machine_ram_pages + machine_pmem_pages;

char* map_at(std::uintptr_t address, std::size_t size) {
    void* const place = reinterpret_cast<void*>(address);
    void* const got = mmap(place, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (got != place)
        throw std::system_error(errno, std::generic_category(), "the machine's memory cannot be mapped");
    return static_cast<char*>(got);
}

std::size_t kernel_data_size() { return static_cast<std::size_t>(glue_data_end - glue_data_begin); }

} // namespace

memory::memory()
    : arena_(map_at(arena_address, arena_size)),
      cpu_size_((static_cast<std::size_t>(glue_cpu_end - glue_cpu_begin) + 8191) & ~std::size_t{4095}) {
    map_at(machine_direct_map, all_pages * 4096);
    map_at(machine_memmap, all_pages * page_struct);
    cpus_ = map_at(cpus_address, cpu_size_ * machine_tasks);
    for (unsigned task = 0; task < machine_tasks; ++task) {
        map_at(stacks_address + task * stack_distance, stack_size);
        std::memcpy(cpu(task), glue_cpu_begin, static_cast<std::size_t>(glue_cpu_end - glue_cpu_begin));
    }
}

char* memory::stack(unsigned task) const {
    return reinterpret_cast<char*>(stacks_address + task * stack_distance);
}

void* memory::allocate(unsigned long size) {
    size = (size + 63) & ~63ul;
    if (used_ + size > arena_size)
        return nullptr;
    char* const place = arena_ + used_;
    used_ += size;
    std::memset(place, 0, size);
    return place;
}

void memory::use_cpu(unsigned task) {
    if (task == used_cpu_)
        return;
    used_cpu_ = task;
    const auto base =
        reinterpret_cast<unsigned long>(cpu(task)) - reinterpret_cast<unsigned long>(glue_cpu_begin);
    // Where the kernel of this machine does not announce FSGSBASE the instruction may work all the same, but a context switch loses
    // what it has set.
    static const bool announced = (getauxval(AT_HWCAP2) & hwcap2_fsgsbase) != 0;
    if (announced)
        asm volatile("wrgsbase %0" : : "r"(base));
    else
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

void memory::remember_boot() {
    data_.assign(glue_data_begin, glue_data_end);
    boot_cpus_.assign(cpus_, cpus_ + cpu_size_ * machine_tasks);
}

void memory::restore() {
    std::memcpy(glue_data_begin, data_.data(), data_.size());
    std::memcpy(cpus_, boot_cpus_.data(), boot_cpus_.size());
}

const void* memory::compare_world() {
    const auto blocks = static_cast<std::size_t>(glue_blocks());
    const std::array<std::span<const char>, 4> parts{
        std::span<const char>(glue_data_begin, kernel_data_size()),
        std::span<const char>(cpus_, cpu_size_ * machine_tasks),
        std::span<const char>(arena_ + kept_, used_ - kept_),
        std::span<const char>(reinterpret_cast<const char*>(machine_memmap + machine_ram_pages * page_struct),
                              blocks * page_struct)};
    if (first_world_.empty()) {
        for (const std::span<const char> part : parts)
            first_world_.emplace_back(part.begin(), part.end());
        return nullptr;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto [now, first] = std::ranges::mismatch(parts[i], first_world_[i]);
        if (now != parts[i].end() || first != first_world_[i].end())
            return &*now;
    }
    return nullptr;
}

} // namespace daxtorture::kernel_machine
