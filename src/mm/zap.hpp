/// Unmapping: clear entries, flush, drop references, in that order. Mirrors mm/memory.c and mm/mmu_gather.c, v6.15.
///
/// Steps     under ptl: clear the PTE, remove its rmap (a dirty one only after a flush, still under ptl), queue the page;
///           after ptl: TLB flush, then the references of the whole batch                                            [I24]
/// So        mapcount drops first and refcount strictly later: a scanner in between sees the page busy and is woken by the put
/// Checked   break-vs-munmap, gup-vs-reuse; broken by the rule zap-order=put-then-flush
#pragma once

#include "mm/mm_struct.hpp"

#include <arch/machine.hpp>

#include <array>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct address_space;

/// Pages whose references wait for the flush (struct mmu_gather). finish() must be called before it goes out of scope.
///
/// Whoever finds an entry cleared by another gather must not rely on that gather's flush, which may be still to come: finish()
/// flushes whenever another gather of the same mm is under way.
class mmu_gather {
  public:
    mmu_gather(kernel& k, mm_struct& mm);
    /// `count` pages from `page` on are not translated any more.
    void note_cleared(std::uint64_t page, std::uint64_t count) {
        cleared_ = true;
        if (k_.tlbs.modelled()) [[unlikely]]
            widen(page, page + count);
    }
    /// Takes over the mapping's reference; the caller has just cleared `count` pages from `page` on.
    void add(folio& f, std::uint64_t page, std::uint64_t count);
    bool full() const { return count_ == batch; }
    void flush();         ///< invalidates the TLB now, keeps the references
    void flush_and_put(); ///< the batch is full: flushes and drops its references
    void finish();        ///< the same, at the end

  private:
    static constexpr unsigned batch = 64;
    /// What the oracle knows of a folio in the batch, where TLBs are modelled: which translation was cleared, and when [I24].
    struct cleared {
        std::uint64_t page, count, when;
    };

    void widen(std::uint64_t first, std::uint64_t last);
    void put(unsigned i);

    kernel& k_;
    mm_struct& mm_;
    bool cleared_ = false; ///< a translation was removed since the last flush
    unsigned count_ = 0;
    std::uint64_t first_ = 0; ///< what the next flush has to reach: everything, unless TLBs are modelled
    std::uint64_t last_ = everything;
    std::array<folio*, batch> folios_;
    std::array<cleared, batch> translations_;
    static constexpr std::uint64_t everything = ~std::uint64_t{0};
};

/// Private copies of file pages (even_cows in Linux): kept, or unmapped like everything else.
enum class private_copies : unsigned char { keep, unmap };

/// Clears the entries of [first, last) of the area. The caller holds mmap_lock, or i_mmap_rwsem of the area's file. Returns how many private
/// copies went.
unsigned zap_page_range(kernel& k, mmu_gather& gather, vm_area& area, std::uint64_t first, std::uint64_t last,
                        private_copies copies);

inline constexpr std::uint64_t to_the_end = ~std::uint64_t{0};

/// Unmaps file pages [first, last) from every VMA of the file, one gather per VMA. Returns how many private copies went.
unsigned unmap_mapping_pages(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                             private_copies copies = private_copies::keep);

} // namespace ARCH_MACHINE
} // namespace daxtorture
