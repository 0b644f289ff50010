/// write() to a DAX file: dax_iomap_rw and dax_iomap_iter in fs/dax.c, v6.12 and v6.15, under the filesystem's inode lock (kernel facts 2.17).
///
/// The block is allocated, or replaced by a copy when it is shared, without invalidate_lock: faults run beside it. So what they cached
/// of the old state is invalidated once the new block is there, and a fault must ask for its block only under the entry lock.
#include "dax/writeback.hpp"
#include "fs/dmap.hpp"
#include "fs/layouts.hpp"
#include "fs/super.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

outcome file_write(kernel& k, inode& file, unsigned page) {
    const open_file held(file);
    if (!held)
        return outcome::refused;
    arch::write_guard io(file.i_rwsem);
    if (const outcome recalled = xfs_break_leased_layouts_for_write(file); recalled != outcome::done)
        return recalled;
    if (!file_iomap_ops.inside_eof(&file, page))
        return outcome::refused;
    iomap where = file_iomap_ops.begin(k, &file, page, 1, true);
    while (where.type == iomap::kind::no_range) {
        if (const outcome freed = alloc_dax_mapping_reclaim(k, file); freed != outcome::done)
            return freed;
        where = file_iomap_ops.begin(k, &file, page, 1, true);
    }
    if (where.type == iomap::kind::beyond_eof)
        return outcome::refused; // no space
    if (where.shared && k.rules.cow_cleans == cow_dirty::clear)
        dax_clear_dirty_range(k, file.mapping, page, page + 1);
    if (where.fresh || where.unwritten || where.shared)
        invalidate_range(k, file.mapping, page, page + 1);
    pmem_clear_poison(k, file.sb->device, where.pfn);
    k.mem.store_whole(where.pfn, writer::kernel); // past the caches, so durable
    if (!k.mem.ledger(where.pfn).block.backs(file.mapping.number, page))
        arch::fail(invariant::I7, "write() hit a block that its file does not own", "dax_iomap_iter");
    file_iomap_ops.end(k, &file, page, true, where, true);
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
