/// Folios that several files refer to, through blocks that reflink made them share. Mirrors dax_folio_is_shared, dax_folio_make_shared and
/// dax_folio_put in fs/dax.c, v6.15, and dax_page_share_get and dax_page_share_put, v6.12 (kernel facts 2.8, B6, C3, C4).
///
/// States    owned (mapping, index) -> shared(n) (no mapping; the index word counts entries) -> shared(1) -> unassociated. A shared folio never
///           becomes owned again                                                                                     [I13]
/// Locks     each file works under its own xa_lock, so nothing orders two files that share a folio: the rule `share-update`, and
///           docs/findings/reflink-share-count-race.md
/// Checked   reflink-*; broken by the rules share-update=plain and share-reset=large-only
#pragma once

#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// What `mapping` of a shared folio is: nothing, or one-based a mark that is no address (PAGE_MAPPING_DAX_SHARED).
address_space* shared_mark(const kernel& k);

bool dax_folio_is_shared(const kernel& k, const folio& f);

/// For checks: do other entries than the caller's refer to the folio?
bool shared_with_others(const kernel& k, const folio& f);

/// One more entry refers to a folio that one or more refer to already. The caller holds its own file's xa_lock.
void dax_folio_share_get(kernel& k, folio& f);

/// One entry less; the last one makes the folio unassociated. Returns how many are left.
std::uint64_t dax_folio_put(kernel& k, folio& f);

/// Serialises two files' changes of one folio, where the protocol does.
class share_guard {
  public:
    explicit share_guard(kernel& k);
    ~share_guard();
    share_guard(const share_guard&) = delete;
    share_guard& operator=(const share_guard&) = delete;

  private:
    kernel& k_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
