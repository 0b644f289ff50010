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

/// Makes the locked entry name the block; returns it. Sets the DIRTY mark before the page can become writable, but for a synchronous
/// fault [I19].
std::uint64_t dax_insert_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t old,
                               dax_entry wanted, bool shared, bool write, bool dirty) {
    const std::uint64_t index = xas.xa_index;
    const dax_entry before(old);
    std::uint64_t entry = old;
    if (shared || (before.zero_page() && wanted.has_folio()))
        unmap_mapping_pages(k, mapping, index, index + 1); // what is replaced leaves every page table first
    xas_reset(xas);
    arch::guard held(mapping.i_pages.xa_lock);
    if (shared || !before.has_folio()) {
        dax_disassociate_entry(k, before, mapping, false);
        dax_associate_entry(k, wanted, mapping, index, shared);
        dax_lock_entry(xas, wanted.store_form());
        entry = wanted.store_form();
    } else {
        xas_load(xas); // walk the state
    }
    if (dirty)
        xas_set_mark(xas, pagecache_tag_dirty);
    if (write && shared && k.rules.cow_marks == cow_towrite::set)
        xas_set_mark(xas,
                     pagecache_tag_towrite); // the copy is to be flushed, whether or not the page is DIRTY
    return entry;
}

/// dax_iomap_copy_around: the file's own block gets the data of the shared one. A store like any other, to be flushed.
void copy_shared_block(kernel& k, std::uint64_t from, std::uint64_t to) {
    // relaxed: nobody may store into a shared block; the new one is not mapped yet
    k.mem[to].contents.store(k.mem[from].contents.load(arch::order::relaxed), arch::order::relaxed);
    arch::oracle<std::uint64_t>& since = k.mem.ledger(to).block.dirty_since;
    if (since.get() == 0)
        since.set(k.fsync_count.get());
}

vm_fault_result dax_load_hole(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                              xa_state& xas, std::uint64_t& entry) {
    entry = dax_insert_entry(k, mapping, xas, entry, dax_entry::make(k.mem.zero_page(), dax_entry::zero_bit),
                             where.shared, false, false);
    vmf_insert_zero_page(k, fault);
    return vm_fault_result::nopage;
}

/// A store through a MAP_SYNC mapping must find its block on disk after a crash: first the metadata, then the store.
bool dax_fault_is_synchronous(const kernel& k, const vm_fault& fault, const iomap& where) {
    return fault.write && fault.vma.sync && where.dirty && k.rules.sync == sync_fault::after_fsync;
}

vm_fault_result dax_fault_iter(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                               xa_state& xas, std::uint64_t& entry) {
    if (where.type == iomap::kind::hole)
        return dax_load_hole(k, fault, mapping, where, xas, entry);
    const bool synchronous = dax_fault_is_synchronous(k, fault, where);
    entry = dax_insert_entry(k, mapping, xas, entry, dax_entry::make(where.pfn, 0), where.shared, fault.write,
                             fault.write && !synchronous);
    if (fault.write && where.shared)
        copy_shared_block(k, where.source, where.pfn);
    if (k.rules.fault_lock == fault_entry_lock::until_inserted)
        dax_unlock_entry(k, mapping, xas, entry);
    if (synchronous)
        return vm_fault_result::needdsync;
    dax_map_page(k, fault, k.mem[dax_entry(entry).pfn()]);
    return vm_fault_result::nopage;
}

} // namespace

void dax_map_page(kernel& k, vm_fault& fault, folio& f) {
    if (k.rules.mapping == mapping_counts::no) {
        vmf_insert_page_mkwrite(k, fault, f);
        return;
    }
    folio_get(f); // 0 -> 1 is allowed here: the locked entry makes the page ours
    vmf_insert_page_mkwrite(k, fault, f);
    folio_put(k, f); // may be the last, when the page table had something else already
}

vm_fault_result dax_iomap_fault(kernel& k, vm_fault& fault, std::uint64_t& pfn, const iomap_ops& ops) {
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
        pfn = where.pfn;
        ops.end(k, fault.vma.host, fault.pgoff, fault.write, where);
    }
    if (!mapped || k.rules.fault_lock == fault_entry_lock::until_mapped)
        dax_unlock_entry(k, mapping, xas, entry);
    return result;
}

} // namespace daxtorture::inline ARCH_MACHINE
