/// A DAX device: what filesystems ask for direct access, and whom it tells of its end. Mirrors drivers/dax/super.c and drivers/nvdimm/pmem.c,
/// v6.15 (kernel facts 2.21).
///
/// States    alive -> not alive; kill_dax waits until everybody who may have seen it alive has left its read section
/// Holder    a filesystem that wants to hear of failures claims holder_data by compare-and-exchange and then sets holder_ops
/// Contract  after kill_dax nobody gets a frame number of the device any more; what was got before may still be on its way into a page
///           table: the read section covers the look and not its use
/// Checked   the scenarios with unbind; broken by the rules holder-ops and holder-put
#pragma once

#include "mm/lock_classes.hpp"
#include "mm/memremap.hpp"

#include <arch/atomic.hpp>
#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// What a holder is told: of one bad page, or that the whole device goes (MF_MEM_PRE_REMOVE).
enum class mf_reason : unsigned char { poison, pre_remove };

/// What came of it: who has the page has lost it; the holder cannot tell whose it is (EOPNOTSUPP); nobody's, and the holder cannot go on
/// without it (EFSCORRUPTED).
enum class mf_answer : unsigned char { dealt_with, cannot_tell, shut_down };

struct dax_holder_operations {
    mf_answer (*notify_failure)(kernel& k, void* holder, std::uint64_t pfn, mf_reason why);
};

struct dax_device {
    explicit dax_device(dev_pagemap& memory) : pgmap(memory), device_lock(lock_classes::device) {}

    dev_pagemap& pgmap;
    arch::mutex device_lock; ///< bind and unbind, as the driver core serialises them
    arch::plain<bool> bound{false};
    arch::atomic<bool> alive{false}; ///< DAXDEV_ALIVE
    arch::rcu_domain dax_srcu{arch::grace_periods::rare};
    /// Blocks whose memory is bad (struct badblocks), by page of the device. They stay bad over an unbind. Null where none turns bad.
    std::unique_ptr<arch::atomic<bool>[]> badblocks;
    /// Which bind this is. Linux makes another dax_device for each, and who held an old one has nothing to do with the new one. Changed under
    /// device_lock, when no read section is left of the last bind.
    arch::atomic<unsigned> incarnation{0};
    arch::atomic<void*> holder_data{nullptr};
    arch::atomic<const dax_holder_operations*> holder_ops{nullptr};
};

/// dax_read_lock for the length of a scope, or until leave(). Nothing when no operation of the world unbinds devices.
class dax_read_guard {
  public:
    dax_read_guard(kernel& k, dax_device& device);
    ~dax_read_guard() { leave(); }
    void leave();
    dax_read_guard(const dax_read_guard&) = delete;
    dax_read_guard& operator=(const dax_read_guard&) = delete;

  private:
    dax_device* device_;
};

/// What keeps the device while its memory is looked up or used, as the rule `device-access` says: dax_read_lock and the look at ALIVE, or v4.5's
/// dax_map_atomic, a reference of the request queue, which is the pagemap's.
class dax_access_guard {
  public:
    dax_access_guard(kernel& k, dax_device& device);
    ~dax_access_guard();
    bool possible() const { return possible_; }
    dax_access_guard(const dax_access_guard&) = delete;
    dax_access_guard& operator=(const dax_access_guard&) = delete;

  private:
    dax_device* device_; ///< null: nothing to give back
    device_access how_;
    bool possible_ = true;
};

/// dax_direct_access of `pages` pages from a frame on: not when one of them is bad. The caller is in a dax_access_guard.
bool dax_direct_access(kernel& k, const dax_device& device, std::uint64_t pfn, std::uint64_t pages);
/// The kernel reads a page of the device through its own mapping; false when it may not.
bool dax_kernel_read(kernel& k, dax_device& device, std::uint64_t pfn);
/// Cleans the CPU caches of the pages: what was stored before is durable now.
void dax_flush(kernel& k, std::uint64_t first, std::uint64_t count);
/// The driver is told that a page is bad.
void set_badblock(dax_device& device, std::uint64_t pfn);
bool is_badblock(const dax_device& device, std::uint64_t pfn);
/// pmem_clear_poison: a page that is written whole by the kernel is good again, as by DAX_RECOVERY_WRITE or when a filesystem
/// zeroes a new block.
void pmem_clear_poison(kernel& k, dax_device& device, std::uint64_t pfn);
/// v4.5: no new references of the queue, and every CPU knows (blk_set_queue_dying). Nothing in the later forms.
void blk_set_queue_dying(kernel& k, dax_device& device);

/// dax_alive: may the device's frame numbers be used? The caller is in a read section.
bool dax_alive(kernel& k, dax_device& device);

/// A filesystem becomes the holder of this incarnation of the device; false when it has one or is not alive.
bool fs_dax_get(kernel& k, dax_device& device, void* holder, const dax_holder_operations& ops,
                unsigned& incarnation);
/// It is the holder of that incarnation no more. The caller is in a read section.
void fs_put_dax(kernel& k, dax_device& device, void* holder, unsigned incarnation);
/// Tells the holder; without one nobody can tell.
mf_answer dax_holder_notify_failure(kernel& k, dax_device& device, std::uint64_t pfn, mf_reason why);
/// Ends direct access: the holder first, then nobody new, then nobody left.
void kill_dax(kernel& k, dax_device& device);

} // namespace ARCH_MACHINE
} // namespace daxtorture
