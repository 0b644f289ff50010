/// What is in the way of storing a range (facts X8, X9). Under xa_lock.
#include "xarray/writer.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

std::uint64_t xas_find_conflict(xa_state& xas) {
    if (xas_error(xas) != 0 || xas.xa_node == nullptr)
        return 0;
    if (xa_detail::is_top(xas.xa_node)) {
        std::uint64_t entry = xa_detail::start(xas);
        if (entry == 0)
            return 0;
        // Down to the leaf, past nodes of the state's own size: unlike xas_load this returns entries only.
        while (xa_is_node(entry))
            entry = xa_detail::descend(xas, *xa_to_node(entry));
        if (entry != 0)
            return entry;
    }
    if (xas.xa_node->shift.get() > xas.xa_shift)
        return 0; // the slot is larger than the range, and was the first answer (X9)

    // On through the range: right, up at the end of a node, down into nodes, until the state's own slots are done.
    for (;;) {
        if (xas.xa_node->shift.get() == xas.xa_shift) {
            if ((xas.xa_offset & xas.xa_sibs) == xas.xa_sibs)
                break;
        } else if (xas.xa_offset == xas.xa->chunk_mask()) {
            xas.xa_offset = xas.xa_node->offset.get();
            xas.xa_node = xas.xa_node->parent.peek();
            if (xas.xa_node == nullptr)
                break;
            continue;
        }
        xas.xa_offset += 1;
        std::uint64_t entry = xa_detail::held(*xas.xa_node, xas.xa_offset);
        if (xa_is_sibling(entry))
            continue;
        while (xa_is_node(entry)) {
            xas.xa_node = xa_to_node(entry);
            xas.xa_offset = 0;
            entry = xa_detail::held(*xas.xa_node, 0);
        }
        if (entry != 0)
            return entry;
    }
    xas.xa_offset = static_cast<std::uint8_t>(xas.xa_offset - xas.xa_sibs);
    return 0;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
