#include "dax/fault.hpp"

#include "dax/associate.hpp"
#include "dax/entry_lock.hpp"
#include "mm/vmf_insert.hpp"
#include "mm/zap.hpp"

namespace daxtorture::inline ARCH_MACHINE {
namespace {

/// Finds or makes the entry of the faulting page and locks it. Null when memory could not be had.
std::uint64_t grab_mapping_entry(kernel& k, address_space& mapping, xa_state& xas) {
    for (;;) {
        {
            arch::guard held(mapping.i_pages.xa_lock);
            std::uint64_t entry = get_next_unlocked_entry(k, mapping, xas, 0);
            if (entry != 0) {
                dax_lock_entry(xas, entry);
            } else {
                entry = dax_entry::make(0, dax_entry::empty_bit).store_form();
                dax_lock_entry(xas, entry);
                if (!xas_error(xas))
                    mapping.nrpages.set(mapping.nrpages.get() + 1);
            }
            if (!xas_error(xas))
                return entry;
        }
        if (!xas_nomem(xas))
            return 0;
    }
}

/// Makes the locked entry name `pfn`; returns it. `dirty` sets the DIRTY mark before the page can become writable [I19].
std::uint64_t dax_insert_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t old,
                               std::uint64_t pfn, std::uint64_t flags, bool dirty) {
    const std::uint64_t index = xas.xa_index;
    const dax_entry before(old);
    const dax_entry wanted = dax_entry::make(pfn, flags);
    std::uint64_t entry = old;
    if (before.zero_page() && wanted.has_folio())
        unmap_mapping_pages(k, mapping, index, index + 1); // the zero page leaves every page table first
    xas_reset(xas);
    arch::guard held(mapping.i_pages.xa_lock);
    if (!before.has_folio()) {
        dax_disassociate_entry(k, before, mapping, false);
        dax_associate_entry(k, wanted, mapping, index);
        dax_lock_entry(xas, wanted.store_form());
        entry = wanted.store_form();
    } else {
        xas_load(xas); // walk the state
    }
    if (dirty)
        xas_set_mark(xas, pagecache_tag_dirty);
    return entry;
}

vm_fault_result dax_load_hole(kernel& k, vm_fault& fault, address_space& mapping, xa_state& xas,
                              std::uint64_t& entry) {
    entry = dax_insert_entry(k, mapping, xas, entry, k.mem.zero_page(), dax_entry::zero_bit, false);
    vmf_insert_zero_page(k, fault);
    return vm_fault_result::nopage;
}

vm_fault_result dax_fault_iter(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                               xa_state& xas, std::uint64_t& entry) {
    if (where.type == iomap::kind::hole)
        return dax_load_hole(k, fault, mapping, xas, entry);
    entry = dax_insert_entry(k, mapping, xas, entry, where.pfn, 0, fault.write);
    if (k.rules.fault_lock == fault_entry_lock::until_inserted)
        dax_unlock_entry(k, mapping, xas, entry);
    folio& f = k.mem[dax_entry(entry).pfn()];
    if (k.rules.mapping == mapping_counts::no) {
        vmf_insert_page_mkwrite(k, fault, f);
        return vm_fault_result::nopage;
    }
    folio_get(f); // 0 -> 1 is allowed here: the locked entry makes the page ours
    vmf_insert_page_mkwrite(k, fault, f);
    folio_put(k, f); // may be the last, when the page table had something else already
    return vm_fault_result::nopage;
}

} // namespace

vm_fault_result dax_iomap_fault(kernel& k, vm_fault& fault, const iomap_ops& ops) {
    address_space& mapping = *fault.vma.mapping;
    if (!ops.inside_eof(fault.vma.host, fault.pgoff))
        return vm_fault_result::sigbus;
    xa_state xas(mapping.i_pages, fault.pgoff);
    std::uint64_t entry = grab_mapping_entry(k, mapping, xas);
    if (entry == 0)
        return vm_fault_result::retry;
    const iomap where = ops.begin(k, fault.vma.host, fault.pgoff, fault.write);
    vm_fault_result result = vm_fault_result::sigbus;
    bool mapped = false;
    if (where.type != iomap::kind::beyond_eof) {
        result = dax_fault_iter(k, fault, mapping, where, xas, entry);
        mapped = where.type == iomap::kind::mapped;
    }
    if (!mapped || k.rules.fault_lock == fault_entry_lock::until_mapped)
        dax_unlock_entry(k, mapping, xas, entry);
    return result;
}

} // namespace daxtorture::inline ARCH_MACHINE
