#include "mm/address_space.hpp"

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

void address_space::add_area(vm_area& area) {
    const unsigned n = mapped_areas.load(order::relaxed);
    i_mmap[n] = &area;
    mapped_areas.store(n + 1, order::relaxed); // relaxed: i_mmap itself is read under i_mmap_rwsem
}

void address_space::remove_area(vm_area& area) {
    const unsigned n = mapped_areas.load(order::relaxed);
    for (unsigned i = 0; i < n; ++i) {
        if (i_mmap[i] == &area) {
            i_mmap[i] = i_mmap[n - 1];
            mapped_areas.store(n - 1, order::relaxed);
            return;
        }
    }
}

} // namespace daxtorture::inline ARCH_MACHINE
