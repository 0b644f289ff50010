/// Holes as they were cached before v4.14: a page of zeroes in i_pages, with a page's lock instead of an entry's. Mirrors get_unlocked_mapping_entry,
/// put_locked_mapping_entry and dax_load_hole in fs/dax.c and page_cache_tree_insert in mm/filemap.c, v4.10 (rule `hole-entry`).
///
/// Encoding  a zero entry that is never locked stands for the page; its lock is address_space::hole_pages
/// Hand-over who locked the EMPTY entry puts the page in its place: whoever waits for the entry must be woken, all of them, for those who
///           come after it wait for the page and wake nobody on the entry's queue
/// Checked   holes-as-pages; broken by the rule hole-entry=page-wake-next                                              [I17]
#pragma once

#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Is this entry such a page?
bool is_hole_page(const address_space& mapping, std::uint64_t entry);
/// Without xa_lock: lock_page, then false when the page is in the file no more.
bool lock_hole_page(address_space& mapping, xa_state& xas, std::uint64_t entry);
void unlock_hole_page(address_space& mapping, std::uint64_t index);
/// find_or_create_page: the page, locked, takes the place of an entry that the caller has locked. Returns it.
std::uint64_t insert_hole_page(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry);

} // namespace ARCH_MACHINE
} // namespace daxtorture
