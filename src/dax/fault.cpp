#include "dax/fault.hpp"

#include "dax/associate.hpp"
#include "dax/dax_folio.hpp"
#include "dax/device.hpp"
#include "dax/entry_lock.hpp"
#include "dax/grab_entry.hpp"
#include "dax/hole_page.hpp"
#include "mm/huge_memory.hpp"
#include "mm/private_cow.hpp"
#include "mm/vmf_insert.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

vm_fault_result dax_map(kernel& k, vm_fault& fault, folio& held, folio& page,
                        vm_fault_result (*insert)(kernel&, vm_fault&, folio&)) {
    if (k.rules.mapping == mapping_counts::no)
        return insert(k, fault, page);
    dev_pagemap* device = nullptr;
    if (k.rules.unbind_pages == pages_at_unbind::while_busy && k.unbinds) {
        device = get_dev_pagemap(k, k.mem.pfn(page));
        if (device == nullptr)
            return vm_fault_result::sigbus;
    }
    // 0 -> 1 is allowed here: the locked entry makes the folio ours
    if (folio_ref_inc(held) != 0 && device != nullptr)
        put_dev_pagemap(*device); // the folio holds one since it became busy
    const vm_fault_result result = insert(k, fault, page);
    folio_put(k, held); // may be the last, when the page table had something else already
    return result;
}

/// Makes the locked entry name the block; returns it. Sets the DIRTY mark before the page can become writable, but for a synchronous
/// fault [I19].
std::uint64_t dax_insert_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t old,
                               dax_entry wanted, bool shared, bool write, bool dirty) {
    const std::uint64_t index = xas.xa_index;
    const dax_entry before(old);
    std::uint64_t entry = old;
    if (shared ||
        (before.zero_page() && wanted.has_folio())) { // what is replaced leaves every page table first
        const std::uint64_t pages = dax_entry_pages(k, before);
        const std::uint64_t first = index & ~(pages - 1);
        unmap_mapping_pages(k, mapping, first, first + pages);
    }
    xas_reset(xas);
    arch::guard held(mapping.i_pages.xa_lock);
    if (shared || !before.has_folio()) {
        dax_disassociate_entry(k, before, mapping, false);
        dax_associate_entry(k, wanted, mapping, index, shared);
        dax_lock_entry(xas, wanted.store_form());
        entry = wanted.store_form();
        if (is_hole_page(mapping, old)) // the page is in the file no more: who waits for it begins again
            unlock_hole_page(mapping, index);
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

/// A store to a hole, where the protocol unmaps the zero page before the file has the block. Until its entry is unlocked nobody maps that again.
void unmap_hole_early(kernel& k, const vm_fault& fault, address_space& mapping, dax_entry entry) {
    if (k.rules.hole_unmaps == hole_unmap::at_insert || !fault.write || !entry.zero_page())
        return;
    const std::uint64_t pages = dax_entry_pages(k, entry);
    const std::uint64_t first = fault.pgoff & ~(pages - 1);
    unmap_mapping_pages(k, mapping, first, first + pages);
}

/// Can the blocks from `first` on be used, and does their device still stand? They are used after the guard: kill_dax does not wait for that.
bool dax_iomap_direct_access(kernel& k, dax_device& device, std::uint64_t first, std::uint64_t pages) {
    const dax_access_guard access(k, device);
    return access.possible() && dax_direct_access(k, device, first, pages);
}

bool dax_iomap_direct_access(kernel& k, const iomap& where, std::uint64_t pages) {
    return dax_iomap_direct_access(k, *where.device, where.pfn, pages);
}

/// The file's own block gets the data of the shared one, or none of a hole. A store like any other, to be flushed.
void copy_shared_block(kernel& k, std::uint64_t from, std::uint64_t to) {
    if (from != iomap::no_block)
        k.mem.check_content(from, k.mem.load_content(from), "a shared block was copied");
    k.mem.store_whole(to, writer::nobody);
    k.mem.ledger(to).data.set(from == iomap::no_block ? 0 : k.mem.ledger(from).data.get());
    if (from != iomap::no_block && k.mem.power != nullptr) [[unlikely]]
        k.mem.power->copied(from, to);
    arch::oracle<std::uint64_t>& since = k.mem.ledger(to).block.dirty_since;
    if (since.get() == 0)
        since.set(k.fsync_count.get());
    if (k.rules.cow_copies == cow_copy::flushed)
        dax_flush(k, to, 1);
}

/// Clears a block whose old content must not be seen. Whoever has stored into it since loses that.
void zero_block(kernel& k, std::uint64_t pfn) {
    k.mem.store_whole(pfn, writer::nobody);
    k.mem.ledger(pfn).data.set(0);
    if (k.mem.ledger(pfn).block.dirty_since.get() != 0)
        arch::fail(invariant::I20, "a fault zeroed a block after a store to it", "dax_fault_iter");
}

vm_fault_result dax_load_hole(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                              xa_state& xas, std::uint64_t& entry) {
    if (mapping.hole_pages == nullptr)
        entry =
            dax_insert_entry(k, mapping, xas, entry, dax_entry::make(k.mem.zero_page(), dax_entry::zero_bit),
                             where.shared, false, false);
    else if (!is_hole_page(mapping, entry))
        entry = insert_hole_page(k, mapping, xas, entry);
    vmf_insert_zero_page(k, fault);
    return vm_fault_result::nopage;
}

vm_fault_result dax_pmd_load_hole(kernel& k, vm_fault& fault, address_space& mapping, xa_state& xas,
                                  std::uint64_t& entry) {
    const dax_entry zero = dax_entry::make(k.mem.huge_zero_page(), dax_entry::pmd_bit | dax_entry::zero_bit);
    entry = dax_insert_entry(k, mapping, xas, entry, zero, false, false, false);
    return vmf_insert_huge_zero_page(k, fault);
}

void check_pmd(const kernel& k, const vm_fault& fault, dax_entry entry, const iomap_ops& ops) { // I9
    if (!entry.pmd())
        arch::fail(invariant::I9, "a PMD is mapped over a smaller entry", "dax_iomap_pmd_fault");
    if (((fault.page ^ fault.pgoff) & k.pmd_colour()) != 0)
        arch::fail(invariant::I9, "a PMD is mapped where address and file offset are not congruent",
                   "dax_iomap_pmd_fault");
    if (!ops.inside_eof(fault.vma.host, fault.pgoff | k.pmd_colour()))
        arch::fail(invariant::I9, "a PMD is mapped beyond the end of its file", "dax_iomap_pmd_fault");
}

/// A store through a MAP_SYNC mapping must find its block on disk after a crash: first the metadata, then the store.
bool dax_fault_is_synchronous(const kernel& k, const vm_fault& fault, const iomap& where) {
    return fault.write && fault.vma.sync && where.dirty && k.rules.sync == sync_fault::after_fsync;
}

/// A store to a private mapping: no entry is made and no page of the device is mapped.
vm_fault_result dax_fault_cow_page(kernel& k, vm_fault& fault, const iomap& where) {
    if (where.type == iomap::kind::mapped && !where.unwritten) {
        if (!dax_iomap_direct_access(k, where, 1))
            return vm_fault_result::sigbus;
        copy_to_cow_page(k, fault, where.pfn);
    }
    map_cow_page(fault);
    return vm_fault_result::nopage;
}

vm_fault_result dax_fault_iter(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                               xa_state& xas, std::uint64_t& entry) {
    if (fault.cow_page)
        return dax_fault_cow_page(k, fault, where);
    if (where.type == iomap::kind::hole)
        return dax_load_hole(k, fault, mapping, where, xas, entry);
    if (!dax_iomap_direct_access(k, where, 1))
        return vm_fault_result::sigbus;
    const bool synchronous = dax_fault_is_synchronous(k, fault, where);
    entry = dax_insert_entry(k, mapping, xas, entry, dax_entry::make(where.pfn, 0), where.shared, fault.write,
                             fault.write && !synchronous);
    if (where.unwritten)
        zero_block(k, where.pfn);
    // The entry names the new block already, whatever comes of the copy
    if (fault.write && where.shared && !dax_iomap_copy_around(k, where, 0, 1))
        return vm_fault_result::sigbus;
    if (k.rules.fault_lock == fault_entry_lock::until_inserted)
        dax_unlock_entry(k, mapping, xas, entry);
    if (synchronous)
        return vm_fault_result::needdsync;
    return dax_map_page(k, fault, dax_to_folio(k, dax_entry(entry)), k.mem[where.pfn]);
}

/// May the pages of a PMD become one folio? One that somebody holds since an entry of it was replaced would count as a tail from then on, and its last put
/// go to the head (docs/findings/reflink-cow-hides-busy-page.md).
bool may_be_one_folio(kernel& k, std::uint64_t first) {
    if (k.rules.frees == free_busy::at_once)
        return true;
    bool idle = true;
    for (std::uint64_t pfn = first; pfn < first + k.pmd_pages(); ++pfn)
        idle &= folio_ref_count(k.mem[pfn]) == k.idle_count();
    return idle;
}

vm_fault_result dax_pmd_fault_iter(kernel& k, vm_fault& fault, address_space& mapping, const iomap& where,
                                   xa_state& xas, std::uint64_t& entry, const iomap_ops& ops) {
    if (where.type == iomap::kind::hole)
        return dax_pmd_load_hole(k, fault, mapping, xas, entry);
    if (!dax_iomap_direct_access(k, where, k.pmd_pages()))
        return vm_fault_result::fallback;  // which fails for the pages that cannot be had
    if ((where.pfn & k.pmd_colour()) != 0) // dax_iomap_direct_access: the memory is not aligned
        return vm_fault_result::fallback;
    if (!dax_entry(entry).has_folio() && !where.shared && !may_be_one_folio(k, where.pfn))
        return vm_fault_result::fallback;
    const bool synchronous = dax_fault_is_synchronous(k, fault, where);
    entry = dax_insert_entry(k, mapping, xas, entry, dax_entry::make(where.pfn, dax_entry::pmd_bit),
                             where.shared, fault.write, fault.write && !synchronous);
    check_pmd(k, fault, dax_entry(entry), ops);
    if (fault.write && where.shared && !dax_iomap_copy_around(k, where, 0, k.pmd_pages()))
        return vm_fault_result::sigbus;
    if (synchronous)
        return vm_fault_result::needdsync;
    return dax_map_pmd(k, fault, dax_to_folio(k, dax_entry(entry)), k.mem[where.pfn]);
}

} // namespace

vm_fault_result dax_map_page(kernel& k, vm_fault& fault, folio& held, folio& page) {
    return dax_map(k, fault, held, page, vmf_insert_page_mkwrite);
}

vm_fault_result dax_map_pmd(kernel& k, vm_fault& fault, folio& held, folio& page) {
    return dax_map(k, fault, held, page_folio(k, page), vmf_insert_folio_pmd);
}

bool dax_iomap_copy_around(kernel& k, const iomap& where, std::uint64_t first, std::uint64_t pages) {
    const bool hole = where.source == iomap::no_block;
    if (!hole && !dax_iomap_direct_access(k, *where.device, where.source + first, pages))
        return false;
    for (std::uint64_t i = first; i < first + pages; ++i)
        copy_shared_block(k, hole ? where.source : where.source + i, where.pfn + i);
    return true;
}

vm_fault_result dax_iomap_fault(kernel& k, vm_fault& fault, std::uint64_t& pfn, const iomap_ops& ops) {
    address_space& mapping = *fault.vma.mapping;
    if (!ops.inside_eof(fault.vma.host, fault.pgoff))
        return vm_fault_result::sigbus;
    const bool asked_early = k.rules.asks == fault_iomap::before_entry_lock;
    iomap where;
    if (asked_early) // what the answer says may be past before the entry is locked
        where = ops.begin(k, fault.vma.host, fault.pgoff, 1, fault.write);
    xa_state xas(mapping.i_pages, fault.pgoff);
    std::uint64_t entry = grab_mapping_entry(k, mapping, xas, 0);
    if (entry == 0)
        return vm_fault_result::retry;
    if (fault.mm.table.has_pmd() && fault.mm.table.pmd(fault.page).leaf()) { // a PMD fault was faster
        dax_unlock_entry(k, mapping, xas, entry);
        return vm_fault_result::nopage;
    }
    unmap_hole_early(k, fault, mapping, dax_entry(entry));
    if (!asked_early)
        where = ops.begin(k, fault.vma.host, fault.pgoff, 1, fault.write);
    vm_fault_result result = vm_fault_result::sigbus;
    bool mapped = false;
    if (where.type == iomap::kind::no_range) {
        result = vm_fault_result::again;
    } else if (where.type != iomap::kind::beyond_eof) {
        result = dax_fault_iter(k, fault, mapping, where, xas, entry);
        mapped = where.type == iomap::kind::mapped && !fault.cow_page && result != vm_fault_result::sigbus;
        pfn = where.pfn;
        ops.end(k, fault.vma.host, fault.pgoff, fault.write, where,
                result == vm_fault_result::sigbus ? 0 : 1);
    }
    if (!mapped || k.rules.fault_lock == fault_entry_lock::until_mapped)
        dax_unlock_entry(k, mapping, xas, entry);
    return result;
}

namespace {

/// Why a whole PMD cannot answer this fault, whatever its entry and its block are (dax_fault_check_fallback).
bool must_fall_back(const kernel& k, const vm_fault& fault, const iomap_ops& ops) {
    const std::uint64_t colour = k.pmd_colour();
    const std::uint64_t first = fault.page & ~colour;
    // The page tables' range and the entry's would be different pages of the file
    if (k.rules.colour == pmd_colour::check && (fault.page & colour) != (fault.pgoff & colour))
        return true;
    if (fault.write && !fault.vma.shared)
        return true;
    if (first < fault.vma.first || first + k.pmd_pages() > fault.vma.last)
        return true;
    return !ops.inside_eof(fault.vma.host, fault.pgoff | colour);
}

/// How much of it a PMD fault says that it has done. Whatever is no fallback counts as done, a failed copy too.
std::uint64_t pages_done(const kernel& k, vm_fault_result result) {
    const bool failed = result == vm_fault_result::fallback ||
                        (result == vm_fault_result::sigbus && k.rules.pmd_copy == failed_pmd_copy::cancel);
    return failed ? 0 : k.pmd_pages();
}

/// With the entry locked: the range must be empty or a leaf, and its blocks one aligned run.
vm_fault_result fault_whole_pmd(kernel& k, vm_fault& fault, address_space& mapping, xa_state& xas,
                                std::uint64_t& entry, std::uint64_t& pfn, const iomap_ops& ops) {
    const pte_t pmd = fault.mm.table.pmd(fault.page);
    if (!pmd.none() && !pmd.leaf())
        return vm_fault_result::nopage; // a PTE fault was faster: the access is tried again
    unmap_hole_early(k, fault, mapping, dax_entry(entry));
    const iomap where = ops.begin(k, fault.vma.host, xas.xa_index, k.pmd_pages(), fault.write);
    if (where.type == iomap::kind::no_range)
        return vm_fault_result::again;
    if (where.type == iomap::kind::beyond_eof)
        return vm_fault_result::fallback;
    vm_fault_result result = vm_fault_result::fallback;
    if (where.pages == k.pmd_pages())
        result = dax_pmd_fault_iter(k, fault, mapping, where, xas, entry, ops);
    pfn = where.pfn;
    // What came out short is given back as well, and with it what others have reserved there (docs/findings/failed-cow-frees-block.md)
    ops.end(k, fault.vma.host, xas.xa_index, fault.write, where, pages_done(k, result));
    return result;
}

} // namespace

vm_fault_result dax_iomap_pmd_fault(kernel& k, vm_fault& fault, std::uint64_t& pfn, const iomap_ops& ops) {
    address_space& mapping = *fault.vma.mapping;
    if (!ops.inside_eof(fault.vma.host, fault.pgoff & ~k.pmd_colour()))
        return vm_fault_result::sigbus;
    vm_fault_result result = vm_fault_result::fallback;
    if (!must_fall_back(k, fault, ops)) {
        xa_state xas(mapping.i_pages, fault.pgoff, k.pmd_order);
        std::uint64_t entry = grab_mapping_entry(k, mapping, xas, k.pmd_order);
        if (entry != 0 && entry != dax_conflict) {
            result = fault_whole_pmd(k, fault, mapping, xas, entry, pfn, ops);
            dax_unlock_entry(k, mapping, xas, entry);
        }
    }
    if (result == vm_fault_result::fallback)
        split_huge_pmd(k, fault.mm, fault.page);
    return result;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
