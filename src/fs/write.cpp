/// write() to a DAX file: dax_iomap_rw and dax_iomap_iter in fs/dax.c, v6.12 and v7.3, under the filesystem's inode lock (kernel facts 2.17).
///
/// The blocks are allocated, or replaced by copies when they are shared, without invalidate_lock: faults run beside it. So what they cached
/// of the old state is invalidated once the new blocks are there, and a fault must ask for its block only under the entry lock.
#include "dax/writeback.hpp"
#include "fs/dmap.hpp"
#include "fs/layouts.hpp"
#include "fs/super.hpp"

#include <arch/check.hpp>

#include <optional>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// What write() is at: some of its pages, in one run of blocks.
struct extent_write {
    kernel& k;
    inode& file;
    const std::uint64_t first; ///< page of the file
    const iomap& where;
    const invalidate_lock lock;
};

/// Drops what is cached of the pages' old blocks. Entries of shared ones may be marked: a dirty one would stay.
void invalidate_old_pages(const extent_write& w) {
    const std::uint64_t last = w.first + w.where.pages;
    if (w.where.shared && w.k.rules.cow_cleans == cow_dirty::clear)
        dax_clear_dirty_range(w.k, w.file.mapping, w.first, last);
    if (w.where.fresh || w.where.unwritten || w.where.shared)
        invalidate_range(w.k, w.file.mapping, w.first, last, w.lock,
                         w.where.shared ? busy_entry::goes : busy_entry::stays);
}

/// One page: what is bad is written all the same (DAX_RECOVERY_WRITE). A page of a shared block is copied first, though all of it is to be overwritten;
/// false when that cannot be read.
bool write_page(const extent_write& w, std::uint64_t i) {
    kernel& k = w.k;
    const std::uint64_t pfn = w.where.pfn + i;
    dax_device& device = w.file.sb->device;
    const bool recovery = !dax_direct_access(k, device, pfn, 1);
    if (recovery && k.rules.recovers == recovery_write::invalidate)
        invalidate_range(k, w.file.mapping, w.first + i, w.first + i + 1, w.lock);
    if (w.where.shared && !dax_iomap_copy_around(k, w.where, i, 1))
        return false;
    if (recovery)
        pmem_clear_poison(k, device, pfn);
    k.mem.store_whole(pfn, writer::kernel);                    // past the caches, so durable
    w.file.data[w.first + i].set(w.file.blocks.new_data(pfn)); // what the file has from now on
    if (w.where.shared)
        k.mem.ledger(pfn).block.dirty_since.set(0);
    if (!k.mem.ledger(pfn).block.backs(w.file.mapping.number, w.first + i))
        arch::fail(invariant::I7, "write() hit a block that its file does not own", "dax_iomap_iter");
    return true;
}

/// How many of the pages were written.
std::uint64_t write_pages(const extent_write& w) {
    const dax_access_guard access(w.k, w.file.sb->device);
    std::uint64_t done = 0;
    while (access.possible() && done < w.where.pages && write_page(w, done))
        ++done;
    return done;
}

/// One extent: asks for it, writes it, says what was written. Returns how many pages were.
std::uint64_t write_extent(kernel& k, inode& file, std::uint64_t first, std::uint64_t last,
                           invalidate_lock lock, outcome& result) {
    if (!file_iomap_ops.inside_eof(&file, first))
        return 0;
    iomap where = file_iomap_ops.begin(k, &file, first, last - first, true);
    while (where.type == iomap::kind::no_range) {
        result = alloc_dax_mapping_reclaim(k, file);
        if (result != outcome::done)
            return 0;
        where = file_iomap_ops.begin(k, &file, first, last - first, true);
    }
    if (where.type == iomap::kind::beyond_eof)
        return 0; // no space
    const extent_write extent{k, file, first, where, lock};
    invalidate_old_pages(extent);
    const std::uint64_t done = write_pages(extent);
    file_iomap_ops.end(k, &file, first, true, where, done);
    return done;
}

/// No kernel has it: the lock that keeps faults from a file whose shared blocks are written.
std::optional<arch::write_guard> lock_out_faults(const kernel& k, inode& file) {
    if (k.rules.cow_writes == cow_write_lock::invalidate_lock && file.remapping != nullptr &&
        file.fs == fs_kind::xfs)
        return std::optional<arch::write_guard>(std::in_place, file.mapping.invalidate_lock);
    return std::nullopt;
}

} // namespace

outcome file_write(kernel& k, inode& file, unsigned first, unsigned last) {
    const open_file held(file);
    if (!held)
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (!sb_start_write(k, *file.sb))
        return outcome::refused;
    if (const outcome recalled = xfs_break_leased_layouts_for_write(file); recalled != outcome::done)
        return recalled;
    const std::optional<arch::write_guard> faults = lock_out_faults(k, file);
    std::uint64_t page = first;
    outcome result = outcome::refused;
    while (page < last) {
        const std::uint64_t done =
            write_extent(k, file, page, last, faults ? invalidate_lock::held : invalidate_lock::free, result);
        if (done == 0)
            break;
        page += done;
    }
    return page != first ? outcome::done : result;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
