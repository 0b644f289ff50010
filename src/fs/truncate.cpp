/// Truncate, punch hole and plain layout breaking: how ext4, xfs and fuse call the DAX side (kernel facts 2.15 table, 2.17).
#include "dax/truncate.hpp"
#include "fs/inode.hpp"
#include "mm/unlocked.hpp"
#include "mm/zap.hpp"

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

namespace {

/// The wait callback of all three filesystems: drop invalidate_lock, sleep once, take it again. i_rwsem stays held.
void wait_dax_page(kernel& k, address_space& mapping) {
    if (k.rules.callback == break_lock::keep) {
        arch::schedule();
        return;
    }
    const write_unlocked dropped(mapping.invalidate_lock);
    arch::schedule();
}

outcome break_layouts(kernel& k, inode& file, std::uint64_t first, std::uint64_t last, bool nowait = false) {
    // ext4 and xfs break the whole file whatever the range; fuse breaks the range
    const bool whole = file.fs != fs_kind::fuse;
    switch (dax_break_layout(k, file.mapping, whole ? 0 : first, whole ? to_the_end : last,
                             nowait ? nullptr : wait_dax_page)) {
    case break_result::interrupted:
        return outcome::interrupted;
    case break_result::busy:
        return outcome::busy;
    case break_result::broken:
        break;
    }
    return outcome::done;
}

/// Frees the blocks of [first, last) in one transaction. The caller holds invalidate_lock exclusively, layouts are broken.
void free_blocks(inode& file, std::uint64_t first, std::uint64_t last) {
    arch::guard held(file.ilock);
    for (std::uint64_t page = first; page < last && page < file.max_pages; ++page) {
        const std::uint64_t block = file.extents[page].get();
        if (block == block_allocator::none)
            continue;
        file.extents[page].set(block_allocator::none);
        file.blocks.free(block);
    }
}

} // namespace

outcome file_truncate(kernel& k, inode& file, unsigned size) {
    arch::write_guard io(file.i_rwsem);
    arch::write_guard faults(file.mapping.invalidate_lock);
    const discarding tail(file, size, to_the_end);
    if (const outcome broken = break_layouts(k, file, size, to_the_end); broken != outcome::done)
        return broken;
    file.i_size.store(size, order::relaxed); // relaxed: readers hold invalidate_lock
    truncate_pagecache(k, file.mapping, size, to_the_end);
    free_blocks(file, size, to_the_end);
    return outcome::done;
}

outcome file_punch(kernel& k, inode& file, unsigned first, unsigned last) {
    arch::write_guard io(file.i_rwsem);
    arch::write_guard faults(file.mapping.invalidate_lock);
    const discarding hole(file, first, last);
    if (const outcome broken = break_layouts(k, file, first, last); broken != outcome::done)
        return broken;
    truncate_pagecache(k, file.mapping, first, last);
    free_blocks(file, first, last);
    return outcome::done;
}

outcome file_break(kernel& k, inode& file, unsigned first, unsigned last, bool nowait) {
    arch::write_guard io(file.i_rwsem);
    arch::write_guard faults(file.mapping.invalidate_lock);
    return break_layouts(k, file, first, last, nowait);
}

outcome file_reuse(kernel& k, inode& file) {
    arch::write_guard io(file.i_rwsem);
    arch::write_guard faults(file.mapping.invalidate_lock);
    {
        arch::write_guard i_mmap(file.mapping.i_mmap_rwsem);
        file.evicted.set(false);
    }
    bool any = false;
    arch::guard held(file.ilock);
    for (unsigned page = 0; page < file.max_pages; ++page) {
        if (file.extents[page].get() != block_allocator::none)
            continue;
        const std::uint64_t block = file.blocks.allocate(file.mapping.number, page);
        if (block == block_allocator::none)
            break;
        // The hole may be mapped by the zero page: no reader may go on seeing it
        unmap_mapping_pages(k, file.mapping, page, page + 1);
        dax_delete_mapping_range(k, file.mapping, page, page + 1);
        file.extents[page].set(block);
        any = true;
    }
    file.i_size.store(file.max_pages, order::relaxed);
    return any ? outcome::done : outcome::nothing;
}

} // namespace daxtorture::inline ARCH_MACHINE
