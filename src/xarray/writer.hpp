/// What the writing functions share: looks at the tree under xa_lock, and the removal of nodes. Internal to xarray.
///
/// Every store to head, slots, parents and marks is made under xa_lock. A load under it can therefore return one value only, the
/// newest, and no other thread can tell when it is made: peek() is that load, without a scheduling point to explore.
#pragma once

#include "xarray/xarray.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace xa_detail {

inline std::uint64_t held(const xa_node& node, unsigned offset) { return node.slot(offset).peek(); }
inline std::uint64_t held_head(const xarray& xa) { return xa.xa_head.peek(); }

/// After slots of the state's node became NULL: unlinks it and its ancestors as far as they are empty, and collapses the root.
void unlink_empty(xa_state& xas);

/// Adds to the counts of the state's node, and takes it out of the tree when that calls for it.
inline void change_counts(xa_state& xas, xa_node& node, int slots, int values) {
    if (slots == 0 && values == 0)
        return;
    const int count = node.count.get() + slots;
    node.count.set(static_cast<std::uint8_t>(count));
    node.nr_values.set(static_cast<std::uint8_t>(node.nr_values.get() + values));
    if (slots < 0 && (count == 0 || (count == 1 && node.parent.peek() == nullptr)))
        unlink_empty(xas);
}

/// Frees a subtree that is out of reach from the head; readers inside find RETRY.
void free_subtree(const xarray& xa, xa_node& top);

} // namespace xa_detail
} // namespace ARCH_MACHINE
} // namespace daxtorture
