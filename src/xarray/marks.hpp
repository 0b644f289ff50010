/// Marks inside a node. Internal to xarray.
#pragma once

#include "xarray/xarray.hpp"

#include <bit>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace xa_detail {

/// The marks of the slots that the state's siblings take go to its canonical slot: an entry has one set of marks.
void squash_marks(const xa_state& xas);

/// The first slot at or after `from` that has the mark; chunk_size when there is none.
inline unsigned next_marked_slot(const xarray& xa, const xa_node& node, unsigned from, xa_mark_t mark) {
    if (from >= xa.chunk_size())
        return xa.chunk_size();
    // relaxed: see marks.cpp
    const std::uint64_t marks = node.marks[mark].load(arch::order::relaxed) >> from;
    return marks == 0 ? xa.chunk_size() : from + static_cast<unsigned>(std::countr_zero(marks));
}

} // namespace xa_detail
} // namespace ARCH_MACHINE
} // namespace daxtorture
