#include "fs/driver.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

outcome driver_attach(kernel& k, driver_device& dev) {
    const arch::guard held(dev.device.device_lock);
    if (dev.device.bound.get())
        return outcome::nothing;
    memremap_pages(k, dev.device.pgmap, false);
    if (dev.pool != nullptr)
        dev.pool->create();
    dev.device.alive.store(true, arch::order::release); // release: set_bit after everything is there
    dev.device.bound.set(true);
    return outcome::done;
}

outcome driver_detach(kernel& k, driver_device& dev) {
    const arch::guard held(dev.device.device_lock);
    if (!dev.device.bound.get())
        return outcome::nothing;
    dev.device.bound.set(false);
    if (dev.pool == nullptr)
        kill_dev_dax(k, dev.dax);
    memunmap_pages(k, dev.device.pgmap);
    if (dev.pool != nullptr)
        dev.pool->destroy(); // devm actions run in the opposite order of their making
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
