#include "dax/sync_fault.hpp"

#include "dax/device.hpp"
#include "dax/entry_lock.hpp"
#include "dax/fault.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Marks the entry of the faulting page DIRTY and locks it. Null when it has gone meanwhile.
std::uint64_t lock_dirty_entry(kernel& k, address_space& mapping, xa_state& xas) {
    arch::guard held(mapping.i_pages.xa_lock);
    const std::uint64_t entry = get_next_unlocked_entry(k, mapping, xas, 0);
    if (entry == 0 || !xa_is_value(entry) || dax_entry(entry).pmd()) { // a PMD came meanwhile: fault again
        put_unlocked_entry(k, mapping, xas, entry, wake_mode::next);
        return 0;
    }
    xas_set_mark(xas, pagecache_tag_dirty);
    dax_lock_entry(xas, entry);
    return entry;
}

/// May the page still be used? What has turned bad has been taken from whoever mapped it, which this fault did not yet.
bool still_good(kernel& k, const dax_device& device, std::uint64_t pfn) {
    return k.rules.sync_bad == sync_poison::ignore || dax_direct_access(k, device, pfn, 1);
}

vm_fault_result dax_insert_pfn_mkwrite(kernel& k, const dax_device& device, vm_fault& fault,
                                       std::uint64_t pfn) {
    address_space& mapping = *fault.vma.mapping;
    xa_state xas(mapping.i_pages, fault.pgoff);
    const std::uint64_t entry = lock_dirty_entry(k, mapping, xas);
    if (entry == 0)
        return vm_fault_result::nopage;
    const vm_fault_result result =
        still_good(k, device, pfn) ? dax_map_page(k, fault, k.mem[pfn]) : vm_fault_result::sigbus;
    dax_unlock_entry(k, mapping, xas, entry);
    return result;
}

} // namespace

vm_fault_result dax_finish_sync_fault(kernel& k, const dax_device& device, vm_fault& fault, std::uint64_t pfn,
                                      fsync_range fsync) {
    const std::uint64_t begun = k.fsync_count.add(1);
    fsync(k, fault.vma.host, fault.pgoff, fault.pgoff + 1);
    // A copied block is reached from disk from now on: what was durable in the shared block must be in the copy
    const block_owner& block = k.mem.ledger(pfn).block;
    const std::uint64_t since = block.dirty_since.get();
    if (since != 0 && since < begun && block.backs(fault.vma.mapping->number, fault.pgoff))
        arch::fail(invariant::I20, "a synchronous fault maps a page whose data is not flushed",
                   "dax_finish_sync_fault");
    return dax_insert_pfn_mkwrite(k, device, fault, pfn);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
