#include "fs/layouts.hpp"

#include "fs/lease.hpp"
#include "mm/unlocked.hpp"
#include "mm/zap.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

bool has_layout_break(const kernel& k, const inode& file) {
    return file.fs != fs_kind::ext2 || k.rules.ext2 == ext2_layouts::break_them;
}

void wait_dax_page(kernel& k, address_space& mapping) {
    if (k.rules.callback == break_lock::keep) {
        arch::schedule();
        return;
    }
    const write_unlocked dropped(mapping.invalidate_lock);
    arch::schedule();
}

outcome outcome_of(break_result result) {
    switch (result) {
    case break_result::interrupted:
        return outcome::interrupted;
    case break_result::busy:
        return outcome::busy;
    case break_result::broken:
        break;
    }
    return outcome::done;
}

outcome break_dax_layouts(kernel& k, inode& file, std::uint64_t first, std::uint64_t last, bool nowait) {
    if (!has_layout_break(k, file) || k.rules.truncates_break == truncate_break::no)
        return outcome::done;
    const bool whole = file.fs != fs_kind::fuse;
    const std::uint64_t colour = k.pmd_colour(); // the unit of fuse's ranges
    std::uint64_t end = last == to_the_end ? last : (last + colour) & ~colour;
    if (last == to_the_end && k.rules.fuse == fuse_range::page_0)
        end = colour + 1; // (0, 0) was meant to say everything, and says the first range
    return outcome_of(dax_break_layout(k, file.mapping, whole ? 0 : first & ~colour, whole ? to_the_end : end,
                                       nowait ? nullptr : wait_dax_page));
}

namespace {

/// xfs_break_leased_layouts: `drop` and `retake` are the caller's locks of the file. Says in `dropped` whether they were dropped.
template <class Drop, class Retake>
outcome xfs_break_leased_layouts(inode& file, bool& dropped, Drop drop, Retake retake) {
    while (file.leases != nullptr && file.leases->recall()) {
        const open_file kept(file);
        dropped = true;
        drop();
        const bool returned = file.leases->wait_for_return();
        retake();
        if (!returned)
            return outcome::interrupted;
    }
    return outcome::done;
}

} // namespace

outcome break_layouts(kernel& k, inode& file, std::uint64_t first, std::uint64_t last) {
    for (;;) {
        if (const outcome broken = break_dax_layouts(k, file, first, last); broken != outcome::done)
            return broken;
        bool dropped = false;
        const outcome recalled = xfs_break_leased_layouts(
            file, dropped,
            [&file] {
                file.mapping.invalidate_lock.up_write();
                file.i_rwsem.up_write();
            },
            [&file] {
                file.i_rwsem.down_write();
                file.mapping.invalidate_lock.down_write();
            });
        if (recalled != outcome::done || !dropped || k.rules.leases == lease_retry::none)
            return recalled;
    }
}

outcome xfs_break_leased_layouts_for_write(inode& file) {
    bool dropped = false;
    return xfs_break_leased_layouts(
        file, dropped, [&file] { file.i_rwsem.up_write(); }, [&file] { file.i_rwsem.down_write(); });
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
