/// Removing entries. Mirrors the deletion half of fs/dax.c and the DAX branches of mm/truncate.c, v6.12 and v6.15.
#pragma once

#include "mm/address_space.hpp"
#include "mm/kernel.hpp"
#include "mm/zap.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

enum class delete_what : unsigned char { all, clean };

/// Deletes every entry of [first, last), or every one that is not DIRTY, waiting for locked ones; wakes all their waiters. The caller
/// holds invalidate_lock exclusively or is the last user.
void dax_delete_mapping_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                              delete_what which = delete_what::all);

enum class invalidate_what : unsigned char { clean, clean_and_idle };

/// Deletes the entry of one page unless it is marked DIRTY or TOWRITE, or is held; false when nothing was deleted. The caller need not
/// hold invalidate_lock: page tables may still map the page, and faults may come at any time.
bool dax_invalidate_mapping_entry_sync(kernel& k, address_space& mapping, std::uint64_t index,
                                       invalidate_what which);

/// invalidate_inode_pages2_range: invalidates the entries of [first, last) one by one, then unmaps the range. False when a dirty
/// entry stayed.
bool invalidate_inode_pages2_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                                   invalidate_what which);

/// truncate_pagecache_range: unmaps, then deletes the entries that are left. Zero-based, breaking layouts must have left none. A new file size
/// (truncate_pagecache) takes private copies with it, a hole does not.
void truncate_pagecache(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                        private_copies copies = private_copies::keep);

} // namespace ARCH_MACHINE
} // namespace daxtorture
