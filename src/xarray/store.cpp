/// Storing and erasing (facts X6, X7, X12, X13).
#include "xarray/marks.hpp"
#include "xarray/writer.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

namespace {

/// Slots [first, last] of the state's node get `entry` and siblings of it, or NULL. `old` is what the walk found in slot `first`.
/// Returns the entry that `last` belonged to.
std::uint64_t fill(xa_state& xas, xa_node& node, unsigned first, unsigned last, std::uint64_t old,
                   std::uint64_t entry) {
    int slots = 0;
    int values = 0;
    for (unsigned offset = first; offset <= last; ++offset) {
        const std::uint64_t before = offset == first ? old : xa_detail::held(node, offset);
        if (!xa_is_sibling(before))
            old = before;
        slots += (entry != 0) - (before != 0);
        values += xa_is_value(entry) - xa_is_value(old);
        // release: what the caller did before becomes visible with the entry; and its marks are cleared before a NULL (X13)
        node.slot(offset).store(entry != 0 && offset != first ? xa_mk_sibling(first) : entry, order::release);
        if (xa_is_node(before) && node.shift.get() != 0)
            xa_detail::free_subtree(*xas.xa, *xa_to_node(before));
    }
    xa_detail::change_counts(xas, node, slots, values);
    return old;
}

/// The last slot of the entry to which slot `offset` belongs.
unsigned last_sibling(const xarray& xa, const xa_node& node, unsigned offset) {
    while (offset < xa.chunk_mask() && xa_is_sibling(xa_detail::held(node, offset + 1)))
        ++offset;
    return offset;
}

/// One entry for another, or for NULL, in one slot.
void replace(xa_state& xas, xa_node& node, std::uint64_t before, std::uint64_t entry) {
    node.slot(xas.xa_offset).store(entry, order::release); // as in fill
    xa_detail::change_counts(xas, node, before == 0, xa_is_value(entry) - xa_is_value(before));
}

/// xas_init_marks, when as a rule there are none.
void clear_marks(const xa_state& xas, const xa_node& node) {
    const std::uint64_t any = node.marks[0].peek() | node.marks[1].peek() | node.marks[2].peek();
    if ((any >> xas.xa_offset & 1) != 0)
        xas_init_marks(xas);
}

/// xas_create, when as a rule the path is there and a walk does.
std::uint64_t walk_or_create(xa_state& xas, std::uint64_t entry) {
    if (xas.xa_node == xas_restart && xas.xa_shift == 0) {
        const std::uint64_t before = xas_load(xas);
        if (xas_is_node(xas) && xas.xa_node->shift.get() == 0)
            return before;
        // Else xas_create goes on from where the walk has ended.
    }
    return xas_create(xas, !xa_is_node(entry) && !xa_is_zero(entry));
}

void store_head(xa_state& xas, std::uint64_t before, std::uint64_t entry) {
    xas.xa->xa_head.store(entry, order::release); // as in fill
    if (xa_is_node(before))
        xa_detail::free_subtree(*xas.xa, *xa_to_node(before));
}

} // namespace

std::uint64_t xas_store(xa_state& xas, std::uint64_t entry) {
    const std::uint64_t before = entry != 0 ? walk_or_create(xas, entry) : xas_load(xas);
    if (xas_invalid(xas))
        return before;
    xa_node* const node = xas.xa_node;
    if (node == nullptr) {
        if (before == entry && xas.xa_sibs == 0)
            return before;
        if (entry == 0)
            xas_init_marks(xas);
        store_head(xas, before, entry);
        return before;
    }
    if (xas.xa_shift < node->shift.get())
        xas.xa_sibs = 0; // a larger entry is replaced whole
    const unsigned first = xas.xa_offset;
    if (xas.xa_sibs == 0) {
        if (before == entry)
            return before;
        if (entry != 0 && !xa_is_node(before)) {
            replace(xas, *node, before, entry);
            return before;
        }
    } else {
        xa_detail::squash_marks(xas);
    }
    unsigned last = first + xas.xa_sibs;
    if (entry == 0) {
        clear_marks(xas, *node);
        last =
            last_sibling(*xas.xa, *node, last); // an entry that reaches beyond the range goes as a whole (X6)
    }
    return fill(xas, *node, first, last, before, entry);
}

void xa_destroy(xarray& xa) {
    const arch::guard held(xa.xa_lock);
    xa_state xas(xa, 0);
    xas.xa_node = nullptr;
    xas_init_marks(xas);
    store_head(xas, xa_detail::held_head(xa), 0);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
