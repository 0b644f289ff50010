/// The second half of a page fault through a MAP_SYNC mapping. Mirrors dax_finish_sync_fault and dax_insert_pfn_mkwrite in fs/dax.c, v6.12
/// and v6.15 (kernel facts 2.6).
///
/// Steps     the fault found metadata that is not on disk: it inserted its entry, mapped nothing and unlocked the entry (NEEDDSYNC).
///           Here the filesystem syncs the range; then the entry is looked up again, marked DIRTY, locked, and the page is mapped
///           writable
/// Contract  the caller holds invalidate_lock shared from before the first half until this returns. In between nothing else keeps the
///           block with the file: neither a page reference nor the entry lock; and nothing at all keeps its memory good
/// Checked   sync-fault, sync-fault-vs-truncate, sync-fault-vs-memory-failure; broken by the rules sync-fault-lock=drop and
///           sync-fault=map-at-once                                                                                  [I8, I20, I31]
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct dax_device;

/// The filesystem's fsync of pages [first, last) (vfs_fsync_range).
using fsync_range = void (*)(kernel& k, void* host, std::uint64_t first, std::uint64_t last);

vm_fault_result dax_finish_sync_fault(kernel& k, const dax_device& device, vm_fault& fault, std::uint64_t pfn,
                                      fsync_range fsync);

} // namespace ARCH_MACHINE
} // namespace daxtorture
