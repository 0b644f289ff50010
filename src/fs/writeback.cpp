/// fsync, as ext4, xfs and fuse do it for DAX: no lock of the filesystem is held over the pages (kernel facts 2.18).
#include "dax/writeback.hpp"
#include "fs/inode.hpp"
#include "fs/power_cut.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Is this the block of a page of the file whose data nobody is throwing away? What a write is still filling, reserved in the CoW fork, is not yet.
bool wanted(const inode& file, std::uint64_t owner, std::uint64_t block) {
    const std::uint64_t index = owner - block_owner::owner(file.mapping.number, 0);
    return index < file.max_pages && file.extents[index].peek() == block &&
           !(file.discard_first.get() <= index && index < file.discard_last.get());
}

/// I20: no block of the file has a store from before the fsync that no flush has covered. A page whose data is being thrown away
/// needs none; neither does a block that left the file meanwhile, which is why the owner is read on both sides.
void check_durable(const kernel& k, const inode& file, std::uint64_t fsync) {
    for (unsigned pfn = 0; pfn < k.mem.pages(); ++pfn) {
        const block_owner& block = k.mem.ledger(pfn).block;
        for (const auto& slot : block.owners) {
            const std::uint64_t generation = block.generation.get();
            const std::uint64_t owner = slot.get();
            const std::uint64_t since = block.dirty_since.get();
            if (since == 0 || since >= fsync || !wanted(file, owner, pfn))
                continue;
            if (slot.get() == owner && block.generation.get() == generation &&
                block.dirty_since.get() == since)
                arch::fail(invariant::I20, "fsync returned and a store from before it is not flushed",
                           "the page of the store was not written back");
        }
    }
}

} // namespace

void file_fsync_range(kernel& k, inode& file, std::uint64_t first, std::uint64_t last) {
    dax_writeback_mapping_range(k, file.mapping, first, last);
    arch::guard held(file.ilock); // the log is forced: every change of the extents so far is on disk
    file.log_pinned.set(false);
    for (unsigned page = 0; page < file.max_pages; ++page)
        file.blocks.commit(file.extents[page].get());
}

outcome file_writeback(kernel& k, inode& file, bool durable) {
    const open_file held(file);
    if (!held)
        return outcome::refused;
    const std::uint64_t fsync = k.fsync_count.add(1);
    file_fsync_range(k, file, 0, to_the_end);
    if (durable) {
        check_durable(k, file, fsync);
        promise_file(k, file, fsync);
    }
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
