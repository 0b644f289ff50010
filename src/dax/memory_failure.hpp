/// Memory failure and removal: taking pages away from the processes that map them. Mirrors dax_lock_folio and dax_lock_mapping_entry in
/// fs/dax.c and mf_generic_kill_procs, mf_dax_kill_procs in mm/memory-failure.c, v6.15 (kernel facts 2.19).
///
/// Locking   from a page to its entry: nothing keeps the file alive but RCU, so the mapping is read once, its xa_lock taken, the mapping
///           compared again. A locked entry is waited for outside RCU, not exclusively (nobody after it depends on this waiter), and
///           afterwards the old mapping is not touched: it may be freed
/// Checked   memory-failure-vs-*; broken by the rules mf-recheck, mf-wait, mf-sleep
#pragma once

#include "dax/device.hpp"
#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// memory_failure_dev_pagemap: one page of the device is bad. Its holder hears of it; without one, whoever maps it loses the page.
enum class mf_result : unsigned char { handled, no_file, no_device, shut_down };
mf_result memory_failure(kernel& k, dax_device& device, std::uint64_t pfn);

/// Unmaps file pages [first, last) from every process, each under its entry's lock. Pages without a folio are left alone.
void mf_dax_kill_procs(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last);

} // namespace ARCH_MACHINE
} // namespace daxtorture
