/// A file on a DAX filesystem: its size, its blocks, and the locks that its operations take. Mirrors the shared shape of ext4, xfs and fuse
/// (kernel facts 2.1, 2.15, 2.17, 2.20).
///
/// Locks     i_rwsem (IOLOCK) over size changes; mapping.invalidate_lock (MMAPLOCK) against faults; ilock over the extents, taken
///           inside iomap_begin, below the entry lock
/// Checked   every scenario with truncate, punch, break, evict or reuse
#pragma once

#include "dax/fault.hpp"
#include "dax/layout_break.hpp"
#include "fs/block.hpp"
#include "mm/address_space.hpp"
#include "mm/mm_struct.hpp"
#include "words/config.hpp"
#include "words/operation.hpp"

#include <arch/machine.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct super_block;
class layout_leases;

struct inode {
    /// `extent_order`: its blocks come in aligned runs of 2^extent_order where the file is long enough; 0: one by one.
    inode(int number, const file_config& config, unsigned extent_order, block_allocator& device,
          const xarray_config& shape);
    ~inode();

    address_space mapping;
    const fs_kind fs;
    const unsigned extent_order;
    const unsigned max_pages; ///< the file's first size: the most it grows to
    block_allocator& blocks;
    super_block* sb = nullptr; ///< set once at set-up
    arch::rwsem i_rwsem;
    arch::mutex ilock;
    arch::atomic<unsigned> i_size{0}; ///< in pages
    arch::plain<bool> evicted{false}; ///< under i_mmap_rwsem: no new mappings
    std::unique_ptr<arch::plain<std::uint64_t>[]>
        extents; ///< block of each page or block_allocator::none; under ilock
    std::unique_ptr<arch::plain<std::uint64_t>[]>
        cow_fork; ///< as extents: what is reserved (fs/cow_fork.hpp); under ilock
    /// Pages whose block was allocated and still has the content of its last owner. Under ilock.
    std::unique_ptr<arch::plain<bool>[]> unwritten;
    /// The oracle's: which data each page is to have, as page_ledger::data says of its block. Of dmaps it says nothing: their data is elsewhere [I34].
    std::unique_ptr<arch::oracle<std::uint32_t>[]> data;
    /// The oracle's: which version of each page's data must be there after a power cut (fs/power_cut.hpp). Null where the power is not cut.
    std::unique_ptr<arch::oracle<std::uint32_t>[]> promised;
    /// Did it ever share a block? (XFS_DIFLAG2_REFLINK) Under ilock.
    arch::plain<bool> is_reflink{false};
    /// virtiofs: the extents are the dmap ranges that are bound to the file's pages (fs/dmap.hpp); how many lookups of each are in use.
    /// Null for other files. Under ilock, which stands for the dmap tree's semaphore.
    std::unique_ptr<arch::plain<unsigned>[]> dmap_users;
    bool has_dmaps() const { return dmap_users != nullptr; }
    /// Extents changed and the change is not on disk yet: the inode is pinned in the log. Under ilock.
    arch::plain<bool> log_pinned{false};
    /// XFS_IREMAPPING: blocks of this file are being shared with another one. Null where nothing is reflinked.
    std::unique_ptr<arch::atomic<bool>> remapping;
    std::unique_ptr<layout_leases> leases; ///< null where nobody takes any
    arch::atomic<unsigned> open_count{0};  ///< operations through an open file: no eviction meanwhile
    /// The oracle's: pages whose data an operation under way throws away, so that nobody may ask for their durability [I20].
    arch::oracle<std::uint64_t> discard_first{0}, discard_last{0};
};

/// For the oracle: has anybody stored into the block behind this page? Not when the block is bad.
bool page_has_data(const kernel& k, const inode& file, std::uint64_t index);
/// What faults and write() ask a file on any of these filesystems.
extern const iomap_ops file_iomap_ops;
/// The VMA operations of a file on any of these filesystems.
extern const vm_operations file_vm_ops;
/// What becomes of what an earlier owner has left in a block: gone before the file has the block, or, as the file's extent says, still there.
enum class new_block : unsigned char { zeroed, unwritten };
/// Gives the hole at `page` a block, and the aligned run of holes around it one aligned run of blocks when that can be had. The caller holds
/// ilock. False when the device is full.
bool allocate_block(inode& file, std::uint64_t page, new_block state);

/// The end of the hole that starts at `page`, as far as allocate_block may fill it. The caller holds ilock.
std::uint64_t end_of_hole(const inode& file, std::uint64_t page);

/// May this area be mapped? No once its inode is being evicted. The caller holds i_mmap_rwsem.
bool file_may_map(const vm_area& area);

/// An open file for the length of an operation: its inode is not evicted. Empty when eviction came first.
class open_file {
  public:
    explicit open_file(inode& file);
    ~open_file();
    explicit operator bool() const { return file_ != nullptr; }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;

  private:
    inode* file_;
};

/// Says for its lifetime that the data of pages [first, last) is being thrown away.
class discarding {
  public:
    discarding(inode& file, std::uint64_t first, std::uint64_t last) : file_(file) {
        file.discard_first.set(first);
        file.discard_last.set(last);
    }
    ~discarding() { file_.discard_last.set(0); }
    discarding(const discarding&) = delete;
    discarding& operator=(const discarding&) = delete;

  private:
    inode& file_;
};

/// Frees the blocks of [first, last) in one transaction. The caller holds invalidate_lock exclusively, layouts are broken.
void free_blocks(inode& file, std::uint64_t first, std::uint64_t last);
/// Everything from `first` on becomes free, what is reserved in the CoW fork too (xfs_itruncate_extents). The caller is as in free_blocks.
void itruncate_extents(inode& file, std::uint64_t first);
/// Makes a hole of [first, last): layouts, cache, blocks. The caller holds i_rwsem and invalidate_lock exclusively. (xfs_free_file_space)
outcome free_file_space(kernel& k, inode& file, std::uint64_t first, std::uint64_t last);

/// Operations on files, each with its filesystem's locks. `size` and ranges are in pages.
outcome file_truncate(kernel& k, inode& file, unsigned size);
outcome file_punch(kernel& k, inode& file, unsigned first, unsigned last);
outcome file_break(kernel& k, inode& file, bool nowait);
/// Fills the holes with fresh blocks and grows the file to its first size: what a new owner of freed blocks does.
outcome file_reuse(kernel& k, inode& file);
/// fsync: dax_writeback_mapping_range over the whole file. `durable`: the caller relies on it, so I20 is checked at its end.
outcome file_writeback(kernel& k, inode& file, bool durable);
/// The filesystem's fsync of [first, last): flushes the pages, then forces the log.
void file_fsync_range(kernel& k, inode& file, std::uint64_t first, std::uint64_t last);
/// FICLONE of the whole file (xfs): `to` gives up its blocks and shares those of `from`.
outcome file_reflink(kernel& k, inode& from, inode& to);
/// write() of whole pages: allocates where there is a hole, copies where the block is shared, and drops what is cached of the old pages. Done
/// when any page was written; what comes behind a page that could not be stays as it was.
outcome file_write(kernel& k, inode& file, unsigned first, unsigned last);
enum class invalidate_lock : unsigned char { free, held };
/// What becomes of the entry of a page that somebody holds, where the rule `invalidation` lets one stay. It goes when its block leaves the file:
/// an entry that stayed would be taken for one of the new block.
enum class busy_entry : unsigned char { stays, goes };
/// invalidate_inode_pages2_range as the rule `invalidation` says. False when an entry stayed.
bool invalidate_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                      invalidate_lock lock = invalidate_lock::free, busy_entry busy = busy_entry::stays);
/// Collapse range, insert range, zero range (ext4, xfs). Refused where the filesystem has none, and when the file has no room.
outcome file_collapse(kernel& k, inode& file, unsigned first, unsigned last);
outcome file_insert(kernel& k, inode& file, unsigned first, unsigned last);
outcome file_zero(kernel& k, inode& file, unsigned first, unsigned last);
/// invalidate_inode_pages2_range, as a write into a hole does it (ext4, xfs: under i_rwsem) or an open (fuse: under nothing). `busy` when
/// a dirty entry stayed.
outcome file_invalidate(kernel& k, inode& file, unsigned first, unsigned last);
/// Was it evicted, and not brought back since?
bool file_is_evicted(inode& file);
/// The inode is evicted as at unmount: refused while a VMA maps it. `reuse` brings the file back, as a new inode on a new mount.
outcome file_evict(kernel& k, inode& file);

} // namespace ARCH_MACHINE
} // namespace daxtorture
