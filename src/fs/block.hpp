/// The device's blocks: which are free, and who owns the others. A block number is a page frame number.
///
/// Here invariant I7 is checked: a block that is freed, and a block that is given out, must be idle and held by nobody. Giving one out starts a
/// new owner generation, which later accesses through old references are measured against, and so is what readers find in it [I33].
/// Last freed is first reused, so that a use after free meets its new owner soon.
#pragma once

#include "mm/kernel.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/plain.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class block_allocator {
  public:
    static constexpr std::uint64_t none = ~std::uint64_t{0};

    /// All blocks of the device are free at first.
    block_allocator(kernel& k, unsigned blocks, std::uint64_t first = 0);

    /// A free block, now owned by page `index` of file `file`; `none` when the device is full.
    std::uint64_t allocate(int file, std::uint64_t index);
    /// 2^order free blocks in a row, aligned, for pages from `index` on; the first of them, or `none`.
    std::uint64_t allocate_run(int file, std::uint64_t index, unsigned order);
    /// The block has data of its own from now on, other than any before. Returns their number [I34].
    std::uint32_t new_data(std::uint64_t block);
    /// Zeroes a block that was given out: what its earlier owner left is gone.
    void zero(std::uint64_t block);
    /// Page `index` of `file` shares the block from now on; false when it has as many owners as it can.
    bool share(std::uint64_t block, int file, std::uint64_t index);
    bool is_shared(std::uint64_t block) const;
    bool any_free() const;
    /// That page gives the block up. With its last owner it becomes free. `device_goes`: nobody is given it before its device has gone, for
    /// which it must be idle, and come back; so it need not be idle yet.
    void free(std::uint64_t block, int file, std::uint64_t index, bool device_goes = false);

    // For the oracle only:
    /// How many pages of files have a block, shared ones counted for each.
    unsigned peek_owned() const;
    /// The owner's page has another number now.
    void reindex(std::uint64_t block, int file, std::uint64_t from, std::uint64_t to);
    /// A file leads to the block from now on.
    void link(std::uint64_t block);
    /// What leads to the block is on disk. `none` is nothing to do.
    void commit(std::uint64_t block);

  private:
    void take(std::uint64_t block, int file, std::uint64_t index);
    /// May it be given out? By the rule `free-busy` some that are free may not.
    bool is_idle(std::uint64_t block) const;
    bool run_is_free(std::uint64_t first, std::uint64_t count) const;
    void remove_run(std::uint64_t first, std::uint64_t count);
    void check_idle(std::uint64_t block, const char* when) const;

    kernel& k_;
    const unsigned blocks_;
    const std::uint64_t first_; ///< the lowest block
    mutable arch::spinlock lock_;
    arch::plain<unsigned> free_count_{0};
    std::unique_ptr<arch::plain<std::uint64_t>[]> free_;
    std::unique_ptr<arch::plain<unsigned>[]> owners_; ///< how many pages of files refer to each block
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
