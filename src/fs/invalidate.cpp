/// Invalidation of cached entries: a write into a hole (ext4, xfs) or an open without FOPEN_KEEP_CACHE (fuse). Kernel facts 2.17.
#include "dax/truncate.hpp"
#include "fs/inode.hpp"
#include "mm/zap.hpp"

#include <algorithm>
#include <optional>

namespace daxtorture {
inline namespace ARCH_MACHINE {

bool invalidate_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                      invalidate_lock lock, busy_entry busy) {
    if (k.rules.invalidation == invalidate_mode::beside_faults)
        return invalidate_inode_pages2_range(k, mapping, first, last, invalidate_what::clean);
    std::optional<arch::write_guard> faults;
    if (lock == invalidate_lock::free)
        faults.emplace(mapping.invalidate_lock);
    // Whole entries go, so nothing of them may stay mapped; from here on nobody takes new references
    unmap_mapping_pages(k, mapping, first & ~k.pmd_colour(), ((last - 1) | k.pmd_colour()) + 1);
    return invalidate_inode_pages2_range(k, mapping, first, last,
                                         busy == busy_entry::stays ? invalidate_what::clean_and_idle
                                                                   : invalidate_what::clean);
}

outcome file_invalidate(kernel& k, inode& file, unsigned from, unsigned to) {
    // Whole entries: what a filesystem has just written or allocated covers them
    const auto colour = static_cast<unsigned>(k.pmd_colour());
    const unsigned first = from & ~colour;
    const unsigned last = std::min((to + colour) & ~colour, std::max(to, file.max_pages));
    const open_file held(file);
    if (!held)
        return outcome::refused;
    const auto invalidate = [&] {
        return invalidate_range(k, file.mapping, first, last) ? outcome::done : outcome::busy;
    };
    if (file.fs == fs_kind::fuse)
        return invalidate(); // no lock at all: faults, truncation and other invalidations run beside it
    arch::write_guard io(file.i_rwsem);
    return invalidate();
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
