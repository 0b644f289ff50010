/// Collapse range, insert range and zero range of ext4 and xfs (kernel facts 2.17): blocks change their place in the file, so no entry
/// and no page table may still know them by the old one.
#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "fs/all_or_nothing.hpp"
#include "fs/cow_fork.hpp"
#include "fs/inode.hpp"
#include "fs/layouts.hpp"
#include "fs/power_cut.hpp"
#include "fs/super.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

bool has_fallocate(const inode& file) { return file.fs == fs_kind::ext4 || file.fs == fs_kind::xfs; }

/// xfs_flush_unmap_range.
void flush_unmap_range(kernel& k, inode& file, std::uint64_t first, std::uint64_t last) {
    dax_writeback_mapping_range(k, file.mapping, first, last);
    truncate_pagecache(k, file.mapping, first, last);
}

/// Flushes what moves and drops it from the cache: from `first` to the end of the file, not only to the end of the range. Nothing may be reserved
/// at an offset that is another page's afterwards.
void prepare_shift(kernel& k, inode& file, std::uint64_t first, std::uint64_t last) {
    flush_unmap_range(k, file, first, k.rules.shift == shift_evicts::to_eof ? to_the_end : last);
    arch::guard held(file.ilock);
    cancel_cow(file, first, file.max_pages);
}

/// I18: extents move only where no entry is left.
void check_no_entries(inode& file, std::uint64_t first) {
    file.mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t, unsigned) {
        if (index >= first)
            arch::fail(invariant::I18, "extents moved under an entry of the file",
                       "the page behind the range is still cached");
    });
}

/// The block of page `from`, if any, becomes that of page `to`. The caller holds ilock.
void move_block(inode& file, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t block = file.extents[from].get();
    file.extents[to].set(block);
    file.extents[from].set(block_allocator::none);
    file.data[to].set(file.data[from].get());
    file.data[from].set(0);
    if (file.promised != nullptr) {
        file.promised[to].set(file.promised[from].get());
        forget_promise(file, from);
    }
    if (block != block_allocator::none)
        file.blocks.reindex(block, file.mapping.number, from, to);
}

} // namespace

outcome file_collapse(kernel& k, inode& file, unsigned first, unsigned last) {
    if (!has_fallocate(file))
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    const discarding hole(file, first, last);
    const all_or_nothing attempt(file);
    if (const outcome broken = break_layouts(k, file); broken != outcome::done)
        return attempt.failed(broken);
    // relaxed: i_rwsem is held; it may have been dropped in the break
    const unsigned size = file.i_size.load(order::relaxed);
    if (last >= size)
        return attempt.failed(outcome::refused);
    if (file.fs == fs_kind::xfs) { // xfs_free_file_space, then xfs_prepare_shift
        flush_unmap_range(k, file, first, last);
        free_blocks(file, first, last);
        prepare_shift(k, file, first, last);
    } else { // what goes is not written back
        if (k.rules.shift == shift_evicts::to_eof)
            dax_writeback_mapping_range(k, file.mapping, last, to_the_end);
        truncate_pagecache(k, file.mapping, first, k.rules.shift == shift_evicts::to_eof ? to_the_end : last);
        free_blocks(file, first, last);
    }
    check_no_entries(file, first);
    {
        arch::guard held(file.ilock);
        for (unsigned page = last; page < size; ++page)
            move_block(file, page, page - (last - first));
        file.log_pinned.set(true);
    }
    file.i_size.store(size - (last - first), order::relaxed); // relaxed: readers hold invalidate_lock
    itruncate_extents(file, size - (last - first));           // which are all free, but for the CoW fork
    return outcome::done;
}

outcome file_insert(kernel& k, inode& file, unsigned first, unsigned last) {
    if (!has_fallocate(file))
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    const all_or_nothing attempt(file);
    if (const outcome broken = break_layouts(k, file); broken != outcome::done)
        return attempt.failed(broken);
    const unsigned size = file.i_size.load(order::relaxed); // relaxed: as in file_collapse
    const unsigned more = last - first;
    if (first >= size || size + more > file.max_pages)
        return attempt.failed(outcome::refused);
    prepare_shift(k, file, first, last);
    check_no_entries(file, first);
    file.i_size.store(size + more, order::relaxed); // relaxed: readers hold invalidate_lock
    arch::guard held(file.ilock);
    for (unsigned page = size; page-- > first;)
        move_block(file, page, page + more);
    file.log_pinned.set(true);
    return outcome::done;
}

outcome file_zero(kernel& k, inode& file, unsigned first, unsigned last) {
    if (!has_fallocate(file))
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    if (const outcome punched = free_file_space(k, file, first, last); punched != outcome::done)
        return punched;
    arch::guard held(file.ilock);
    const unsigned size = file.i_size.load(order::relaxed); // relaxed: i_rwsem is held
    for (std::uint64_t page = first; page < last && page < size; ++page)
        if (file.extents[page].get() == block_allocator::none &&
            !allocate_block(file, page, new_block::zeroed))
            return outcome::refused; // no space: what is left of the range stays a hole
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
