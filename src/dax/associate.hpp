/// Tying folios to the files whose entries refer to them. Mirrors dax_associate_entry and its kin in fs/dax.c, v6.12 and v6.15.
///
/// States    unassociated (mapping null) -> owned (mapping, index) -> unassociated; shared folios: dax/share.hpp       [I13]
/// Locks     the xa_lock of the entry's own file; a second file that shares the block works under its own
#pragma once

#include "dax/entry.hpp"
#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// `shared`: the filesystem says that other files have the block too; the folio may belong to one of them.
void dax_associate_entry(kernel& k, dax_entry entry, address_space& mapping, std::uint64_t index,
                         bool shared);
/// `trunc`: the entry goes away for good, so its page must be idle.
void dax_disassociate_entry(kernel& k, dax_entry entry, address_space& mapping, bool trunc);

/// The entry's folio when somebody but the page tables holds it, else null.
folio* dax_busy_page(kernel& k, dax_entry entry);

} // namespace ARCH_MACHINE
} // namespace daxtorture
