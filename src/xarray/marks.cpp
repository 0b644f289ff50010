/// Marks: a bit per slot in each node, on every level above a marked entry, and per mark one for the whole tree (fact X14).
///
/// Ordering  relaxed: writers hold xa_lock. A lockless iterator that follows a mark into an empty slot looks at the mark again; the slot
///           became NULL by a release after the mark was cleared, so it finds it clear (X13).
#include "xarray/marks.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

bool xas_get_mark(const xa_state& xas, xa_mark_t mark) {
    if (xas_invalid(xas))
        return false;
    if (xas.xa_node == nullptr)
        return xa_marked(*xas.xa, mark);
    return (xas.xa_node->marks[mark].load(order::relaxed) >> xas.xa_offset & 1) != 0;
}

void xas_set_mark(const xa_state& xas, xa_mark_t mark) {
    if (xas_invalid(xas))
        return;
    unsigned offset = xas.xa_offset;
    for (xa_node* node = xas.xa_node; node != nullptr; node = node->parent.peek()) {
        const std::uint64_t before = node->marks[mark].peek();
        if ((before >> offset & 1) != 0)
            return; // then it is set above too
        node->marks[mark].store(before | std::uint64_t{1} << offset, order::relaxed);
        offset = node->offset.get();
    }
    const unsigned flags = xas.xa->xa_mark_flags.peek();
    if ((flags >> mark & 1) == 0)
        xas.xa->xa_mark_flags.store(flags | 1U << mark, order::relaxed);
}

void xas_clear_mark(const xa_state& xas, xa_mark_t mark) {
    if (xas_invalid(xas))
        return;
    unsigned offset = xas.xa_offset;
    for (xa_node* node = xas.xa_node; node != nullptr; node = node->parent.peek()) {
        const std::uint64_t before = node->marks[mark].peek();
        if ((before >> offset & 1) == 0)
            return; // then nobody above has it because of this slot
        const std::uint64_t left = before & ~(std::uint64_t{1} << offset);
        node->marks[mark].store(left, order::relaxed);
        if (left != 0)
            return;
        offset = node->offset.get();
    }
    const unsigned flags = xas.xa->xa_mark_flags.peek();
    if ((flags >> mark & 1) != 0)
        xas.xa->xa_mark_flags.store(flags & ~(1U << mark), order::relaxed);
}

void xas_init_marks(const xa_state& xas) {
    for (xa_mark_t mark = 0; mark < xa_max_marks; ++mark)
        xas_clear_mark(xas, mark);
}

void xa_detail::squash_marks(const xa_state& xas) {
    const std::uint64_t siblings = ((std::uint64_t{1} << xas.xa_sibs) - 1) << xas.xa_offset << 1;
    for (arch::atomic<std::uint64_t>& marks : xas.xa_node->marks) {
        const std::uint64_t before = marks.peek();
        if ((before & siblings) != 0)
            marks.store((before & ~siblings) | std::uint64_t{1} << xas.xa_offset, order::relaxed);
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
