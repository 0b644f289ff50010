/// A device that processes map as a whole, without a filesystem. Mirrors drivers/dax/device.c and bus.c, v6.15 (kernel facts 2.22).
///
/// Pages are of one size, 4K, 2M or 1G, and are mapped in that size only: a fault of a smaller one is SIGBUS, of a larger one falls back. Large ones are
/// folios from bind to unbind. They are GENERIC: idle at count 1 in every protocol. No entries, no layouts, no truncation; long-term pins are allowed.
/// Fault     inside dax_read_lock from the look at ALIVE until the page is mapped: unbind clears ALIVE, waits for the faults that saw it, and
///           then unmaps everything. So nothing is mapped afterwards
/// Checked   devdax-vs-unbind; broken by the rule kill-srcu=no-wait
#pragma once

#include "dax/device.hpp"
#include "mm/address_space.hpp"
#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// What a device-dax VMA has as its host.
struct device_dax {
    dax_device& device;
    address_space& mapping;
};

extern const vm_operations dev_dax_vm_ops;

/// kill_dev_dax: no new faults, none left, nothing mapped.
void kill_dev_dax(kernel& k, device_dax& dev);

} // namespace ARCH_MACHINE
} // namespace daxtorture
