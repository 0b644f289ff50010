/// Reflink of one file's blocks into another (xfs FICLONE; kernel facts 2.15 step 6). Mirrors xfs_reflink_remap_prep,
/// xfs_mmaplock_two_inodes_and_break_dax_layout and xfs_reflink_remap_blocks, v6.12 and v6.15.
#include "dax/truncate.hpp"
#include "dax/writeback.hpp"
#include "fs/all_or_nothing.hpp"
#include "fs/layouts.hpp"
#include "fs/lease.hpp"
#include "fs/power_cut.hpp"
#include "fs/super.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>
#include <arch/task.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// The second file's lock is nested in the first one's, so nobody may sleep here: the wait callback would drop only one of them.
bool second_layouts_broken(kernel& k, inode& second) {
    if (k.rules.reflink == reflink_break::nowait)
        return break_dax_layouts(k, second, true) == outcome::done;
    folio* busy = dax_layout_busy_page_range(k, second.mapping, 0, to_the_end);
    if (busy == nullptr && k.rules.reflink == reflink_break::null_is_busy)
        arch::fail(invariant::I16, "livelock: no page is busy, and the locks are dropped to wait for one",
                   "dax_page_is_idle(NULL) is false");
    return busy == nullptr ||
           folio_ref_count(*busy) == k.idle_count(); // the first busy page of perhaps several
}

/// The locks of both files: first both i_rwsems, then both invalidate locks.
class two_inodes {
  public:
    two_inodes(inode& from, inode& to)
        : from_(from), first_(from.mapping.number < to.mapping.number ? from : to),
          second_(&first_ == &from ? to : from) {}
    ~two_inodes() {
        if (mmaplocks_) {
            if (demoted_)
                from_.remapping->store(false, order::relaxed); // relaxed: as in demote_source
            up(second_, &inode_mmaplock);
            up(first_, &inode_mmaplock);
        }
        if (iolocks_) {
            up(second_, &inode_iolock);
            up(first_, &inode_iolock);
        }
    }
    two_inodes(const two_inodes&) = delete;
    two_inodes& operator=(const two_inodes&) = delete;

    /// xfs_iolock_two_inodes_and_break_layout: both i_rwsems, and no lease on either file.
    outcome lock_io() {
        for (;;) {
            for (inode* file : {&first_, &second_}) // waited for before anything is locked
                if (file->leases != nullptr && !file->leases->wait_for_return())
                    return outcome::interrupted;
            first_.i_rwsem.down_write();
            second_.i_rwsem.down_write();
            iolocks_ = true;
            if (!is_leased(first_) && !is_leased(second_)) // nobody got one in between
                return outcome::done;
            iolocks_ = false;
            second_.i_rwsem.up_write();
            first_.i_rwsem.up_write();
        }
    }

    /// xfs_mmaplock_two_inodes_and_break_dax_layout. Spins while a page of the second file is busy.
    outcome lock_mmap_and_break(kernel& k) {
        for (;;) {
            first_.mapping.invalidate_lock.down_write();
            const outcome broken = break_first(k);
            if (broken != outcome::done) {
                first_.mapping.invalidate_lock.up_write();
                return broken;
            }
            second_.mapping.invalidate_lock.down_write();
            mmaplocks_ = true;
            if (k.rules.reflink == reflink_break::none || second_layouts_broken(k, second_))
                return outcome::done;
            mmaplocks_ = false;
            second_.mapping.invalidate_lock.up_write();
            first_.mapping.invalidate_lock.up_write();
            arch::cpu_relax();
        }
    }

    /// The source is only read from here on: readers and read faults may go on. Write faults see the mark and wait.
    void demote_source(const kernel& k) {
        if (k.rules.source == reflink_source::exclusive || from_.remapping == nullptr)
            return;
        from_.remapping->store(true, order::relaxed); // relaxed: faults look under invalidate_lock
        demoted_ = true;
        from_.mapping.invalidate_lock.downgrade();
        from_.i_rwsem.downgrade();
    }

    /// In the order of their locks.
    inode& first() { return first_; }
    inode& second() { return second_; }

  private:
    static bool is_leased(inode& file) { return file.leases != nullptr && file.leases->recall(); }
    static arch::rwsem& inode_mmaplock(inode& file) { return file.mapping.invalidate_lock; }
    static arch::rwsem& inode_iolock(inode& file) { return file.i_rwsem; }
    void up(inode& file, arch::rwsem& (*lock_of)(inode&)) const {
        if (demoted_ && &file == &from_)
            lock_of(file).up_read();
        else
            lock_of(file).up_write();
    }
    outcome break_first(kernel& k) {
        return k.rules.reflink == reflink_break::none ? outcome::done : break_dax_layouts(k, first_);
    }

    inode& from_;
    inode& first_;
    inode& second_;
    bool iolocks_ = false;
    bool mmaplocks_ = false;
    bool demoted_ = false;
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
            check_not_leased(to, "xfs_reflink_remap_blocks");
            to.extents[page].set(block_allocator::none);
            to.blocks.free(old, to.mapping.number, page);
        }
        to.data[page].set(0);
        forget_promise(to, page);
        const std::uint64_t block = from.extents[page].get();
        if (block == block_allocator::none)
            continue;
        check_not_leased(from, "xfs_reflink_remap_blocks");
        if (!from.blocks.share(block, to.mapping.number, page))
            return outcome::refused; // as many owners as the refcount tree counts
        to.extents[page].set(block);
        to.data[page].set(from.data[page].get());
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
    two_inodes locks(from, to);
    if (const outcome unleased = locks.lock_io(); unleased != outcome::done)
        return unleased;
    if (!sb_start_write(k, *to.sb))
        return outcome::refused;
    const unsigned pages =
        std::min(from.i_size.load(order::relaxed), to.max_pages); // relaxed: i_rwsem is held
    const discarding replaced(to, 0, pages);
    const all_or_nothing source_attempt(from), target_attempt(to);
    if (const outcome broken = locks.lock_mmap_and_break(k); broken != outcome::done)
        return source_attempt.failed(target_attempt.failed(broken));
    dax_writeback_mapping_range(k, from.mapping, 0, to_the_end);
    dax_writeback_mapping_range(k, to.mapping, 0, to_the_end);
    // The DIRTY entries that the break kept are clean now, and nobody holds their pages: a large folio is not to become shared
    if (k.rules.deletes == break_delete::clean && k.rules.reflink != reflink_break::none)
        dax_delete_mapping_range(k, from.mapping, 0, to_the_end);
    truncate_pagecache(k, to.mapping, 0, pages);
    locks.demote_source(k);
    const outcome remapped = remap_blocks(from, to, locks.first(), locks.second(), pages);
    // relaxed: readers hold invalidate_lock
    to.i_size.store(std::max(pages, to.i_size.load(order::relaxed)), order::relaxed);
    return remapped;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
