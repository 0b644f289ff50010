/// Devices without a filesystem: device-dax and those that hand out single pages. What their drivers do at bind and unbind (kernel facts
/// 2.21 to 2.23).
#pragma once

#include "dax/device_dax.hpp"
#include "mm/page_pool.hpp"
#include "words/operation.hpp"

#include <arch/machine.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct driver_device {
    /// `mapping` is what processes map of it.
    driver_device(kernel& k, dev_pagemap& memory, address_space& mapping)
        : device(memory), dax{device, mapping},
          pool(memory.type == memory_type::generic ? nullptr : std::make_unique<page_pool>(k, memory)) {}

    dax_device device;
    device_dax dax;
    std::unique_ptr<page_pool> pool; ///< null for device-dax
};

outcome driver_attach(kernel& k, driver_device& dev);
outcome driver_detach(kernel& k, driver_device& dev);

} // namespace ARCH_MACHINE
} // namespace daxtorture
