#include "mm/address_space.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

void address_space::add_area(vm_area& area) {
    const unsigned n = mapped_areas.load(order::relaxed);
    i_mmap[n] = &area;
    mapped_areas.store(n + 1, order::relaxed); // relaxed: i_mmap itself is read under i_mmap_rwsem
}

void address_space::insert_area(vm_area& area, unsigned at) {
    const unsigned n = mapped_areas.load(order::relaxed);
    for (unsigned i = n; i > at; --i)
        i_mmap[i] = i_mmap[i - 1];
    i_mmap[at] = &area;
    mapped_areas.store(n + 1, order::relaxed);
}

unsigned address_space::place_of(const vm_area& area) const {
    unsigned at = 0;
    while (at < mapped_areas.load(order::relaxed) && i_mmap[at] != &area)
        ++at;
    return at;
}

void address_space::remove_area(vm_area& area) {
    const unsigned n = mapped_areas.load(order::relaxed);
    const unsigned at = place_of(area);
    if (at == n)
        return;
    for (unsigned i = at; i + 1 < n; ++i) // the others keep their order, which walks rely on
        i_mmap[i] = i_mmap[i + 1];
    mapped_areas.store(n - 1, order::relaxed);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
