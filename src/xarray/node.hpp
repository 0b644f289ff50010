/// A node of the tree: slots, marks and its place under its parent. Mirrors struct xa_node, v6.12 (fact X1).
///
/// States    free -> private to a writer -> in the tree -> taken out, readers may still be inside -> (grace period) -> free
/// Ordering  slots and parent   store release, load acquire: who finds a node sees it initialised
///           marks              relaxed: a lockless reader that sees a mark too early finds NULL in the slot and goes on (X13)
///           shift, offset      set before the node is linked in and by its grace period only: plain, so that a reader
///                              that outlives its grace period is a data race
///           count, nr_values   xa_lock
/// Layout    64 bytes on the host, then the slots: one cache line for what a walk needs besides the slot
#pragma once

#include "xarray/entry.hpp"

#include <arch/atomic.hpp>
#include <arch/plain.hpp>
#include <arch/rcu.hpp>

#include <cstddef>
#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class xa_node_pool;

inline constexpr unsigned xa_max_marks = 3;

using xa_slot = arch::atomic<std::uint64_t>;

/// Derives from rcu_head so that a grace period's callback finds its node.
struct alignas(64) xa_node : arch::rcu_head {
    explicit xa_node(xa_node_pool& owner) : pool(&owner) {}

    arch::plain<std::uint8_t> shift;                 ///< bits of the index below this node's
    arch::plain<std::uint8_t> offset;                ///< slot in the parent
    arch::plain<std::uint8_t> count;                 ///< slots that are not NULL, siblings included
    arch::plain<std::uint8_t> nr_values;             ///< slots that hold value entries or siblings of such
    arch::atomic<xa_node*> parent;                   ///< NULL at the root; links free nodes
    arch::atomic<std::uint64_t> marks[xa_max_marks]; ///< one bit per slot
    xa_node_pool* const pool;

    // The slots follow the node; the pool builds as many as the chunk shift says.
    xa_slot& slot(unsigned at) { return reinterpret_cast<xa_slot*>(this + 1)[at]; }
    const xa_slot& slot(unsigned at) const { return reinterpret_cast<const xa_slot*>(this + 1)[at]; }
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
