/// Truncate, punch hole and plain layout breaking: how ext4, xfs and fuse call the DAX side (kernel facts 2.15 table, 2.17).
#include "dax/truncate.hpp"
#include "fs/layouts.hpp"
#include "fs/super.hpp"
#include "mm/zap.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

outcome file_truncate(kernel& k, inode& file, unsigned size) {
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    const discarding tail(file, size, to_the_end);
    if (const outcome broken = break_layouts(k, file, size, to_the_end); broken != outcome::done)
        return broken;
    file.i_size.store(size, order::relaxed); // relaxed: readers hold invalidate_lock
    truncate_pagecache(k, file.mapping, size, to_the_end, private_copies::unmap);
    itruncate_extents(file, size);
    return outcome::done;
}

outcome free_file_space(kernel& k, inode& file, std::uint64_t first, std::uint64_t last) {
    const discarding hole(file, first, last);
    if (const outcome broken = break_layouts(k, file, first, last); broken != outcome::done)
        return broken;
    truncate_pagecache(k, file.mapping, first, last);
    free_blocks(file, first, last);
    return outcome::done;
}

outcome file_punch(kernel& k, inode& file, unsigned first, unsigned last) {
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    return free_file_space(k, file, first, last);
}

outcome file_break(kernel& k, inode& file, unsigned first, unsigned last, bool nowait) {
    arch::write_guard io(file.i_rwsem);
    arch::write_guard faults(file.mapping.invalidate_lock);
    return nowait ? break_dax_layouts(k, file, first, last, true) : break_layouts(k, file, first, last);
}

outcome file_reuse(kernel& k, inode& file) {
    const mounted_filesystem mounted(k, *file.sb); // who opens a file keeps its filesystem mounted
    if (!mounted)
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    arch::write_guard faults(file.mapping.invalidate_lock);
    {
        arch::write_guard i_mmap(file.mapping.i_mmap_rwsem);
        if (file.evicted.get() && k.unbinds) {
            k.rcu.barrier(); // the old inode's memory is free: this is another one
            file.mapping.freed.set(false);
        }
        file.evicted.set(false);
    }
    file.i_size.store(file.max_pages, order::relaxed);
    if (file.has_dmaps())
        return outcome::done; // its holes are only ranges that are not bound
    bool any = false;
    arch::guard held(file.ilock);
    for (unsigned page = 0; page < file.max_pages; ++page) {
        if (file.extents[page].get() != block_allocator::none)
            continue;
        // The hole may be mapped by the zero page: no reader may go on seeing it
        const std::uint64_t end = end_of_hole(file, page);
        unmap_mapping_pages(k, file.mapping, page, end);
        dax_delete_mapping_range(k, file.mapping, page, end);
        if (!allocate_block(file, page, new_block::zeroed))
            break;
        any = true;
    }
    return any ? outcome::done : outcome::nothing;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
