/// DAX page faults. Mirrors dax_iomap_fault and dax_insert_entry in fs/dax.c, v6.12 and v6.15 (kernel facts 2.1, 2.4, 2.7, 2.8).
///
/// Steps     lock the entry, ask the filesystem for the block, insert the entry, map the page, unlock the entry. The entry stays
///           locked over the mapping, so that a scanner who waits for it sees references and mapcounts that agree
/// Checked   fault-vs-fault, break-vs-refault, scan-vs-locked; broken by the rule fault-lock=until-inserted
#pragma once

#include "mm/address_space.hpp"
#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture::inline ARCH_MACHINE {

/// Where a file page is, as the filesystem answers (struct iomap).
struct iomap {
    enum class kind : unsigned char { mapped, hole, beyond_eof } type = kind::hole;
    std::uint64_t pfn = 0;
};

/// What the fault asks its filesystem. `begin` allocates a block for a write into a hole.
struct iomap_ops {
    bool (*inside_eof)(void* host, std::uint64_t pgoff);
    iomap (*begin)(kernel& k, void* host, std::uint64_t pgoff, bool write);
};

/// The caller (the filesystem's fault handler) holds invalidate_lock shared.
vm_fault_result dax_iomap_fault(kernel& k, vm_fault& fault, const iomap_ops& ops);

} // namespace daxtorture::inline ARCH_MACHINE
