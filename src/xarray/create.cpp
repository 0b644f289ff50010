/// Growing the tree: roots on top until an index fits, nodes on the way down to it (fact X12).
///
/// Ordering  a node is complete before the slot or head that names it is stored with release
#include "xarray/writer.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// A node for the state's position, which becomes its parent; nullptr and -ENOMEM in the state when there is none.
xa_node* alloc_node(xa_state& xas, unsigned shift) {
    if (xas_invalid(xas))
        return nullptr;
    xa_node* const parent = xas.xa_node;
    xa_node* node = xas.xa_alloc;
    if (node != nullptr)
        xas.xa_alloc = nullptr;
    else
        node = xas.xa->pool().alloc();
    if (node == nullptr) {
        xas_set_err(xas, -xa_enomem);
        return nullptr;
    }
    if (parent != nullptr)
        parent->count.set(static_cast<std::uint8_t>(parent->count.get() + 1));
    node->offset.set(parent != nullptr ? xas.xa_offset : std::uint8_t{0});
    node->shift.set(static_cast<std::uint8_t>(shift));
    node->count.set(0);
    node->nr_values.set(0);
    node->parent.store(parent, order::relaxed); // published with the node
    return node;
}

/// The largest index that the tree must reach for the state. An entry as large as everything below a root needs the root above
/// it, whose slot 0 it then is: one more than its last index.
std::uint64_t last_index_needed(const xa_state& xas) {
    const std::uint64_t within = ((std::uint64_t{xas.xa_sibs} + 1) << xas.xa_shift) - 1;
    const std::uint64_t last = xas.xa_index | within;
    return within != 0 && last == within ? last + 1 : last;
}

/// Puts roots on top of the head until the state's range fits. Returns how many bits of the index lie below the head: 0 when the head
/// itself is the slot, negative without memory.
int expand(xa_state& xas) {
    xarray& xa = *xas.xa;
    std::uint64_t head = xa_detail::held_head(xa);
    const std::uint64_t last = last_index_needed(xas);
    unsigned shift = 0;
    if (head == 0) {
        if (last == 0)
            return 0;
        while (last >> shift >= xa.chunk_size())
            shift += xa.chunk_shift();
        return static_cast<int>(shift + xa.chunk_shift());
    }
    xa_node* root = nullptr;
    if (xa_is_node(head)) {
        root = xa_to_node(head);
        shift = root->shift.get() + xa.chunk_shift();
    }
    while (last > xa_detail::max_index(xa, head)) {
        xas.xa_node = nullptr;
        xa_node* const above = alloc_node(xas, shift);
        if (above == nullptr)
            return -1;
        above->count.set(1);
        above->nr_values.set(xa_is_value(head) ? 1 : 0);
        above->slot(0).store(head, order::relaxed); // published with the node, as its marks
        for (xa_mark_t mark = 0; mark < xa_max_marks; ++mark) {
            if ((xa.xa_mark_flags.peek() >> mark & 1) != 0)
                above->marks[mark].store(1, order::relaxed);
        }
        if (root != nullptr)
            root->parent.store(above, order::release); // a reader that climbs finds it complete
        root = above;
        head = xa_mk_node(above);
        xa.xa_head.store(head, order::release);
        shift += xa.chunk_shift();
    }
    xas.xa_node = root;
    return static_cast<int>(shift);
}

} // namespace

std::uint64_t xas_create(xa_state& xas, bool allow_root) {
    xarray& xa = *xas.xa;
    unsigned shift = 0;
    std::uint64_t entry = 0;
    xa_slot* slot = &xa.xa_head;
    if (xa_detail::is_top(xas.xa_node)) {
        xas.xa_node = nullptr;
        const int below = expand(xas);
        if (below < 0)
            return 0;
        shift = below == 0 && !allow_root ? xa.chunk_shift() : static_cast<unsigned>(below);
        entry = xa_detail::held_head(xa);
    } else if (xas_error(xas) != 0) {
        return 0;
    } else {
        shift = xas.xa_node->shift.get();
        slot = &xas.xa_node->slot(xas.xa_offset);
        entry = slot->peek();
    }
    while (shift > xas.xa_shift) {
        shift -= xa.chunk_shift();
        xa_node* node = nullptr;
        if (entry == 0) {
            node = alloc_node(xas, shift);
            if (node == nullptr)
                break;
            slot->store(xa_mk_node(node), order::release); // the node is complete
        } else if (xa_is_node(entry)) {
            node = xa_to_node(entry);
        } else {
            break; // a larger entry covers the range: it is the one to replace (X6)
        }
        entry = xa_detail::descend(xas, *node);
        slot = &node->slot(xas.xa_offset);
    }
    return entry;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
