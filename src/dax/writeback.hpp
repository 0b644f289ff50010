/// Writing dirty pages back: making the stores of all processes durable. Mirrors dax_writeback_mapping_range and dax_writeback_one in
/// fs/dax.c, v6.12 and v6.15 (kernel facts 2.18).
///
/// States    DIRTY (stores possible) -> DIRTY + TOWRITE (chosen by this pass) -> DIRTY, locked -> clean, every mapping read-only
/// Locks     no invalidate_lock: the entry lock keeps faults and truncation away from the page while it is flushed
/// Contract  DIRTY is cleared last: whoever finds it clear finds the page flushed, and no store since that set no mark [I19, I20]
/// Checked   writeback-vs-*, two-fsyncs; broken by the rules writeback-locked=skip,
///           writeback-towrite=at-lock, writeback-mkclean=no, writeback-clear=before-flush
#pragma once

#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// WB_SYNC_ALL over file pages [first, last). The caller keeps the inode from being evicted, and holds no lock.
void dax_writeback_mapping_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last);

/// The entries of [first, last) have nothing to write any more: write() replaces their shared blocks, and invalidation refuses an entry with a
/// mark (__dax_clear_dirty_range, v6.15).
void dax_clear_dirty_range(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last);

} // namespace ARCH_MACHINE
} // namespace daxtorture
