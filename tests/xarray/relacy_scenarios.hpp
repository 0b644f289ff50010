/// Small concurrent programs over a tiny xarray for the simulated machine: each has a claim and threads, and is correct unless it
/// says that it must fail.
///
/// Claims    a reader finds what is never touched, sees an entry only at an index that it covered, and never a node whose grace
///           period is over: reuse of a node writes its plain fields, so that is a data race.
/// Bounds    chunk shift 1 or 2, two or three nodes, two threads of one operation each: some hundred to some ten thousand
///           executions under all memory orders
/// Checks of the checks: `reader_without_rcu`, `torn_sibling` and `marked_sibling` must fail
#pragma once

#include "xarray/xarray.hpp"

#include <arch/check.hpp>
#include <arch/machine.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace xarray_scenarios {

inline constexpr arch::lock_class xa_lock_class{"xa_lock", 90};

/// The objects of one execution.
template <unsigned chunk_shift, unsigned nodes = 8> struct tree {
    arch::rcu_domain rcu;
    xarray array{{chunk_shift, nodes, &xa_lock_class, &rcu}};

    std::uint64_t store(std::uint64_t index, std::uint64_t entry, unsigned order = 0) {
        xa_state xas(array, index, order);
        std::uint64_t old;
        do {
            const arch::guard held(array.xa_lock);
            old = xas_store(xas, entry);
        } while (xas_nomem(xas));
        return old;
    }
    std::uint64_t find(std::uint64_t from, std::uint64_t max) {
        const arch::rcu_read_guard reading(rcu);
        xa_state xas(array, from);
        std::uint64_t entry;
        do
            entry = xas_find(xas, max);
        while (xas_retry(xas, entry));
        return entry;
    }
    std::uint64_t find_marked(std::uint64_t from, std::uint64_t max, xa_mark_t mark) {
        const arch::rcu_read_guard reading(rcu);
        xa_state xas(array, from);
        std::uint64_t entry;
        do
            entry = xas_find_marked(xas, max, mark);
        while (xas_retry(xas, entry));
        return entry;
    }
    void mark(std::uint64_t index, xa_mark_t which) {
        const arch::guard held(array.xa_lock);
        xa_state xas(array, index);
        xas_load(xas);
        xas_set_mark(xas, which);
    }
};

inline void claim(bool holds, const char* what) {
    if (!holds)
        arch::fail(invariant::I10, what, "");
}
constexpr std::uint64_t value(std::uint64_t n) { return xa_mk_value(n); }

using tree1 = tree<1>;
using tree2 = tree<2>;

template <class S> struct scenario {
    const char* name;
    std::vector<std::function<void(S&)>> threads;
    std::function<void(S&)> finally;
};

/// A store makes visible what was done before it.
struct published : tree1 {
    published() {
        store(0, value(9));
        store(3, value(9));
    } // the path to index 1 is there
    arch::plain<int> payload;
};
inline scenario<published> store_publishes() {
    return {"a store publishes",
            {[](published& t) {
                 t.payload.set(1);
                 t.store(1, value(1));
             },
             [](published& t) {
                 if (xa_load(t.array, 1) != 0)
                     claim(t.payload.get() == 1, "what was done before the store is not visible");
             }},
            {}};
}

/// So does the head that takes over an entry when the root collapses.
inline scenario<published> collapse_publishes() {
    return {"a collapse publishes",
            {[](published& t) {
                 t.payload.set(1);
                 t.store(0, value(1));
                 xa_erase(t.array, 3);
             },
             [](published& t) {
                 if (xa_load(t.array, 0) == value(1))
                     claim(t.payload.get() == 1, "what was done before the store is not visible");
             }},
            {}};
}

/// The root collapses to the head while a reader looks for index 0.
inline scenario<tree1> reader_vs_collapse() {
    return {"reader against collapse",
            {[](tree1& t) {
                 t.store(0, value(1));
                 t.store(1, value(2)); // grows a root
                 xa_erase(t.array, 1); // and collapses it
             },
             [](tree1& t) {
                 if (const std::uint64_t entry = xa_load(t.array, 0); entry != 0)
                     claim(entry == value(1), "index 0 is not its entry");
                 claim(xa_load(t.array, 0) == 0 || xa_load(t.array, 0) == value(1), "index 0 is gone again");
             }},
            [](tree1& t) {
                claim(xa_load(t.array, 0) == value(1), "index 0 is lost");
                claim(t.array.pool().in_use() == 0, "a node is leaked");
            }};
}

/// Index 0 is never touched: every read finds it, with growth and collapse around it.
struct with_zero : tree1 {
    with_zero() { store(0, value(7)); }
};
inline scenario<with_zero> permanent_entry() {
    return {"reader of a permanent entry against growth and collapse",
            {[](with_zero& t) {
                 t.store(3, value(3));
                 xa_erase(t.array, 3);
             },
             [](with_zero& t) {
                 claim(xa_load(t.array, 0) == value(7), "a permanent entry is not found by load");
                 claim(t.find(0, 1) == value(7), "a permanent entry is not found by find");
             }},
            [](with_zero& t) { claim(t.array.pool().in_use() == 0, "a node is leaked"); }};
}

/// Erase empties a leaf and unlinks it; the reader is inside, and its neighbour stays.
struct two_leaves : tree1 {
    two_leaves() {
        store(1, value(1));
        store(3, value(3));
    }
};
inline scenario<two_leaves> reader_vs_erase() {
    return {"reader against erase and reuse of the node",
            {[](two_leaves& t) {
                 xa_erase(t.array, 1);
                 t.store(2, value(2));
                 t.store(0, value(9));
             },
             [](two_leaves& t) {
                 const std::uint64_t entry = xa_load(t.array, 1);
                 claim(entry == 0 || entry == value(1), "index 1 has another's entry");
                 claim(t.find(2, 3) != 0, "find misses the permanent entry at 3");
                 claim(xa_load(t.array, 3) == value(3), "a permanent entry is not found");
             }},
            {}};
}

/// A large entry replaces a subtree of small ones.
struct small_ones : tree1 {
    small_ones() {
        store(4, value(4));
        store(5, value(5));
        store(9, value(9));
    }
};
inline scenario<small_ones> reader_vs_join() {
    return {"reader against a larger entry over a subtree",
            {[](small_ones& t) { t.store(4, value(100), 2); },
             [](small_ones& t) {
                 const std::uint64_t entry = xa_load(t.array, 5);
                 claim(entry == value(5) || entry == value(100),
                       "index 5 has neither the old nor the new entry");
                 claim(xa_load(t.array, 9) == value(9), "a permanent entry is not found");
             }},
            [](small_ones& t) { claim(xa_load(t.array, 6) == value(100), "the large entry is lost"); }};
}

/// A large entry is split: erased as a whole, then small ones come.
struct large_one : tree2 {
    large_one() { store(8, value(100), 3); } // two slots of a shift-2 node: one sibling
};
inline scenario<large_one> reader_vs_split() {
    return {"reader in a sibling slot against a split",
            {[](large_one& t) {
                 xa_erase(t.array, 9);
                 t.store(13, value(13));
                 t.store(9, value(9));
             },
             [](large_one& t) {
                 const std::uint64_t entry = xa_load(t.array, 13);
                 claim(entry == value(100) || entry == value(13) || entry == 0,
                       "index 13 has another's entry");
                 claim(!xa_is_internal(entry), "an internal entry got out");
             }},
            [](large_one& t) { claim(xa_load(t.array, 13) == value(13), "index 13 is lost"); }};
}

/// A reader that stays in its node across a change must not believe the node any more: it finds RETRY there.
struct stays : tree1 {
    arch::atomic<bool> changed{false};
    std::uint64_t load_again_after_change(std::uint64_t index, std::uint64_t otherwise) {
        const arch::rcu_read_guard reading(rcu);
        xa_state xas(array, index);
        std::uint64_t entry;
        do
            entry = xas_load(xas);
        while (xas_retry(xas, entry));
        if (!changed.load(arch::order::acquire)) // acquire: what was stored before it is stored
            return otherwise;
        do
            entry = xas_load(xas);
        while (xas_retry(xas, entry));
        return entry;
    }
};
struct stays_in_root : stays {
    stays_in_root() {
        store(0, value(1));
        store(1, value(2));
    }
};
inline scenario<stays_in_root> reader_stays_in_collapsed_root() {
    return {"reader that stays in a root that collapses",
            {[](stays_in_root& t) {
                 xa_erase(t.array, 1);
                 t.store(0, value(8));
                 t.changed.store(true, arch::order::release);
             },
             [](stays_in_root& t) {
                 claim(t.load_again_after_change(0, value(8)) == value(8), "the old root is believed");
             }},
            {}};
}
struct stays_in_leaf : stays {
    stays_in_leaf() {
        store(5, value(5));
        store(9, value(9));
    }
};
inline scenario<stays_in_leaf> reader_stays_in_replaced_leaf() {
    return {"reader that stays in a leaf that a larger entry replaces",
            {[](stays_in_leaf& t) {
                 t.store(4, value(100), 2);
                 t.changed.store(true, arch::order::release);
             },
             [](stays_in_leaf& t) {
                 claim(t.load_again_after_change(5, value(100)) == value(100), "the old leaf is believed");
             }},
            {}};
}

/// A marked iterator never stops at an entry that another thread erases, but finds the marked one behind it (X13).
struct two_marked : tree1 {
    two_marked() {
        store(0, value(1));
        store(1, value(2));
        mark(0, xa_mark_0);
        mark(1, xa_mark_0);
    }
};
inline scenario<two_marked> marked_reader_vs_erase() {
    return {"marked iterator against erase of a marked entry",
            {[](two_marked& t) { xa_erase(t.array, 0); },
             [](two_marked& t) {
                 const std::uint64_t entry = t.find_marked(0, 1, xa_mark_0);
                 claim(entry == value(1) || entry == value(2), "a marked entry is not found");
             }},
            {}};
}

/// Must fail: a lockless reader that a sibling redirects finds what has replaced the large entry in its canonical slot, an entry that
/// does not cover its index. Linux's readers have it too, and look again under a lock or at what they found.
struct one_large : tree2 {
    one_large() {
        store(0, value(100), 1); // two slots of a leaf: one sibling
        store(3, value(3));      // keeps the leaf
    }
};
inline scenario<one_large> torn_sibling() {
    return {"reader in a sibling slot whose canonical slot gets a smaller entry",
            {[](one_large& t) {
                 xa_erase(t.array, 0);
                 t.store(0, value(1));
             },
             [](one_large& t) {
                 const std::uint64_t entry = xa_load(t.array, 1);
                 claim(entry == 0 || entry == value(100), "index 1 has its neighbour's entry");
             }},
            {}};
}

/// Must fail: a lockless marked iteration sees a mark, then a larger entry makes a sibling of the marked slot, and the sibling is what the
/// iterator hands out: xas_next_marked looks for NULL there and for nothing else.
struct two_small : tree2 {
    two_small() {
        store(0, value(1));
        store(1, value(2));
        store(3, value(3)); // keeps the leaf
        mark(0, xa_mark_0);
        mark(1, xa_mark_0);
    }
};
inline scenario<two_small> marked_sibling() {
    return {"marked iterator against a larger entry over the marked slot",
            {[](two_small& t) { t.store(0, value(100), 1); },
             [](two_small& t) {
                 const arch::rcu_read_guard reading(t.rcu);
                 xa_state xas(t.array, 0);
                 for (std::uint64_t e = xas_find_marked(xas, 3, xa_mark_0); e != 0;
                      e = xas_next_marked(xas, 3, xa_mark_0))
                     claim(!xa_is_sibling(e), "a sibling entry got out");
             }},
            {}};
}

/// Must fail: a reader without a read section meets the node of another tree shape. A check of the checks.
inline scenario<two_leaves> reader_without_rcu() {
    return {"reader without a read section",
            {[](two_leaves& t) {
                 xa_erase(t.array, 1);
                 t.store(8, value(8));
             },
             [](two_leaves& t) {
                 xa_state xas(t.array, 1);
                 xas_load(xas);
             }},
            {}};
}

} // namespace xarray_scenarios
} // namespace ARCH_MACHINE
} // namespace daxtorture
