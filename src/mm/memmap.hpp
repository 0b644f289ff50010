/// The memory map of the device: its pages by frame number, and beside each what the oracle knows of it.
///
/// The ledger stands apart from the pages: struct page has no room for it, and it is about single pages, while a large folio has its
/// counts in its head.
#pragma once

#include "mm/dev_pagemap.hpp"
#include "mm/durability.hpp"
#include "mm/folio.hpp"

#include <arch/machine.hpp>
#include <arch/oracle.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Who owns the block behind a page, as the oracle sees it: one page of a file, or several that share it by reflink. `generation` counts
/// owners from free to free: an access made under an older generation hits somebody else's data [I7, I8].
struct block_owner {
    static constexpr unsigned most = 3;
    /// Pages of files, as owner() packs them; 0 is nobody.
    std::array<arch::oracle<std::uint64_t>, most> owners;
    arch::oracle<std::uint64_t> generation{0};
    /// kernel::fsync_count at the first user store that no flush has covered yet; 0 when there is none [I20].
    arch::oracle<std::uint64_t> dirty_since{0};
    /// Nothing on disk leads to the block yet: after a crash it is lost, whatever was flushed into it [I20].
    arch::oracle<bool> uncommitted{false};

    static constexpr std::uint64_t owner(int file, std::uint64_t index) {
        return (static_cast<std::uint64_t>(file) + 1) << 32 | index;
    }
    bool backs(int file, std::uint64_t index) const {
        for (const auto& one : owners)
            if (one.get() == owner(file, index))
                return true;
        return false;
    }
    bool shared() const {
        unsigned count = 0;
        for (const auto& one : owners)
            count += one.get() != 0;
        return count > 1;
    }
    bool is_owned() const {
        return std::any_of(owners.begin(), owners.end(), [](const auto& one) { return one.get() != 0; });
    }
    void replace(std::uint64_t from, std::uint64_t to);
};

/// What the oracle knows of one page. On a cache line of its own, as the page is. The two counts are the reference ledger: what threads hold
/// of the page, from the moment they may rely on it; a kernel without `ledger` leaves them at 0.
struct alignas(64) page_ledger {
    arch::oracle<int> pins{0};
    arch::oracle<int> gets{0};
    block_owner block;
    /// Which data the kernel has put there last, as kernel::new_data numbers them; 0: zeroes. Stores of users and devices keep it [I34].
    arch::oracle<std::uint32_t> data{0};
    arch::oracle<bool> removed{true};   ///< no device has brought the page, or it has been unbound
    arch::oracle<bool> metadata{false}; ///< holds the memory map of others: has no struct page
    arch::oracle<bool> failed{false};   ///< its memory is bad, and whoever mapped it has lost it [I31]

    bool held() const { return pins.get() + gets.get() != 0; }
};
/// A second line for each page, and no more.
static_assert(sizeof(page_ledger) == 64);

/// Who wrote to a page last: nobody since it was zeroed or copied, a program through a mapping, a device by DMA, the kernel for write().
enum class writer : std::uint32_t { nobody, user, device, kernel };

/// Folios by page frame number, which is also the block number.
class memmap {
  public:
    explicit memmap(unsigned pages);
    /// pfn_to_page, for who goes on to touch the page.
    folio& operator[](std::uint64_t pfn) {
        if (removed_pages_.get() != 0) [[unlikely]]
            check_present(pfn);
        return folios_[pfn];
    }
    /// For the oracle.
    const folio& operator[](std::uint64_t pfn) const { return folios_[pfn]; }
    std::uint64_t pfn(const folio& f) const { return static_cast<std::uint64_t>(&f - folios_.get()); }
    page_ledger& ledger(std::uint64_t pfn) { return ledgers_[pfn]; }
    const page_ledger& ledger(std::uint64_t pfn) const { return ledgers_[pfn]; }
    page_ledger& ledger(const folio& f) { return ledgers_[pfn(f)]; }
    const page_ledger& ledger(const folio& f) const { return ledgers_[pfn(f)]; }
    unsigned pages() const { return pages_; }
    /// The page stands alone, with that refcount, as a page of `device`: what it was before is forgotten.
    void init_page(std::uint64_t pfn, dev_pagemap& device, int refcount);
    /// The page's memory map is taken away.
    void remove_page(std::uint64_t pfn);
    /// The page is written from end to end, for whoever owns its block now: what an earlier owner left is gone. `at`, as everywhere: for traces.
    void store_whole(std::uint64_t pfn, writer by, arch::site at = arch::site::here());
    /// Part of the page is written: what is in the rest stays.
    void store_part(std::uint64_t pfn, writer by, arch::site at = arch::site::here());
    /// Reads the page. The caller hands the result to check_content when it has seen that it was right to.
    std::uint32_t load_content(std::uint64_t pfn, arch::site at = arch::site::here()) const;
    /// For the oracle: has anybody stored into it since its owner got it zeroed?
    bool is_stored_to(std::uint64_t pfn) const;
    /// For the oracle: has it been written as a whole for whoever owns its block now?
    bool is_owners(std::uint64_t pfn) const;
    /// Reports the data of an earlier owner of the block [I33].
    void check_content(std::uint64_t pfn, std::uint32_t seen, const char* reader) const;
    bool removed(std::uint64_t pfn) const { return removed_pages_.get() != 0 && ledgers_[pfn].removed.get(); }
    /// Reports whoever touches a page that was removed [I22].
    void check_present(std::uint64_t pfn) const;
    /// The global zero page: a frame number beyond the device that has no folio and is never counted [I27].
    std::uint64_t zero_page() const { return pages_; }
    /// The same for a whole PMD (the huge zero folio).
    std::uint64_t huge_zero_page() const { return pages_ + 1; }

    std::unique_ptr<durability> power; ///< null where nobody cuts the power

  private:
    unsigned pages_;
    std::unique_ptr<folio[]> folios_;
    std::unique_ptr<page_ledger[]> ledgers_;
    arch::oracle<unsigned> removed_pages_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
