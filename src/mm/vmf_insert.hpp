/// Putting a DAX page into a page table. Mirrors vmf_insert_page_mkwrite and insert_page in mm/memory.c, v6.15, and
/// vmf_insert_mixed of the one-based protocol.
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Maps `page` at the faulting page; the counts are its folio's. The caller holds a reference of its own. Under ptl: an empty entry gets the page, with a reference and a
/// mapcount where page tables hold them; a read-only entry of the same page is made writable by a write fault; else nothing.
void vmf_insert_page_mkwrite(kernel& k, vm_fault& fault, folio& page);

/// Maps the zero page read-only: special, no reference, no mapcount [I27].
void vmf_insert_zero_page(kernel& k, vm_fault& fault);

} // namespace ARCH_MACHINE
} // namespace daxtorture
