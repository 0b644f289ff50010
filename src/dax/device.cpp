#include "dax/device.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

dax_read_guard::dax_read_guard(kernel& k, dax_device& device) : device_(k.unbinds ? &device : nullptr) {
    if (device_ != nullptr)
        device_->dax_srcu.read_lock();
}

void dax_read_guard::leave() {
    if (device_ != nullptr)
        device_->dax_srcu.read_unlock();
    device_ = nullptr;
}

bool dax_alive(kernel& k, dax_device& device) {
    return !k.unbinds || device.alive.load(order::relaxed); // relaxed: test_bit; the read section orders it
}

dax_access_guard::dax_access_guard(kernel& k, dax_device& device)
    : device_(k.unbinds ? &device : nullptr), how_(k.rules.accesses) {
    if (device_ == nullptr)
        return;
    if (how_ == device_access::queue_reference) {
        possible_ = device.pgmap.ref.tryget_live(); // blk_queue_enter
        if (!possible_)
            device_ = nullptr;
        return;
    }
    if (how_ == device_access::dax_read_lock)
        device.dax_srcu.read_lock();
    possible_ = dax_alive(k, device);
}

dax_access_guard::~dax_access_guard() {
    if (device_ == nullptr)
        return;
    if (how_ == device_access::queue_reference)
        device_->pgmap.ref.put(); // blk_queue_exit
    else if (how_ == device_access::dax_read_lock)
        device_->dax_srcu.read_unlock();
}

bool dax_direct_access(kernel& k, const dax_device& device, std::uint64_t pfn, std::uint64_t pages) {
    if (device.badblocks == nullptr || k.rules.bad == bad_blocks::ignore)
        return true;
    for (; pages != 0; --pages, ++pfn)
        if (is_badblock(device, pfn))
            return false;
    return true;
}

bool dax_kernel_read(kernel& k, dax_device& device, std::uint64_t pfn) {
    const dax_access_guard access(k, device);
    if (!access.possible() || !dax_direct_access(k, device, pfn, 1))
        return false;
    k.mem.load_content(pfn);  // whose data it is makes no difference to the device's reader
    k.mem.check_present(pfn); // at the end of the copy it is still there
    return true;
}

void dax_flush(kernel& k, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t pfn = first; pfn < first + count; ++pfn) {
        k.mem.load_content(pfn); // nobody stores any more: writeback has write-protected the page
        k.mem.ledger(pfn).block.dirty_since.set(0);
        if (k.mem.power != nullptr) [[unlikely]]
            k.mem.power->flushed(pfn);
    }
}

bool is_badblock(const dax_device& device, std::uint64_t pfn) {
    // relaxed: a look at a list without its lock
    return device.badblocks != nullptr && device.badblocks[pfn - device.pgmap.first_pfn].load(order::relaxed);
}

void set_badblock(dax_device& device, std::uint64_t pfn) {
    if (device.badblocks != nullptr)
        device.badblocks[pfn - device.pgmap.first_pfn].store(true, order::relaxed); // relaxed: as above
}

void pmem_clear_poison(kernel& k, dax_device& device, std::uint64_t pfn) {
    if (device.badblocks == nullptr)
        return;
    device.badblocks[pfn - device.pgmap.first_pfn].store(false, order::relaxed); // relaxed: as above
    k.mem.ledger(pfn).failed.set(false);
}

void blk_set_queue_dying(kernel& k, dax_device& device) {
    if (k.rules.accesses != device_access::queue_reference)
        return;
    device.pgmap.ref.kill();
    device.pgmap.dying.set(true);
    k.rcu.barrier(); // no CPU takes the queue for alive any more
}

bool fs_dax_get(kernel& k, dax_device& device, void* holder, const dax_holder_operations& ops,
                unsigned& incarnation) {
    const dax_read_guard reading(k, device);
    incarnation = device.incarnation.load(order::relaxed); // relaxed: no bind ends while this section lasts
    void* nobody = nullptr;
    if (!device.alive.load(order::relaxed) ||
        !device.holder_data.compare_exchange(nobody, holder, order::full))
        return false;
    device.holder_ops.store(&ops, order::relaxed); // relaxed: a plain store
    return true;
}

void fs_put_dax(kernel& k, dax_device& device, void* holder, unsigned incarnation) {
    if (device.incarnation.load(order::relaxed) != incarnation) // relaxed: as in fs_dax_get
        return;
    if (device.holder_data.load(order::relaxed) != holder)
        return;
    void* self = holder;
    if (k.rules.holder_puts == holder_put::ops_first) {
        device.holder_ops.store(nullptr, order::relaxed); // relaxed: the full exchange follows
        device.holder_data.compare_exchange(self, nullptr, order::full);
    } else if (device.holder_data.compare_exchange(self, nullptr, order::full)) {
        device.holder_ops.store(nullptr, order::relaxed); // by now another holder may have set its own
    }
}

mf_answer dax_holder_notify_failure(kernel& k, dax_device& device, std::uint64_t pfn, mf_reason why) {
    const dax_read_guard reading(k, device);
    if (!dax_alive(k, device))
        return mf_answer::dealt_with; // ENXIO: nothing is left to be told
    const dax_holder_operations* ops = device.holder_ops.load(order::relaxed); // relaxed: READ_ONCE
    if (ops == nullptr)
        return mf_answer::cannot_tell;
    if (k.rules.holder_ops == holder_read::reload)
        ops = device.holder_ops.load(order::relaxed);
    if (ops == nullptr) {
        arch::fail(invariant::I22, "a holder's operations were called after they were cleared",
                   "dax_holder_notify_failure");
        return mf_answer::cannot_tell;
    }
    return ops->notify_failure(k, device.holder_data.load(order::relaxed), pfn, why);
}

void kill_dax(kernel& k, dax_device& device) {
    if (device.holder_data.load(order::relaxed) != nullptr)
        dax_holder_notify_failure(k, device, 0, mf_reason::pre_remove);
    device.alive.store(false, order::relaxed); // relaxed: clear_bit; the grace period is full
    if (k.rules.kill_waits == kill_wait::srcu)
        device.dax_srcu.synchronize();
    device.holder_ops.store(nullptr, order::relaxed);
    device.holder_data.store(nullptr, order::relaxed);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
