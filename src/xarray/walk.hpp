/// Downward walks, inline because every operation begins with one. Included by xarray.hpp.
///
/// Ordering  each step loads a slot with acquire (rcu_dereference): shift and slots of the node it names are initialised.
#pragma once

#include "xarray/xarray.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace xa_detail {

constexpr std::uintptr_t error_bits(int error) { return static_cast<std::uintptr_t>(-error) << 2 | 2; }

/// RESTART, BOUNDS or at the head: no node below which something stands.
inline bool is_top(const xa_node* node) {
    return reinterpret_cast<std::uintptr_t>(node) <= reinterpret_cast<std::uintptr_t>(xas_restart);
}
inline bool not_node(const xa_node* node) {
    return node == nullptr || (reinterpret_cast<std::uintptr_t>(node) & 3) != 0;
}

inline unsigned slot_of(const xarray& xa, std::uint64_t index, unsigned shift) {
    return static_cast<unsigned>(index >> shift) & xa.chunk_mask();
}

inline std::uint64_t load(const xa_node& node, unsigned offset) {
    return node.slot(offset).load(
        arch::order::acquire); // pairs with the release of whoever stored a node here
}

/// Largest index below a head.
inline std::uint64_t max_index(const xarray& xa, std::uint64_t head) {
    if (!xa_is_node(head))
        return 0;
    return (static_cast<std::uint64_t>(xa.chunk_size()) << xa_to_node(head)->shift.get()) - 1;
}

inline std::uint64_t set_bounds(xa_state& xas) {
    xas.xa_node = xas_bounds;
    return 0;
}

/// Where a walk has got to: kept apart from the state until the walk ends, so that a step is loads alone.
struct position {
    xa_node* node;
    unsigned offset;
};

/// The entry for `index` in `node`, and where it stands. A sibling leads to its canonical slot (X5); when that holds a node by now, the
/// order has changed under a lockless reader, who must start again.
inline std::uint64_t look(const xarray& xa, xa_node& node, unsigned shift, std::uint64_t index,
                          position& at) {
    unsigned offset = slot_of(xa, index, shift);
    std::uint64_t entry = load(node, offset);
    while (xa_is_sibling(entry))
        [[unlikely]] {
            offset = xa_to_sibling(entry);
            entry = load(node, offset);
            if (shift != 0 && xa_is_node(entry))
                entry = xa_retry_entry;
        }
    at = {&node, offset};
    return entry;
}

inline void stand_at(xa_state& xas, const position& at) {
    xas.xa_node = at.node;
    xas.xa_offset = static_cast<std::uint8_t>(at.offset);
}

/// Puts the state into `node` at its index and returns the entry there.
inline std::uint64_t descend(xa_state& xas, xa_node& node) {
    position at{};
    const std::uint64_t entry = look(*xas.xa, node, node.shift.get(), xas.xa_index, at);
    stand_at(xas, at);
    return entry;
}

/// The entry where the state already stands. Its slot is computed anew from the index: the entry there may have become a
/// sibling since.
inline std::uint64_t reload(xa_state& xas) {
    const xa_node* node = xas.xa_node;
    if (node == nullptr)
        return xas.xa->xa_head.load(arch::order::acquire);
    const std::uint64_t entry = load(*node, slot_of(*xas.xa, xas.xa_index, node->shift.get()));
    return xa_is_sibling(entry) ? load(*node, xa_to_sibling(entry)) : entry;
}

/// The head, or BOUNDS when the tree does not reach the index.
inline std::uint64_t start(xa_state& xas) {
    if (xas_valid(xas))
        return reload(xas);
    if (xas_error(xas) != 0)
        return 0;
    // acquire: the root node is initialised
    const std::uint64_t head = xas.xa->xa_head.load(arch::order::acquire);
    if (xas.xa_index > max_index(*xas.xa, head))
        return set_bounds(xas);
    xas.xa_node = nullptr;
    return head;
}

} // namespace xa_detail

inline int xas_error(const xa_state& xas) {
    const auto bits = reinterpret_cast<std::uintptr_t>(xas.xa_node);
    return (bits & 3) == 2 ? -static_cast<int>(bits >> 2) : 0;
}

namespace xa_detail {
bool nomem(xa_state& xas);
}

inline bool xas_nomem(xa_state& xas) {
    if (xas_valid(xas) && xas.xa_alloc == nullptr) [[likely]]
        return false;
    return xa_detail::nomem(xas);
}

inline std::uint64_t xas_load(xa_state& xas) {
    std::uint64_t entry = xa_detail::start(xas);
    if (!xa_is_node(entry))
        return entry;
    const xarray& xa = *xas.xa;
    const std::uint64_t index = xas.xa_index;
    xa_detail::position at{};
    unsigned shift = 0;
    do {
        xa_node& node = *xa_to_node(entry);
        shift = node.shift.get();
        if (xas.xa_shift > shift)
            break; // a node where the state wants an entry of this size (X8)
        entry = xa_detail::look(xa, node, shift, index, at);
    } while (shift != 0 && xa_is_node(entry));
    if (at.node != nullptr)
        xa_detail::stand_at(xas, at);
    return entry;
}

inline std::uint64_t xas_next_entry(xa_state& xas, std::uint64_t max) {
    xa_node* const node = xas.xa_node;
    const unsigned mask = xas.xa->chunk_mask();
    // Short cut: in a leaf, at an order-0 entry, to the next order-0 entry of the same leaf.
    if (xa_detail::not_node(node) || node->shift.get() != 0 || xas.xa_offset != (xas.xa_index & mask))
        return xas_find(xas, max);
    while (xas.xa_index < max && xas.xa_offset != mask) {
        const std::uint64_t entry = xa_detail::load(*node, xas.xa_offset + 1U);
        if (xa_is_internal(entry))
            break;
        xas.xa_offset += 1;
        xas.xa_index += 1;
        if (entry != 0)
            return entry;
    }
    return xas_find(xas, max);
}

inline std::uint64_t xa_load(xarray& xa, std::uint64_t index) {
    const arch::rcu_read_guard reading(xa.rcu());
    xa_state xas(xa, index);
    std::uint64_t entry;
    do {
        entry = xas_load(xas);
        if (xa_is_zero(entry))
            return 0;
    } while (xas_retry(xas, entry));
    return entry;
}

template <class F> void xarray::peek_node(const xa_node& node, std::uint64_t base, F& fn) const {
    const unsigned shift = node.shift.peek();
    for (unsigned offset = 0; offset < chunk_size(); ++offset) {
        const std::uint64_t entry = node.slot(offset).peek();
        const std::uint64_t index = base + (static_cast<std::uint64_t>(offset) << shift);
        if (shift != 0 && xa_is_node(entry)) {
            peek_node(*xa_to_node(entry), index, fn);
            continue;
        }
        if (entry == 0 || xa_is_sibling(entry))
            continue;
        unsigned slots = 1;
        while (offset + slots < chunk_size() && node.slot(offset + slots).peek() == xa_mk_sibling(offset))
            ++slots;
        unsigned order = shift;
        while ((1U << (order - shift)) < slots)
            ++order;
        unsigned marks = 0;
        for (unsigned mark = 0; mark < xa_max_marks; ++mark)
            marks |= static_cast<unsigned>(node.marks[mark].peek() >> offset & 1) << mark;
        fn(index, order, entry, marks);
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
