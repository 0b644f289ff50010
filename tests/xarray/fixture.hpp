/// An xarray with its own grace periods, and short names for what the tests do with it.
#pragma once

#include "xarray/xarray.hpp"

#include <arch/task.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace xarray_tests {

using namespace daxtorture;

inline constexpr arch::lock_class xa_lock_class{"xa_lock", 90};
constexpr std::uint64_t last_index = ~std::uint64_t{0};

struct fixture {
    explicit fixture(unsigned chunk_shift, unsigned nodes = 1U << 15,
                     xa_pause_step pause = xa_pause_step::from_slot)
        : array({chunk_shift, nodes, &xa_lock_class, &rcu, pause}) {}

    /// Stores with retries as callers do; returns what xas_store returned in the end.
    std::uint64_t store(std::uint64_t index, std::uint64_t entry, unsigned order = 0) {
        xa_state xas(array, index, order);
        std::uint64_t old;
        do {
            const arch::guard held(array.xa_lock);
            old = xas_store(xas, entry);
        } while (xas_nomem(xas));
        return old;
    }
    std::uint64_t load(std::uint64_t index) { return xa_load(array, index); }
    unsigned order_at(std::uint64_t index) {
        xa_state xas(array, index);
        const arch::guard held(array.xa_lock);
        xas_load(xas);
        return xas_get_order(xas);
    }
    void mark(std::uint64_t index, xa_mark_t which, bool set = true) {
        xa_state xas(array, index);
        const arch::guard held(array.xa_lock);
        xas_load(xas);
        set ? xas_set_mark(xas, which) : xas_clear_mark(xas, which);
    }
    bool marked(std::uint64_t index, xa_mark_t which) {
        xa_state xas(array, index);
        const arch::guard held(array.xa_lock);
        xas_load(xas);
        return xas_get_mark(xas, which);
    }
    std::uint64_t nodes_in_use() {
        rcu.barrier();
        return array.pool().in_use();
    }
    /// Checks what every tree keeps: counts, parents, offsets, marks; returns the number of nodes, or -1.
    int check() const { return check_node(array.xa_head.peek(), nullptr, 0); }

    arch::rcu_domain rcu;
    xarray array;

  private:
    int check_node(std::uint64_t entry, const xa_node* parent, unsigned offset) const {
        if (!xa_is_node(entry))
            return 0;
        const xa_node& node = *xa_to_node(entry);
        const unsigned shift = node.shift.peek();
        if (node.parent.peek() != parent || node.offset.peek() != offset)
            return -1;
        if (parent != nullptr && parent->shift.peek() != shift + array.chunk_shift())
            return -1;
        unsigned count = 0;
        unsigned values = 0;
        int nodes = 1;
        std::uint64_t canonical = 0;
        std::uint64_t taken = 0;
        for (unsigned i = 0; i < array.chunk_size(); ++i) {
            const std::uint64_t slot = node.slot(i).peek();
            if (slot == 0 || xa_is_retry(slot)) {
                if (slot != 0)
                    return -1;
                continue;
            }
            ++count;
            if (xa_is_sibling(slot)) {
                if (xa_to_sibling(slot) >= i)
                    return -1;
            } else {
                canonical = slot;
                taken |= std::uint64_t{1} << i;
            }
            values += xa_is_value(canonical);
            if (xa_is_node(slot)) {
                const int below = shift == 0 ? -1 : check_node(slot, &node, i);
                if (below < 0)
                    return -1;
                nodes += below;
            }
        }
        if (count == 0 || count != node.count.peek() || values != node.nr_values.peek())
            return -1;
        for (unsigned mark = 0; mark < xa_max_marks; ++mark) {
            const std::uint64_t bits = node.marks[mark].peek();
            if ((bits & ~taken) != 0)
                return -1; // a mark on a sibling or on nothing
            const std::uint64_t above = parent != nullptr ? parent->marks[mark].peek() >> offset & 1
                                                          : array.xa_mark_flags.peek() >> mark & 1;
            if ((bits != 0) != (above != 0))
                return -1;
        }
        return nodes;
    }
};

} // namespace xarray_tests
