/// DAX entries: what i_pages stores. Mirrors the value encoding at the top of fs/dax.c, v6.15 (fact X3).
///
/// A value entry: bit 0 LOCKED, bit 1 PMD, bit 2 ZERO_PAGE, bit 3 EMPTY, then the page frame number. A zero or empty entry's frame
/// number must never be turned into a folio [I27].
#pragma once

#include "mm/kernel.hpp"
#include "xarray/xarray.hpp"

#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class dax_entry {
  public:
    static constexpr std::uint64_t locked_bit = 1, pmd_bit = 2, zero_bit = 4, empty_bit = 8;
    static constexpr unsigned pfn_shift = 4;

    constexpr explicit dax_entry(std::uint64_t xa_entry) : value_(xa_to_value(xa_entry)) {}
    static constexpr dax_entry make(std::uint64_t pfn, std::uint64_t flags) {
        return dax_entry(xa_mk_value((pfn << pfn_shift) | flags));
    }

    constexpr std::uint64_t store_form() const { return xa_mk_value(value_); }
    constexpr bool locked() const { return (value_ & locked_bit) != 0; }
    constexpr bool pmd() const { return (value_ & pmd_bit) != 0; }
    constexpr bool zero_page() const { return (value_ & zero_bit) != 0; }
    constexpr bool empty() const { return (value_ & empty_bit) != 0; }
    constexpr std::uint64_t pfn() const { return value_ >> pfn_shift; }
    /// Has a folio behind it.
    constexpr bool has_folio() const { return !zero_page() && !empty(); }

    constexpr dax_entry with_lock() const { return dax_entry(xa_mk_value(value_ | locked_bit)); }
    constexpr dax_entry without_lock() const { return dax_entry(xa_mk_value(value_ & ~locked_bit)); }

  private:
    std::uint64_t value_;
};

/// The order and the size in pages of what an entry stands for.
inline unsigned dax_entry_order(const kernel& k, dax_entry entry) { return entry.pmd() ? k.pmd_order : 0; }
inline std::uint64_t dax_entry_pages(const kernel& k, dax_entry entry) {
    return std::uint64_t{1} << dax_entry_order(k, entry);
}

/// XArray marks of i_pages.
inline constexpr unsigned pagecache_tag_dirty = 0;
inline constexpr unsigned pagecache_tag_writeback = 1;
inline constexpr unsigned pagecache_tag_towrite = 2;

} // namespace ARCH_MACHINE
} // namespace daxtorture
