/// Stores to private mappings: the page is copied into anonymous memory and the copy is mapped. Mirrors do_cow_fault, wp_page_copy and
/// finish_fault in mm/memory.c, v6.15 (kernel facts 2.5).
///
/// Steps     nothing mapped: the filesystem's fault copies the block under the entry lock, and the copy is mapped where still nothing is.
///           A read-only page mapped: copied without any lock of the file. Zero-based under a reference of its own, so that a scan finds the page
///           busy meanwhile; one-based through the page table, as a user would read it
/// So        a copy belongs to the process: breaking layouts leaves it alone [I30], munmap and truncation of the file do not
/// Checked   private-cow-vs-break, private-cow-vs-truncate; broken by the rule break-cows=unmap
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// do_cow_fault or do_wp_page, whichever the page table asks for. The caller holds mmap_lock.
vm_fault_result do_private_write(kernel& k, vm_fault& fault);

/// Reads the page of a block into a copy that nobody sees yet. The caller keeps the block with its file.
void copy_to_cow_page(kernel& k, const vm_fault& fault, std::uint64_t pfn);

/// finish_fault: maps the copy where still nothing is.
void map_cow_page(vm_fault& fault);

} // namespace ARCH_MACHINE
} // namespace daxtorture
