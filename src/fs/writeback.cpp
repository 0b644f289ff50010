/// fsync, as ext4, xfs and fuse do it for DAX: no lock of the filesystem is held over the pages (kernel facts 2.18).
#include "dax/writeback.hpp"
#include "fs/inode.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {
namespace {

/// I20: no block of the file has a store from before the fsync that no flush has covered. A page whose data is being thrown away
/// needs none; neither does a block that left the file meanwhile, which is why the owner is read on both sides.
void check_durable(const kernel& k, const inode& file, std::uint64_t fsync) {
    for (unsigned pfn = 0; pfn < k.mem.pages(); ++pfn) {
        const block_owner& block = k.mem.ledger(pfn).block;
        const std::uint64_t generation = block.generation.get();
        const bool ours = block.file.get() == file.mapping.number;
        const std::uint64_t since = block.dirty_since.get();
        const std::uint64_t index = block.index.get();
        if (!ours || since == 0 || since >= fsync ||
            (file.discard_first.get() <= index && index < file.discard_last.get()))
            continue;
        if (block.file.get() == file.mapping.number && block.generation.get() == generation &&
            block.dirty_since.get() == since)
            arch::fail(20, "fsync returned and a store from before it is not flushed",
                       "the page of the store was not written back");
    }
}

} // namespace

outcome file_writeback(kernel& k, inode& file, bool durable) {
    const open_file held(file);
    if (!held)
        return outcome::refused;
    const std::uint64_t fsync = k.fsync_count.add(1);
    dax_writeback_mapping_range(k, file.mapping, 0, to_the_end);
    if (durable)
        check_durable(k, file, fsync);
    return outcome::done;
}

} // namespace daxtorture::inline ARCH_MACHINE
