/// Waiting until nobody uses the pages of a file. Mirrors fs/dax.c (dax_layout_busy_page_range, dax_break_layout, wait_page_idle), v6.15, and the loops
/// of ext4, xfs and fuse that did the same in v6.12.
///
/// Steps     unmap the range, then look at every entry: the first busy page is waited for and everything starts again, because
///           the filesystem's lock was dropped meanwhile; with none left the entries are deleted
/// Contract  the caller holds invalidate_lock exclusively; when this returns 0 it still does, and until it lets go the range has no
///           mapping, no busy page and (zero-based) no entry                                                             [I18]
/// Ordering  the page tables are cleared and flushed before the count is read, against GUP-fast's try-get then recheck (O6); the
///           idle wait is the waiter's half of O1
/// Checked   break-vs-*, two-breakers, evict-vs-pin
#pragma once

#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

enum class break_result : unsigned char { broken, interrupted, busy };

/// Called to sleep: drops the filesystem's lock, calls schedule(), takes the lock again.
using break_callback = void (*)(kernel& k, address_space& mapping);

/// The first busy page of [first, last) with no reference held: good only as a wait key and for reading its count. Null when none.
folio* dax_layout_busy_page_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last);

/// Interruptible. Without a callback it does not wait: `busy` when a page was.
break_result dax_break_layout(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                              break_callback callback);

/// A check, not a step: no thread relies on a page of the range. Otherwise `broken` is. A folio that another file shares may be held
/// through that one.
void check_nobody_holds(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                        invariant broken, const char* cause);

/// Uninterruptible, whole file, no lock to drop: the inode is being evicted.
void dax_break_layout_final(kernel& k, address_space& mapping);

} // namespace ARCH_MACHINE
} // namespace daxtorture
