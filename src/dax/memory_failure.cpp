#include "dax/memory_failure.hpp"

#include "dax/entry_lock.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>
#include <arch/task.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// dax_lock_mapping_entry: locks the entry of a file page that is known; the caller keeps the file. 0 when it has no folio.
std::uint64_t dax_lock_mapping_entry(kernel& k, address_space& mapping, xa_state& xas) {
    for (;;) {
        mapping.i_pages.xa_lock.lock();
        xas_reset(xas);
        const std::uint64_t entry = xas_load(xas);
        if (entry != 0 && xa_is_value(entry) && dax_entry(entry).locked()) {
            wait_entry_unlocked(k, mapping, xas, entry);
            continue;
        }
        const bool lockable = entry != 0 && xa_is_value(entry) && dax_entry(entry).has_folio();
        if (lockable)
            dax_lock_entry(xas, entry);
        mapping.i_pages.xa_lock.unlock();
        return lockable ? entry : 0;
    }
}

/// The page's mapping if it still is this one's, with its xa_lock taken; null when it is not.
bool lock_mapping(kernel& k, folio& f, address_space& mapping) {
    mapping.i_pages.xa_lock.lock();
    if (mapping.freed.get())
        arch::fail(invariant::I22, "the lock of a freed inode was taken", "dax_lock_folio");
    if (k.rules.mf_rechecks == mf_recheck::no || f.mapping.load(order::relaxed) == &mapping)
        return true;
    mapping.i_pages.xa_lock.unlock();
    return false;
}

/// Sleeps for the locked entry, outside RCU. Returns with xa_lock dropped.
void wait_for_entry(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry) {
    if (k.rules.mf_sleeps == mf_sleep::locked) {
        mapping.i_pages.xa_lock.lock(); // what forgetting to drop it comes to
        return;
    }
    wait_entry_unlocked(k, mapping, xas, entry);
    if (k.rules.mf_waits == mf_wait::look_again) {
        mapping.i_pages.xa_lock.lock();
        if (mapping.freed.get())
            arch::fail(invariant::I22, "the lock of a freed inode was taken", "wait_entry_unlocked");
        mapping.i_pages.xa_lock.unlock();
    }
}

/// A page's entry while it is locked.
struct locked_page {
    address_space* mapping = nullptr;
    std::uint64_t index = 0;
    std::uint64_t entry = 0;
    const folio* head = nullptr; ///< what it was taken to belong to
};

/// The mapping of the folio that the page belongs to, which is looked up anew where the protocol does so. Nothing holds the folio: an entry that is
/// made meanwhile may make the page a tail, whose mapping is poison (docs/findings/memory-failure-follows-a-tail.md).
address_space* mapping_of(kernel& k, folio& page, folio*& head) {
    for (;;) {
        // acquire stands for the dependency to the inode that it names, which RCU keeps
        address_space* mapping = head->mapping.load(order::acquire);
        if (mapping != tail_mapping)
            return mapping;
        if (k.rules.mf_follows == mf_folio::once) {
            arch::fail(invariant::I15, "the poison in a tail page's mapping was followed", "dax_lock_folio");
            return nullptr;
        }
        head = &page_folio(k, page);
        arch::cpu_relax();
    }
}

/// dax_lock_folio: no mapping when the page is no file's.
locked_page dax_lock_folio(kernel& k, folio& page) {
    folio* head = &page_folio(k, page); // pfn_folio, in mf_generic_kill_procs
    k.rcu.read_lock();
    for (;;) {
        address_space* mapping = mapping_of(k, page, head);
        if (mapping == nullptr) {
            k.rcu.read_unlock();
            return {};
        }
        if (!lock_mapping(k, *head, *mapping))
            continue;
        folio& f = *head;
        const std::uint64_t index = f.index_or_share.load(order::relaxed); // relaxed: xa_lock is held
        xa_state xas(mapping->i_pages, index);
        const std::uint64_t entry = xas_load(xas);
        if (entry != 0 && xa_is_value(entry) && dax_entry(entry).locked()) {
            k.rcu.read_unlock();
            wait_for_entry(k, *mapping, xas, entry);
            k.rcu.read_lock();
            continue;
        }
        if (entry == 0 || !xa_is_value(entry) ||
            k.mem.pfn(f) - dax_entry(entry).pfn() >= dax_entry_pages(k, dax_entry(entry)))
            arch::fail(invariant::I13, "a page's mapping and index lead to another page's entry",
                       "dax_lock_folio");
        dax_lock_entry(xas, entry);
        mapping->i_pages.xa_lock.unlock();
        k.rcu.read_unlock();
        return {mapping, index, entry, &f};
    }
}

/// dev_pagemap_mapping_shift: how many pages the largest entry maps that maps this page of the file; 0 when it is not mapped.
std::uint64_t mapped_size(address_space& mapping, std::uint64_t index) {
    std::uint64_t size = 0;
    arch::read_guard held(mapping.i_mmap_rwsem);
    const unsigned areas = mapping.mapped_areas.load(order::relaxed);
    for (unsigned i = 0; i < areas; ++i) {
        const vm_area& area = *mapping.i_mmap[i];
        const std::uint64_t page = area.first + (index - area.pgoff);
        if (index < area.pgoff || page >= area.last)
            continue;
        const page_table& table = area.mm->table;
        if (table.has_pmd() && table.pmd(page).leaf())
            size = std::max(size, table.pmd_pages());
        else if (table.get(page).present())
            size = std::max(size, std::uint64_t{1});
    }
    return size;
}

/// unmap_and_kill: collect_procs finds whoever maps the page, and what maps most of it is unmapped. The look takes no lock of a page table, so it
/// finds nobody while mremap has the entry in its hands (docs/findings/memory-failure-misses-mremap.md).
void unmap_and_kill(kernel& k, address_space& mapping, std::uint64_t index, dax_entry entry) {
    const std::uint64_t size =
        k.rules.mf_looks == mf_look::entry ? dax_entry_pages(k, entry) : mapped_size(mapping, index);
    if (size != 0)
        unmap_mapping_pages(k, mapping, index & ~(size - 1), (index & ~(size - 1)) + size);
}

/// Without a holder: find the file through the page, or rather through the folio that the page belongs to.
mf_result mf_generic_kill_procs(kernel& k, std::uint64_t pfn) {
    const locked_page locked = dax_lock_folio(k, k.mem[pfn]);
    if (locked.mapping == nullptr)
        return mf_result::no_file;
    // The locked entry keeps the page where it is
    const std::uint64_t offset = k.rules.mf_unmaps == mf_page::page ? pfn - k.mem.pfn(*locked.head) : 0;
    unmap_and_kill(k, *locked.mapping, locked.index + offset, dax_entry(locked.entry));
    xa_state xas(locked.mapping->i_pages, locked.index);
    dax_unlock_entry(k, *locked.mapping, xas, locked.entry);
    return mf_result::handled;
}

/// For the check: page tables map the page, and nothing in it says whose it is. Another page that is mapped has a file to be found by, now or at
/// the next access to it.
bool is_mapped_without_file(kernel& k, std::uint64_t pfn) {
    const folio& page = page_folio(k, k.mem[pfn]);
    return page.mapcount.peek() != 0 && page.mapping.peek() == nullptr;
}

/// HWPoison, for the oracle: a page that was written whole meanwhile holds good data.
void note_failed(kernel& k, const dax_device& device, std::uint64_t pfn) {
    k.mem.ledger(pfn).failed.set(true);
    // After, as pmem_clear_poison does it the other way round; a look that may not be out of date
    if (device.badblocks == nullptr || !device.badblocks[pfn - device.pgmap.first_pfn].peek())
        k.mem.ledger(pfn).failed.set(false);
}

} // namespace

mf_result memory_failure(kernel& k, dax_device& device, std::uint64_t pfn) {
    dev_pagemap* pgmap = get_dev_pagemap(k, pfn);
    if (pgmap == nullptr)
        return mf_result::no_device;
    if (!pgmap_pfn_valid(k, *pgmap, pfn)) { // bound, and its pages are not there yet, or never
        put_dev_pagemap(*pgmap);
        return mf_result::no_device;
    }
    set_badblock(device, pfn); // the machine check's notifier has told the driver
    const bool mapped = is_mapped_without_file(k, pfn);
    mf_result result = mf_result::handled;
    const mf_answer answer = dax_holder_notify_failure(k, device, pfn, mf_reason::poison);
    if (answer == mf_answer::shut_down)
        result = mf_result::shut_down;
    else if (answer == mf_answer::cannot_tell)
        result = mf_generic_kill_procs(k, pfn);
    if (result == mf_result::handled || k.rules.mf_puts == mf_pagemap::always)
        put_dev_pagemap(*pgmap);
    if (result == mf_result::handled)
        note_failed(k, device, pfn);
    else if (result == mf_result::no_file && mapped && is_mapped_without_file(k, pfn))
        arch::fail(invariant::I31, "a page with bad memory stays mapped", "dax_lock_folio found no file");
    return result;
}

void mf_dax_kill_procs(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t index = first; index < last; ++index) {
        xa_state xas(mapping.i_pages, index);
        const std::uint64_t entry = dax_lock_mapping_entry(k, mapping, xas);
        if (entry == 0)
            continue;
        unmap_and_kill(k, mapping, index, dax_entry(entry));
        dax_unlock_entry(k, mapping, xas, entry);
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
