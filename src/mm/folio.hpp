/// One ZONE_DEVICE folio and the array of them. Mirrors struct folio, include/linux/mm.h and mm/memremap.c, v6.12 and v6.15.
///
/// States    idle -> mapped(n) -> mapped and pinned(n + k) -> idle; idle is refcount 0 or 1 by the rule `idle`      [I2, I3]
/// Ordering  folio_try_get  full on success, relaxed on failure (atomic_add_unless)
///           folio_get      relaxed: the caller already owns a reference or the entry lock
///           folio_put      full: atomic_sub_and_test. What a user did before its put is visible to whoever sees the count
///                          reach idle and then takes the queue lock or any lock after it
///           folio_ref_count, folio_mapcount  relaxed, as READ_ONCE
/// Blocking  never; waiting is dax/layout_break's business
/// Checked   break-vs-pin, break-vs-munmap, gup-vs-reuse
#pragma once

#include <arch/atomic.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture::inline ARCH_MACHINE {

struct kernel;
struct address_space;

/// A pin of an order-0 folio weighs this much in refcount (GUP_PIN_COUNTING_BIAS).
inline constexpr int pin_bias = 1024;

/// Who owns the block behind a page, as the oracle sees it. `generation` counts owners: an access made under an older
/// generation hits somebody else's data [I7, I8].
struct block_owner {
    static constexpr int nobody = -1;
    arch::oracle<int> file{nobody};
    arch::oracle<std::uint32_t> index{0}; ///< page of the file
    arch::oracle<std::uint64_t> generation{0};
    /// kernel::fsync_count at the first user store that no flush has covered yet; 0 when there is none [I20].
    arch::oracle<std::uint64_t> dirty_since{0};
};

struct alignas(64) folio {
    arch::atomic<int> refcount{0};
    arch::atomic<int> mapcount{0};
    arch::atomic<address_space*> mapping{nullptr};
    /// Page index in `mapping`; when `mapping` is null, the number of entries that share the folio.
    arch::atomic<std::uint64_t> index_or_share{0};

    // The oracle's ledger: what threads hold, from the moment they may rely on it.
    arch::oracle<int> pins{0};
    arch::oracle<int> gets{0};
    block_owner block;
    /// What is stored in the block: written by users and devices, so that an access is a step of its own.
    arch::atomic<std::uint32_t> contents{0};
};
/// One cache line, as in Linux, on the machine whose atomics are plain words.
static_assert(sizeof(arch::atomic<int>) != sizeof(int) || sizeof(folio) == 64);

/// The memory map of the device: folios by page frame number, which is also the block number.
class memmap {
  public:
    memmap(unsigned pages, int idle_count);
    folio& operator[](std::uint64_t pfn) { return folios_[pfn]; }
    const folio& operator[](std::uint64_t pfn) const { return folios_[pfn]; }
    std::uint64_t pfn(const folio& f) const { return static_cast<std::uint64_t>(&f - folios_.get()); }
    unsigned pages() const { return pages_; }
    /// The global zero page: a frame number beyond the device that has no folio and is never counted [I27].
    std::uint64_t zero_page() const { return pages_; }

  private:
    unsigned pages_;
    std::unique_ptr<folio[]> folios_;
};

int folio_ref_count(const folio& f, arch::site at = arch::site::here());
int folio_mapcount(const folio& f, arch::site at = arch::site::here());

/// Takes `refs` more references; the caller owns one, or owns the page through its locked entry.
void folio_get(folio& f, int refs = 1);
/// Takes `refs` references unless refcount is 0. One-based pages are never at 0: there it succeeds on an idle page too.
bool folio_try_get(folio& f, int refs = 1);
/// Drops `refs` references. The drop that makes the page idle frees it to its filesystem and wakes the idle waiters.
void folio_put(kernel& k, folio& f, int refs = 1);
/// The wake-up of whoever waits for the page to become idle (mm/memremap.c; put_devmap_managed_folio_refs when one-based).
void free_zone_device_folio(kernel& k, folio& f);

} // namespace daxtorture::inline ARCH_MACHINE
