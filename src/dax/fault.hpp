/// DAX page faults. Mirrors dax_iomap_fault and dax_insert_entry in fs/dax.c, v6.12 and v6.15 (kernel facts 2.1, 2.4, 2.7, 2.8).
///
/// Steps     lock the entry, ask the filesystem for the block, insert the entry, map the page, unlock the entry. The entry stays
///           locked over the mapping, so that a scanner who waits for it sees references and mapcounts that agree
/// Checked   fault-vs-fault, break-vs-refault, scan-vs-locked; broken by the rule fault-lock=until-inserted
#pragma once

#include "mm/address_space.hpp"
#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct dax_device;

/// Where a file page is, as the filesystem answers (struct iomap).
struct iomap {
    static constexpr std::uint64_t no_block = ~std::uint64_t{0};
    enum class kind : unsigned char {
        mapped,
        hole,
        beyond_eof,
        no_range ///< the device has no range to bind to the page now (EAGAIN)
    } type = kind::hole;
    std::uint64_t pfn = 0;
    std::uint64_t pages = 1; ///< length of the run that starts here, at most what was asked for
    bool dirty = false;      ///< IOMAP_F_DIRTY: what leads to the block is not on disk yet
    bool shared = false;     ///< IOMAP_F_SHARED: other files have the block, too; a write gets one of its own
    bool fresh = false;      ///< IOMAP_F_NEW: allocated by this request
    bool unwritten = false;  ///< allocated and not zeroed yet
    std::uint64_t source = no_block; ///< of a shared write: the block whose data `pfn` is to get (srcmap)
    dax_device* device = nullptr;    ///< that the block is on
};

/// What the fault asks its filesystem. `begin` looks at up to `pages` pages, and allocates blocks for a write into a hole.
struct iomap_ops {
    bool (*inside_eof)(void* host, std::uint64_t pgoff);
    iomap (*begin)(kernel& k, void* host, std::uint64_t pgoff, std::uint64_t pages, bool write);
    /// `written`: false when nothing came of it, so that the file stays as it was.
    void (*end)(kernel& k, void* host, std::uint64_t pgoff, bool write, const iomap& where, bool written);
};

/// The caller (the filesystem's fault handler) holds invalidate_lock shared. `needdsync`: nothing was mapped; the caller, still holding the
/// lock, goes on with dax_finish_sync_fault and `pfn`.
vm_fault_result dax_iomap_fault(kernel& k, vm_fault& fault, std::uint64_t& pfn, const iomap_ops& ops);

/// The same for the whole PMD range of the page (dax_iomap_pmd_fault, kernel facts 2.2). `fallback`: only a PTE will do, and the PMD entry of
/// the page tables is no leaf any more.
vm_fault_result dax_iomap_pmd_fault(kernel& k, vm_fault& fault, const iomap_ops& ops);

/// Maps one page of a locked entry. Zero-based, under a reference of its own, which the page table's outlives.
vm_fault_result dax_map_page(kernel& k, vm_fault& fault, folio& page);

} // namespace ARCH_MACHINE
} // namespace daxtorture
