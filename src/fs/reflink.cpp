/// Reflink of one file's blocks into another (xfs FICLONE; kernel facts 2.15 step 6). Mirrors xfs_reflink_remap_prep,
/// xfs_mmaplock_two_inodes_and_break_dax_layout and xfs_reflink_remap_blocks, v6.12 and v6.15.
#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "fs/inode.hpp"
#include "fs/layouts.hpp"
#include "fs/super.hpp"
#include "mm/zap.hpp"

#include <arch/task.hpp>

#include <algorithm>

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

namespace {

/// The second file's lock is nested in the first one's, so nobody may sleep here: the wait callback would drop only one of them.
bool second_layouts_broken(kernel& k, inode& second) {
    if (k.rules.reflink == reflink_break::nowait)
        return break_layouts(k, second, 0, to_the_end, true) == outcome::done;
    folio* busy = dax_layout_busy_page_range(k, second.mapping, 0, to_the_end);
    return busy == nullptr ||
           folio_ref_count(*busy) == k.idle_count(); // the first busy page of perhaps several
}

/// Both files' invalidate locks, taken in order with the layouts of both broken, and dropped together.
class two_mmaplocks {
  public:
    two_mmaplocks(inode& first, inode& second) : first_(first), second_(second) {}
    ~two_mmaplocks() {
        if (held_)
            drop();
    }
    two_mmaplocks(const two_mmaplocks&) = delete;
    two_mmaplocks& operator=(const two_mmaplocks&) = delete;

    /// xfs_mmaplock_two_inodes_and_break_dax_layout. Spins while a page of the second file is busy.
    outcome lock_and_break(kernel& k) {
        for (;;) {
            first_.mapping.invalidate_lock.down_write();
            const outcome broken = break_first(k);
            if (broken != outcome::done) {
                first_.mapping.invalidate_lock.up_write();
                return broken;
            }
            second_.mapping.invalidate_lock.down_write();
            held_ = true;
            if (k.rules.reflink == reflink_break::none || second_layouts_broken(k, second_))
                return outcome::done;
            drop();
            arch::cpu_relax();
        }
    }

  private:
    outcome break_first(kernel& k) {
        return k.rules.reflink == reflink_break::none ? outcome::done
                                                      : break_layouts(k, first_, 0, to_the_end);
    }
    void drop() {
        held_ = false;
        second_.mapping.invalidate_lock.up_write();
        first_.mapping.invalidate_lock.up_write();
    }

    inode& first_;
    inode& second_;
    bool held_ = false;
};

/// Page by page: `to` gives its block up and gets a share of `from`'s. The caller holds both files' invalidate locks.
outcome remap_blocks(inode& from, inode& to, inode& first, inode& second, unsigned pages) {
    arch::guard outer(first.ilock);
    arch::guard inner(second.ilock);
    from.is_reflink.set(true);
    to.is_reflink.set(true);
    to.log_pinned.set(true);
    for (unsigned page = 0; page < pages; ++page) {
        if (const std::uint64_t old = to.extents[page].get(); old != block_allocator::none) {
            to.extents[page].set(block_allocator::none);
            to.blocks.free(old, to.mapping.number, page);
        }
        const std::uint64_t block = from.extents[page].get();
        if (block == block_allocator::none)
            continue;
        if (!from.blocks.share(block, to.mapping.number, page))
            return outcome::refused; // as many owners as the refcount tree counts
        to.extents[page].set(block);
    }
    return outcome::done;
}

} // namespace

outcome file_reflink(kernel& k, inode& from, inode& to) {
    if (from.fs != fs_kind::xfs || to.fs != fs_kind::xfs)
        return outcome::refused;
    const open_file source(from), target(to);
    if (!source || !target)
        return outcome::refused;
    inode& first = from.mapping.number < to.mapping.number ? from : to;
    inode& second = &first == &from ? to : from;
    arch::write_guard io_first(first.i_rwsem);
    arch::write_guard io_second(second.i_rwsem);
    if (!sb_start_write(k, *to.sb))
        return outcome::refused;
    two_mmaplocks locks(first, second);
    const unsigned pages =
        std::min(from.i_size.load(order::relaxed), to.max_pages); // relaxed: i_rwsem is held
    const discarding replaced(to, 0, pages);
    if (const outcome broken = locks.lock_and_break(k); broken != outcome::done)
        return broken;
    dax_writeback_mapping_range(k, from.mapping, 0, to_the_end);
    dax_writeback_mapping_range(k, to.mapping, 0, to_the_end);
    // The DIRTY entries that the break kept are clean now, and nobody holds their pages: a large folio is not to become shared
    if (k.rules.deletes == break_delete::clean && k.rules.reflink != reflink_break::none)
        dax_delete_mapping_range(k, from.mapping, 0, to_the_end);
    truncate_pagecache(k, to.mapping, 0, pages);
    const outcome remapped = remap_blocks(from, to, first, second, pages);
    // relaxed: readers hold invalidate_lock
    to.i_size.store(std::max(pages, to.i_size.load(order::relaxed)), order::relaxed);
    return remapped;
}

} // namespace daxtorture::inline ARCH_MACHINE
