/// For the oracle: an operation on a file that fails or is interrupted has changed nothing [I34].
///
/// Locks     i_rwsem, held from the construction to the look. Who waits for a layout lease drops it, so a file with leases is not looked at;
///           faults may add blocks where there were none
/// Checked   break-interrupted and every operation that a busy page ends
#pragma once

#include "fs/inode.hpp"

#include <arch/check.hpp>
#include <arch/machine.hpp>

#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class all_or_nothing {
  public:
    explicit all_or_nothing(const inode& file) : file_(file), size_(file.i_size.peek()) {
        for (unsigned page = 0; page < file.max_pages; ++page)
            pages_.push_back(look(page));
    }

    /// Returns the operation's outcome, which is none of success.
    outcome failed(outcome result) const {
        if (file_.leases != nullptr || file_.has_dmaps())
            return result;
        bool same = file_.i_size.peek() == size_;
        for (unsigned page = 0; page < file_.max_pages; ++page)
            same &= !pages_[page].has_block || look(page) == pages_[page];
        if (!same)
            arch::fail(invariant::I34, "an operation that failed has changed its file",
                       "its size, or the data of a block that it had");
        return result;
    }

  private:
    struct page_state {
        bool has_block;
        std::uint32_t data;
        friend bool operator==(const page_state&, const page_state&) = default;
    };
    page_state look(unsigned page) const {
        return {file_.extents[page].peek() != block_allocator::none, file_.data[page].get()};
    }

    const inode& file_;
    const unsigned size_;
    std::vector<page_state> pages_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
