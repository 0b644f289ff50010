#include "mm/mremap.hpp"

#include "mm/address_space.hpp"
#include "mm/huge_memory.hpp"
#include "mm/zap.hpp"

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

void link_copied_area(const kernel& k, vm_area& copy, vm_area& original) {
    address_space& mapping = *original.mapping;
    arch::write_guard i_mmap(mapping.i_mmap_rwsem);
    const unsigned at = mapping.place_of(original);
    mapping.insert_area(copy, k.rules.copied_area == vma_order::behind ? at + 1 : at);
    copy.present = true;
}

namespace {

/// The PTEs of `count` pages, which are under one table at both places.
void move_ptes(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to, std::uint64_t count) {
    page_table& table = mm.table;
    bool moved = false;
    arch::guard held(table.ptl); // of both tables
    for (std::uint64_t i = 0; i < count; ++i) {
        if (table.get(from + i).none())
            continue;
        table.set(to + i, table.get_and_clear(from + i));
        moved = true;
    }
    if (moved)
        flush_moved(k, held, mm, from, count);
}

/// A PUD leaf moves whole, or it goes with its old place. False when there is none.
bool move_pud(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to, std::uint64_t count) {
    const page_table& table = mm.table;
    if (!table.pud(from).leaf())
        return false;
    if (count == table.pud_pages())
        move_huge_pud(k, mm, from, to);
    return true;
}

/// Tries to move everything under the PMD entry of `from` at once, or makes it ready for move_ptes. True when nothing is left to move.
bool move_pmd(kernel& k, mm_struct& mm, std::uint64_t from, std::uint64_t to, std::uint64_t count) {
    page_table& table = mm.table;
    const pte_t pmd = table.pmd(from);
    if (pmd.none())
        return true;
    if (pmd.leaf()) {
        if (count == table.pmd_pages() && move_huge_pmd(k, mm, from, to, pmd))
            return true;
        split_huge_pmd(k, mm, from);
        if (table.pmd(from).none())
            return true;
    }
    pte_alloc(mm, to);
    return false;
}

/// How many of the `count` pages to move lie under one entry of `size` pages at both places.
std::uint64_t under_one_entry(std::uint64_t count, std::uint64_t size, std::uint64_t from, std::uint64_t to) {
    return std::min({count, size - from % size, size - to % size});
}

void move_page_tables(kernel& k, mm_struct& mm, const vm_area& from, const vm_area& to) {
    const page_table& table = mm.table;
    std::uint64_t old_at = from.first;
    std::uint64_t new_at = to.first;
    for (std::uint64_t count = 0; old_at < from.last; old_at += count, new_at += count) {
        count = from.last - old_at;
        if (table.has_pud()) {
            count = under_one_entry(count, table.pud_pages(), old_at, new_at);
            if (move_pud(k, mm, old_at, new_at, count))
                continue;
        }
        if (table.has_pmd()) {
            count = under_one_entry(count, table.pmd_pages(), old_at, new_at);
            if (move_pmd(k, mm, old_at, new_at, count))
                continue;
        }
        move_ptes(k, mm, old_at, new_at, count);
    }
}

void move_vma(kernel& k, mm_struct& mm, vm_area& from, vm_area& to) {
    link_copied_area(k, to, from); // copy_vma
    move_page_tables(k, mm, from, to);
    mmu_gather gather(k, mm); // do_vmi_munmap of the old place
    zap_page_range(k, gather, from, from.first, from.last, private_copies::unmap);
    unlink_file_vma(from);
    free_pgtables(mm);
    gather.finish();
}

} // namespace

bool do_mremap(kernel& k, mm_struct& mm) {
    arch::write_guard held(mm.mmap_lock);
    bool moved = false;
    for (vm_area& area : mm.areas) {
        if (area.other_place == nullptr || area.second)
            continue;
        vm_area& from = area.present ? area : *area.other_place;
        if (!from.present)
            continue;
        move_vma(k, mm, from, *from.other_place);
        moved = true;
    }
    return moved;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
