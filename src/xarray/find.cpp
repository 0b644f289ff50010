/// Iteration: the next entry, the next marked entry, pausing (facts X10, X13, X17).
///
/// The state moves through the tree by itself, down into nodes and up over parents, without going back to the head. Under RCU the node it
/// stands in may have been taken out: then it reads RETRY, or finds the rest of a node that was current when the reader came.
/// Ordering  slots and parents are loaded with acquire, see node.hpp
#include "xarray/marks.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// Index of the slot `offset` of the state's node, all lower bits zero. May be one past the node's last slot.
void move_index(xa_state& xas, unsigned offset) {
    const unsigned shift = xas.xa_node->shift.get();
    xas.xa_index &= ~std::uint64_t{xas.xa->chunk_mask()} << shift;
    xas.xa_index += static_cast<std::uint64_t>(offset) << shift;
}

void next_offset(xa_state& xas) {
    xas.xa_offset += 1;
    move_index(xas, xas.xa_offset);
}

/// From just past a node's last slot to the slot after that node in its parent; xa_node is NULL past the root.
void climb(xa_state& xas) {
    xas.xa_offset = static_cast<std::uint8_t>(xas.xa_node->offset.get() + 1);
    xas.xa_node =
        xas.xa_node->parent.load(order::acquire); // pairs with the release of whoever put a root on top
}

} // namespace

std::uint64_t xas_find(xa_state& xas, std::uint64_t max) {
    const unsigned mask = xas.xa->chunk_mask();
    if (xas_error(xas) != 0 || xas.xa_node == xas_bounds)
        return 0;
    if (xas.xa_index > max)
        return xa_detail::set_bounds(xas);
    if (xas.xa_node == nullptr) { // the head was the only entry
        xas.xa_index = 1;
        return xa_detail::set_bounds(xas);
    }
    if (xas.xa_node == xas_restart) {
        const std::uint64_t entry = xas_load(xas);
        if (entry != 0 || xa_detail::not_node(xas.xa_node))
            return entry;
    } else if (xas.xa_node->shift.get() == 0 && xas.xa_offset != (xas.xa_index & mask)) {
        xas.xa_offset = static_cast<std::uint8_t>(((xas.xa_index - 1) & mask) + 1);
    }
    next_offset(xas);
    while (xas.xa_node != nullptr && xas.xa_index <= max) {
        if (xas.xa_offset == xas.xa->chunk_size()) {
            climb(xas);
            continue;
        }
        const std::uint64_t entry = xa_detail::load(*xas.xa_node, xas.xa_offset);
        if (xa_is_node(entry)) {
            xas.xa_node = xa_to_node(entry);
            xas.xa_offset = 0;
            continue;
        }
        if (entry != 0 && !xa_is_sibling(entry))
            return entry;
        next_offset(xas);
    }
    if (xas.xa_node == nullptr)
        xas.xa_node = xas_bounds;
    return 0;
}

namespace {

/// How a marked iteration ends without an entry. Beyond `max` but not beyond the tree: it may go on later from where it is.
std::uint64_t end_marked(xa_state& xas, bool beyond_max) {
    xas.xa_node = beyond_max ? xas_restart : xas_bounds;
    return 0;
}

} // namespace

std::uint64_t xas_find_marked(xa_state& xas, std::uint64_t max, xa_mark_t mark) {
    xarray& xa = *xas.xa;
    bool advance = true; // past the slot where the state stands
    if (xas_error(xas) != 0)
        return 0;
    if (xas.xa_index > max)
        return end_marked(xas, true);
    if (xas.xa_node == nullptr) {
        xas.xa_index = 1;
        return end_marked(xas, xas.xa_index > max);
    }
    if (xa_detail::is_top(xas.xa_node)) {
        advance = false;
        const std::uint64_t head = xa.xa_head.load(order::acquire); // the root node is initialised
        xas.xa_node = nullptr;
        if (xas.xa_index > xa_detail::max_index(xa, head))
            return end_marked(xas, xas.xa_index > max);
        if (!xa_is_node(head)) {
            if (xa_marked(xa, mark))
                return head;
            xas.xa_index = 1;
            return end_marked(xas, xas.xa_index > max);
        }
        xas.xa_node = xa_to_node(head);
        xas.xa_offset = static_cast<std::uint8_t>(xas.xa_index >> xas.xa_node->shift.get());
    }
    while (xas.xa_index <= max) {
        if (xas.xa_offset == xa.chunk_size()) {
            climb(xas);
            if (xas.xa_node == nullptr)
                break;
            advance = false;
            continue;
        }
        if (!advance) {
            const std::uint64_t entry = xa_detail::load(*xas.xa_node, xas.xa_offset);
            if (xa_is_sibling(entry)) {
                xas.xa_offset = static_cast<std::uint8_t>(xa_to_sibling(entry));
                move_index(xas, xas.xa_offset);
            }
        }
        const unsigned offset =
            xa_detail::next_marked_slot(xa, *xas.xa_node, xas.xa_offset + (advance ? 1U : 0U), mark);
        if (offset > xas.xa_offset) {
            advance = false;
            move_index(xas, offset);
            if (xas.xa_index - 1 >= max) // and not index > max: past the last index of all it is 0
                return end_marked(xas, true);
            xas.xa_offset = static_cast<std::uint8_t>(offset);
            if (offset == xa.chunk_size())
                continue;
        }
        const std::uint64_t entry = xa_detail::load(*xas.xa_node, xas.xa_offset);
        if (entry == 0 || xa_is_sibling(entry))
            continue; // the mark that led here is gone by now: look again (X13)
        if (!xa_is_node(entry))
            return entry;
        xas.xa_node = xa_to_node(entry);
        xas.xa_offset =
            static_cast<std::uint8_t>(xa_detail::slot_of(xa, xas.xa_index, xas.xa_node->shift.get()));
    }
    return end_marked(xas, xas.xa_index > max);
}

std::uint64_t xas_next_marked(xa_state& xas, std::uint64_t max, xa_mark_t mark) {
    xa_node* const node = xas.xa_node;
    const unsigned size = xas.xa->chunk_size();
    if (xa_detail::not_node(node) || node->shift.get() != 0)
        return xas_find_marked(xas, max, mark);
    const unsigned offset = xa_detail::next_marked_slot(*xas.xa, *node, xas.xa_offset + 1U, mark);
    xas.xa_offset = static_cast<std::uint8_t>(offset);
    xas.xa_index = (xas.xa_index & ~std::uint64_t{size - 1}) + offset;
    if (xas.xa_index > max)
        return 0;
    if (offset == size)
        return xas_find_marked(xas, max, mark);
    const std::uint64_t entry = xa_detail::load(*node, offset);
    return entry != 0 ? entry : xas_find_marked(xas, max, mark);
}

void xas_pause(xa_state& xas) {
    xa_node* const node = xas.xa_node;
    if (xas_invalid(xas))
        return;
    xas.xa_node = xas_restart;
    if (node == nullptr) {
        xas.xa_index += 1;
        return;
    }
    unsigned next = xas.xa_offset + 1U;
    while (next < xas.xa->chunk_size() && xa_is_sibling(xa_detail::load(*node, next)))
        ++next;
    const unsigned shift = node->shift.get();
    switch (xas.xa->pause_step()) {
    case xa_pause_step::from_index:
        break;
    case xa_pause_step::from_slot:
        xas.xa_index &= ~std::uint64_t{0} << shift;
        break;
    case xa_pause_step::from_entry:
        xas.xa_index &= ~std::uint64_t{xas.xa->chunk_mask()} << shift;
        xas.xa_index += std::uint64_t{xas.xa_offset} << shift;
        break;
    }
    xas.xa_index += static_cast<std::uint64_t>(next - xas.xa_offset) << shift;
    if (xas.xa_index == 0)
        xas.xa_node = xas_bounds;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
