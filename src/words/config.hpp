/// What a world is built from: files, address spaces, geometry and the protocol's rules. Machine-neutral, std only.
#pragma once

#include "arch/target/target.hpp"
#include "protocol/rules.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// What a file is on; the second half are devices of their own, whose pages are not a file's.
enum class fs_kind : std::uint8_t { ext4, xfs, fuse, ext2, devdax, private_pages, coherent, p2pdma };
constexpr bool is_device(fs_kind kind) { return kind >= fs_kind::devdax; }

/// How large the pages of a devdax device are, which is how it is aligned and mapped.
enum class page_align : std::uint8_t { pte, pmd, pud };

struct file_config {
    std::string name;
    fs_kind fs = fs_kind::xfs;
    unsigned pages = 1; ///< size and allocated blocks at the start, in pages
    bool huge = false;  ///< blocks come in aligned runs of a PMD's size where the file is long enough
    /// fuse: its data is elsewhere (virtiofs), and the device a pool of ranges that faults bind to its pages, one page or PMD each.
    bool dmap = false;
    page_align align = page_align::pte; ///< of a devdax device

    friend bool operator==(const file_config&, const file_config&) = default;
};

struct area_config {
    unsigned file = 0;       ///< index into files
    unsigned first_page = 0; ///< file range mapped, in pages, end exclusive
    unsigned last_page = 0;
    unsigned at = 0; ///< virtual page number of the first page
    bool shared = true;
    bool writable = true;
    bool sync = false;               ///< MAP_SYNC
    std::optional<unsigned> or_at{}; ///< a second place: mremap moves the area there and back

    unsigned pages() const { return last_page - first_page; }
    /// Is the virtual page at one of its places?
    bool covers(unsigned page) const { return page - at < pages() || (or_at && page - *or_at < pages()); }
    friend bool operator==(const area_config&, const area_config&) = default;
};

struct mm_config {
    std::string name;
    std::vector<area_config> areas;

    friend bool operator==(const mm_config&, const mm_config&) = default;
};

struct geometry {
    unsigned wait_buckets = 256; ///< queues of the bit-wait and DAX entry wait tables
    unsigned chunk_shift = 6;    ///< XArray node size, log2
    unsigned pmd_order = 9;      ///< pages under a PMD entry, log2; 0: page tables have no PMD level
    unsigned pud_order = 0;      ///< pages under a PUD entry, log2; 0: page tables have no PUD level
    unsigned tlb_entries = 0;    ///< that each worker's TLB keeps; 0: no translation outlives its access
    static geometry tiny() { return {2, 2, 0}; }
    static geometry real() { return {256, 6, 9}; }
    unsigned order_of(page_align align) const {
        return align == page_align::pud ? pud_order : align == page_align::pmd ? pmd_order : 0;
    }

    friend bool operator==(const geometry&, const geometry&) = default;
};

struct world_config {
    protocol rules;
    target machine; ///< the modelled architecture; its name is empty for none in particular
    geometry shape = geometry::tiny();
    std::vector<file_config> files;
    std::vector<mm_config> mms;
    unsigned altmap_pages =
        0; ///< the first pages of pmem0, which hold its memory map (vmem_altmap) and no blocks
    unsigned spare_blocks = 0; ///< free blocks beyond those the files own at the start
    unsigned workers = 1;      ///< threads that perform operations
    bool unbinds = false;      ///< an operation concerns a device: its being there is looked at
    bool leases = false;       ///< an operation concerns layout leases: they are looked at
    bool power_cuts = false;   ///< an operation cuts the power: what the media has is kept
    bool reflinks = true;      ///< blocks may be remapped: write faults look whether they are
    bool ledger = true; ///< the oracle counts who holds each page: the checks in `ledger_checks` need it

    friend bool operator==(const world_config&, const world_config&) = default;
};

/// The device that all files of a world live on.
inline constexpr std::string_view pmem_name = "pmem0";
/// Its pages.
constexpr unsigned pmem_pages(const world_config& world) {
    unsigned pages = world.altmap_pages + world.spare_blocks;
    for (const file_config& file : world.files)
        pages += is_device(file.fs) || file.dmap ? 0 : file.pages;
    // Runs start at multiples of their size: room for the gap before each huge file
    for (const file_config& file : world.files)
        pages += file.huge ? (1u << world.shape.pmd_order) - 1 : 0;
    return pages;
}

/// Device operands count from 0: pmem0, then the files that are devices, in their order.
inline std::vector<std::string_view> device_names(const world_config& world) {
    std::vector<std::string_view> names{pmem_name};
    for (const file_config& file : world.files)
        if (is_device(file.fs))
            names.push_back(file.name);
    return names;
}

} // namespace daxtorture
