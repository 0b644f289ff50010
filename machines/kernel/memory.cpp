#include "memory.hpp"

#include <cstring>
#include <system_error>

#include <sys/mman.h>

long machine_cpu_base = 0;

namespace daxtorture::kernel_machine {
namespace {

constexpr std::uintptr_t stack_distance = 0x1000000u; // what lies between two stacks is not mapped

} // namespace

char* map_memory(std::size_t size, std::uintptr_t address) {
    void* const place = reinterpret_cast<void*>(address);
    const int fixed = address != 0 ? MAP_FIXED_NOREPLACE : 0;
    void* const got =
        mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
    if (got == MAP_FAILED || (address != 0 && got != place))
        throw std::system_error(errno, std::generic_category(), "the machine's memory cannot be mapped");
    return static_cast<char*>(got);
}

memory::memory()
    : arena_(map_memory(arena_size, address_of(region_arena))),
      cpu_size_((static_cast<std::size_t>(glue_cpu_end - glue_cpu_begin) + 8191) & ~std::size_t{4095}) {
    map_memory(all_pages * page_size, machine_direct_map);
    map_memory(all_pages * page_struct_size, machine_memmap);
    cpus_ = map_memory(cpu_size_ * machine_tasks, address_of(region_cpus));
    for (unsigned task = 0; task < machine_tasks; ++task) {
        map_memory(stack_size, address_of(region_stacks) + task * stack_distance);
        std::memcpy(cpu(task), glue_cpu_begin, static_cast<std::size_t>(glue_cpu_end - glue_cpu_begin));
    }
    each_region([&](region r, std::uintptr_t base, std::size_t size) { state_.add(r, base, size); });
}

char* memory::stack(unsigned task) const {
    return reinterpret_cast<char*>(address_of(region_stacks) + task * stack_distance);
}

/// The set-up's part comes first: a world is what lies there when the set-up has ended.
void* memory::allocate(unsigned task, unsigned long size) {
    constexpr std::size_t share = arena_size / machine_tasks & ~std::size_t{4095};
    size = (size + 63) & ~63ul;
    std::size_t& used = used_[task];
    if (used + size > share)
        return nullptr;
    char* const place = arena_ + share * (task == machine_threads ? 0 : task + 1) + used;
    used += size;
    state_.wrote(reinterpret_cast<std::uintptr_t>(place), size);
    std::memset(place, 0, size);
    return place;
}

void memory::use_cpu(unsigned task) { machine_cpu_base = cpu(task) - glue_cpu_begin; }

void memory::keep(unsigned threads) {
    kept_ = used_;
    kept_cpus_.clear();
    for (unsigned task = 0; task < threads; ++task)
        kept_cpus_.push_back(reinterpret_cast<std::uintptr_t>(cpu(task)));
    kept_cpus_.push_back(reinterpret_cast<std::uintptr_t>(cpu(machine_threads)));
    state_.take(used_[machine_threads]);
}

void memory::restore() {
    used_ = kept_;
    state_.restore(kept_cpus_, cpu_size_);
}

} // namespace daxtorture::kernel_machine
