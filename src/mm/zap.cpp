#include "mm/zap.hpp"

#include "mm/address_space.hpp"
#include "mm/huge_memory.hpp"
#include "mm/rmap.hpp"
#include "words/near_miss.hpp"

#include <arch/near_miss.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

mmu_gather::mmu_gather(kernel& k, mm_struct& mm) : k_(k), mm_(mm) {
    mm_.tlb_flush_pending.fetch_add(
        1, order::relaxed); // relaxed: ordered by the page-table lock, which is taken next
}

void mmu_gather::add(folio& f, std::uint64_t page, std::uint64_t count) {
    if (k_.tlbs.modelled()) [[unlikely]]
        translations_[count_] = {page, count, k_.tlbs.now()};
    folios_[count_++] = &f;
}

void mmu_gather::widen(std::uint64_t first, std::uint64_t last) {
    const bool empty = last_ == everything;
    first_ = empty ? first : std::min(first_, first);
    last_ = empty ? last : std::max(last_, last);
}

void mmu_gather::flush() {
    if (cleared_)
        k_.flush_tlb_range(mm_, first_, last_);
    cleared_ = false;
    first_ = 0;
    last_ = everything;
}

void mmu_gather::put(unsigned i) {
    if (k_.tlbs.modelled()) [[unlikely]] {
        const cleared& was = translations_[i];
        k_.tlbs.check_flushed(mm_, was.page, was.count, was.when);
    }
    folio_put(k_, *folios_[i]);
}

void mmu_gather::flush_and_put() {
    if (k_.rules.zap == zap_order::flush_then_put)
        flush();
    for (unsigned i = 0; i < count_; ++i)
        put(i);
    count_ = 0;
    flush();
}

void mmu_gather::finish() {
    // relaxed: the page-table lock was taken since; who cleared an entry before that had announced its gather
    if (mm_.tlb_flush_pending.load(order::relaxed) > 1) {
        arch::near_miss(near_miss::shared_flush);
        cleared_ = true;
        first_ = 0;
        last_ = everything;
    }
    flush_and_put();
    mm_.tlb_flush_pending.fetch_sub(1, order::relaxed); // relaxed: after the flush, a full barrier
}

namespace {

/// Clears what fits into the gather's batch; returns the first page not looked at.
std::uint64_t zap_pte_range(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page,
                            std::uint64_t last, private_copies copies, unsigned& gone) {
    folio* delayed_rmap =
        nullptr; // removed only after a flush: a dirty entry may be written through until then
    arch::guard held(mm.table.ptl);
    for (; page < last && !gather.full() && delayed_rmap == nullptr; ++page) {
        const pte_t seen = mm.table.get(page);
        if (seen.none() || (seen.anon() && copies == private_copies::keep))
            continue;
        gone += seen.anon();
        const pte_t pte = mm.table.get_and_clear(page);
        gather.note_cleared(page, 1);
        if (pte.special() || k.rules.mapping == mapping_counts::no)
            continue;
        folio& f = page_folio(k, k.mem[pte.pfn()]);
        if (pte.dirty())
            delayed_rmap = &f;
        else
            folio_remove_rmap_pte(f);
        gather.add(f, page, 1);
    }
    if (delayed_rmap != nullptr) {
        if (k.rules.zap == zap_order::flush_then_put)
            gather.flush();
        folio_remove_rmap_pte(*delayed_rmap);
    }
    return page;
}

/// Another unmap may have cleared a leaf here and still count as its mapping, or mremap have taken it out and not put it into its new place: a scan
/// would take the folio for idle. Linux looks at the lock only when it unmaps one folio (docs/findings/pmd-unmap-passes-by.md).
void pass_empty_entry(const kernel& k, arch::spinlock& lock) {
    if (k.rules.empty_pmd == zap_empty_pmd::lock)
        arch::guard(lock).unlock();
}

/// A PUD leaf goes as a whole, also when only part of it is to be unmapped: splitting one of a file only unmaps it. True when it went.
bool zap_pud_range(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page) {
    if (!mm.table.has_pud())
        return false;
    if (mm.table.pud(page).leaf())
        return zap_huge_pud(k, gather, mm, page);
    pass_empty_entry(k, mm.table.pud_lock);
    return false;
}

/// Everything under one PMD entry, or what the gather's batch takes of it; returns the first page not looked at.
std::uint64_t zap_pmd_range(kernel& k, mmu_gather& gather, mm_struct& mm, std::uint64_t page,
                            std::uint64_t last, private_copies copies, unsigned& gone) {
    page_table& table = mm.table;
    if (zap_pud_range(k, gather, mm, page))
        return std::min(last, table.pud_first(page) + table.pud_pages());
    const std::uint64_t next = std::min(last, table.pmd_first(page) + table.pmd_pages());
    pte_t pmd = table.pmd(page);
    if (pmd.leaf()) {
        if (next - page != table.pmd_pages()) {
            split_huge_pmd(k, mm, page);
            pmd = table.pmd(page);
        } else if (zap_huge_pmd(k, gather, mm, page)) {
            return next;
        }
    }
    if (!pmd.none())
        return zap_pte_range(k, gather, mm, page, next, copies, gone);
    pass_empty_entry(k, table.pmd_lock);
    return next;
}

} // namespace

unsigned zap_page_range(kernel& k, mmu_gather& gather, vm_area& area, std::uint64_t first, std::uint64_t last,
                        private_copies copies) {
    unsigned gone = 0;
    for (std::uint64_t page = first; page < last;) {
        page = area.mm->table.has_pmd() ? zap_pmd_range(k, gather, *area.mm, page, last, copies, gone)
                                        : zap_pte_range(k, gather, *area.mm, page, last, copies, gone);
        if (gather.full())
            gather.flush_and_put();
    }
    return gone;
}

unsigned unmap_mapping_pages(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                             private_copies copies) {
    unsigned gone = 0;
    arch::read_guard held(mapping.i_mmap_rwsem);
    const unsigned areas = mapping.mapped_areas.load(order::relaxed);
    for (unsigned i = 0; i < areas; ++i) {
        vm_area& area = *mapping.i_mmap[i];
        const std::uint64_t area_last = area.pgoff + (area.last - area.first);
        const std::uint64_t from = std::max(first, area.pgoff);
        const std::uint64_t to = std::min(last, area_last);
        if (from >= to)
            continue;
        mmu_gather gather(k, *area.mm);
        gone += zap_page_range(k, gather, area, area.first + (from - area.pgoff),
                               area.first + (to - area.pgoff), copies);
        gather.finish();
    }
    return gone;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
