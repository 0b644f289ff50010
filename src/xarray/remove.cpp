/// Taking nodes out of the tree: empty ones, a root that holds index 0 only, and whole subtrees (facts X7, X16).
///
/// Readers may be inside. An emptied node reads as NULL everywhere, which is the truth; a node whose entries live on or are replaced
/// elsewhere leaves RETRY, which sends the reader back to the head. Nodes are reused after a grace period.
/// Ordering  what replaces a node in the tree is stored with release before RETRY is, so who restarts finds it
#include "xarray/writer.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// A root with an entry in slot 0 only gives way to that entry, as long as the head can stand for it: a node, or an order-0 entry.
void collapse_root(xa_state& xas, xa_node* root) {
    xarray& xa = *xas.xa;
    for (;;) {
        const std::uint64_t entry = xa_detail::held(*root, 0);
        if (root->count.get() != 1 || entry == 0 || (!xa_is_node(entry) && root->shift.get() != 0))
            return;
        xas.xa_node = xas_bounds;
        xa.xa_head.store(entry, order::release); // a lockless reader may meet the entry here first
        root->count.set(0);
        root->nr_values.set(0);
        const bool more = xa_is_node(entry);
        if (!more)
            root->slot(0).store(xa_retry_entry, order::release); // the head comes first
        xa_node* const child = more ? xa_to_node(entry) : nullptr;
        if (more)
            child->parent.store(nullptr, order::release); // a reader that climbs ends here
        xa.pool().free_rcu(*root);
        if (!more)
            return;
        root = child;
    }
}

} // namespace

void xa_detail::unlink_empty(xa_state& xas) {
    xa_node* node = xas.xa_node;
    while (node->count.get() == 0) {
        xa_node* const parent = node->parent.peek();
        const unsigned offset = node->offset.get();
        xas.xa_node = parent;
        xas.xa_offset = static_cast<std::uint8_t>(offset);
        xa_slot& link = parent != nullptr ? parent->slot(offset) : xas.xa->xa_head;
        link.store(0, order::release); // nothing to publish: the kernel's order
        xas.xa->pool().free_rcu(*node);
        if (parent == nullptr) {
            xas.xa_node = xas_bounds;
            return;
        }
        parent->count.set(static_cast<std::uint8_t>(parent->count.get() - 1));
        node = parent;
    }
    if (node->parent.peek() == nullptr)
        collapse_root(xas, node);
}

void xa_detail::free_subtree(const xarray& xa, xa_node& top) {
    xa_node* node = &top;
    unsigned offset = 0;
    for (;;) {
        if (offset == xa.chunk_size()) {
            xa_node* const parent = node->parent.peek();
            offset = node->offset.get() + 1U;
            node->count.set(0);
            node->nr_values.set(0);
            node->pool->free_rcu(*node);
            if (node == &top)
                return;
            node = parent;
            continue;
        }
        const std::uint64_t entry = held(*node, offset);
        if (xa_is_node(entry) && node->shift.get() != 0) {
            node = xa_to_node(entry);
            offset = 0;
            continue;
        }
        if (entry != 0)
            node->slot(offset).store(xa_retry_entry,
                                     order::release); // after the entry that replaces the subtree
        ++offset;
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
