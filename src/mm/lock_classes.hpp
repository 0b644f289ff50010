/// The lock order of the modelled kernel, outermost first (kernel facts 0.5). arch::held_locks enforces it: invariant I29.
/// Locks of a file nest where two files are locked for a reflink: the lower number first.
#pragma once

#include <arch/lock.hpp>

namespace daxtorture::lock_classes {

inline constexpr arch::lock_class device{"device_lock", 2};
inline constexpr arch::lock_class s_umount{"s_umount", 5};
inline constexpr arch::lock_class i_rwsem{"i_rwsem", 10, true};
inline constexpr arch::lock_class mmap_lock{"mmap_lock", 20, true}; // of a parent, then of its child
inline constexpr arch::lock_class invalidate_lock{"invalidate_lock", 40, true};
// The DAX entry lock (DAX_LOCKED) stands here, between invalidate_lock and the filesystem's own lock.
inline constexpr arch::lock_class page_lock{"page lock", 50};
inline constexpr arch::lock_class ilock{"ilock", 60, true};
inline constexpr arch::lock_class block_alloc{"block_alloc_lock", 65};
inline constexpr arch::lock_class i_mmap_rwsem{"i_mmap_rwsem", 70};
inline constexpr arch::lock_class pud_lock{"pud lock", 76};
inline constexpr arch::lock_class pmd_lock{"pmd lock", 78};
inline constexpr arch::lock_class ptl{"ptl", 80, true}; // of a child, then of its parent
inline constexpr arch::lock_class xa_lock{"xa_lock", 90};
inline constexpr arch::lock_class page_pool{"page_pool_lock", 92};
inline constexpr arch::lock_class percpu_ref_switch{"percpu_ref_switch_lock", 95};
inline constexpr arch::lock_class share_lock{"share_lock", 96};
inline constexpr arch::lock_class flc_lock{"flc_lock", 97};
inline constexpr arch::lock_class cpu{"cpu", 98}; // no lock: a CPU inside an instruction
inline constexpr arch::lock_class wait_queue{"wait_queue lock", 100};

} // namespace daxtorture::lock_classes
