/// The XArray: a radix tree from 64-bit indices to entries, read without locks. Mirrors lib/xarray.c and
/// include/linux/xarray.h, v6.12; names and results are the kernel's (facts X1..X18), the code is not.
///
/// States    empty: head NULL. One order-0 entry at index 0: head is the entry. Else head is a node; a node covers
///           2^chunk_shift slots of 2^shift indices each. An entry of order o lies in the node of shift o - o % chunk_shift:
///           2^(o % chunk_shift) slots, the first canonical, the others siblings that name it.
/// Readers   hold xa_lock, or are in a read section of `rcu()`: then they may see RETRY (xas_retry) and stale contents of
///           nodes that were just taken out, never freed nodes (X17).
/// Writers   hold xa_lock: xas_store, xas_create, xas_set_mark, xas_clear_mark, xas_init_marks.
/// Ordering  a store of an entry releases, a load of a slot acquires: what was done before an entry was stored is visible
///           to whoever loads it. Marks are relaxed; they are cleared before the slot becomes NULL (X13).
/// Memory    all given at set-up (`nodes`, see xa_nodes_needed). When it is out, a store sets -ENOMEM in the state; the
///           caller drops xa_lock, calls xas_nomem and repeats (X12).
/// Checked   tests/xarray; ci/xarray-differential.sh compares with Linux's own
#pragma once

#include "xarray/entry.hpp"
#include "xarray/node.hpp"
#include "xarray/pool.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/rcu.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// Marks 0..2. The page cache calls them DIRTY, WRITEBACK and TOWRITE.
using xa_mark_t = unsigned;
inline constexpr xa_mark_t xa_mark_0 = 0;
inline constexpr xa_mark_t xa_mark_1 = 1;
inline constexpr xa_mark_t xa_mark_2 = 2;

inline constexpr int xa_enomem = 12;

/// Where xas_pause goes on when the state's index is not the first one of a multi-index entry (X5). The three agree where it is.
enum class xa_pause_step : std::uint8_t {
    from_index, ///< Linux until v6.13: as far behind the entry as the index was inside it; indices go unseen
    from_slot, ///< since v6.14: the same, counted from the start of the index's own slot: right in the canonical slot only
    from_entry, ///< right behind the entry
};

struct xarray_config {
    unsigned chunk_shift = 6; ///< slots per node, log2: 1..6. The kernel has 6, or 4 with BASE_SMALL
    unsigned nodes = 0;       ///< size of the node pool: xa_nodes_needed(chunk_shift, pages)
    const arch::lock_class* lock = nullptr; ///< of xa_lock
    arch::rcu_domain* rcu = nullptr;        ///< its grace periods delay the reuse of nodes
    xa_pause_step pause = xa_pause_step::from_slot;
};

class xarray {
  public:
    explicit xarray(const xarray_config& config)
        : xa_lock(*config.lock), chunk_shift_(config.chunk_shift),
          chunk_mask_((1U << config.chunk_shift) - 1), pause_step_(config.pause), rcu_(*config.rcu),
          pool_(config.chunk_shift, config.nodes, *config.rcu) {}
    xarray(const xarray&) = delete;
    xarray& operator=(const xarray&) = delete;

    arch::spinlock xa_lock; ///< the kernel takes it with irqs off (X18)
    /// An entry, or the root node. Not on the lock's cache line, which every writer takes away from readers.
    alignas(64) arch::atomic<std::uint64_t> xa_head;
    arch::atomic<unsigned> xa_mark_flags; ///< bit m: some entry has mark m

    unsigned chunk_shift() const { return chunk_shift_; }
    unsigned chunk_size() const { return chunk_mask_ + 1; }
    unsigned chunk_mask() const { return chunk_mask_; }
    xa_pause_step pause_step() const { return pause_step_; }
    arch::rcu_domain& rcu() { return rcu_; }
    xa_node_pool& pool() { return pool_; }
    const xa_node_pool& pool() const { return pool_; }

    /// For the oracle, when nobody writes: fn(index, order, entry, marks) for each entry in the order of indices; bit m of
    /// `marks` is mark m. No scheduling points, orders nothing.
    template <class F> void for_each_peek(F fn) const {
        const std::uint64_t head = xa_head.peek();
        if (xa_is_node(head))
            peek_node(*xa_to_node(head), 0, fn);
        else if (head != 0)
            fn(std::uint64_t{0}, 0U, head, xa_mark_flags.peek());
    }

  private:
    template <class F> void peek_node(const xa_node& node, std::uint64_t base, F& fn) const;

    const unsigned chunk_shift_;
    const unsigned chunk_mask_;
    const xa_pause_step pause_step_;
    arch::rcu_domain& rcu_;
    xa_node_pool pool_;
};

/// What a position in the tree may be instead of a node: pointers that no node has. NULL: at the head entry.
/// The kernel's encoding: an error e is e << 2 | 2.
inline xa_node* const xas_bounds =
    reinterpret_cast<xa_node*>(1); ///< beyond what the tree holds: iteration is over
inline xa_node* const xas_restart = reinterpret_cast<xa_node*>(3); ///< not walked yet, walk from the head

/// A cursor: a range of indices and where the walk has got to. Kernel field names; one thread uses it.
struct xa_state {
    /// XA_STATE: order 0.
    xa_state(xarray& array, std::uint64_t index) : xa(&array), xa_index(index) {}
    /// XA_STATE_ORDER: the range of 2^order indices around `index`.
    xa_state(xarray& array, std::uint64_t index, unsigned order);
    ~xa_state() {
        if (xa_alloc != nullptr)
            put_back(*xa, *xa_alloc);
    }
    xa_state(const xa_state&) = delete;
    xa_state& operator=(const xa_state&) = delete;

    xarray* xa;
    std::uint64_t xa_index;     ///< not rounded down by a walk to a larger entry (X5)
    std::uint8_t xa_shift = 0;  ///< of the node that holds entries of this order
    std::uint8_t xa_sibs = 0;   ///< slots of the order, less one
    std::uint8_t xa_offset = 0; ///< slot in xa_node, the canonical one (X5); chunk_size when just past it
    struct xa_node* xa_node = xas_restart;
    struct xa_node* xa_alloc = nullptr; ///< what xas_nomem got

  private:
    /// Not of the state itself, whose address stays private to the reader: it is kept in registers then.
    static void put_back(xarray& array, struct xa_node& unused);
};

// --- the state -----------------------------------------------------------------------------------------------------

/// 0, or -xa_enomem.
inline int xas_error(const xa_state& xas);
/// RESTART, BOUNDS or an error: there is no position.
inline bool xas_invalid(const xa_state& xas) {
    return (reinterpret_cast<std::uintptr_t>(xas.xa_node) & 3) != 0;
}
inline bool xas_valid(const xa_state& xas) { return !xas_invalid(xas); }
/// The walk stands in a node, and not at the head.
inline bool xas_is_node(const xa_state& xas) { return xas_valid(xas) && xas.xa_node != nullptr; }

/// Same index, walk again from the head (X10).
inline void xas_reset(xa_state& xas) { xas.xa_node = xas_restart; }
/// Walk to `index` next; the order stays (X11).
inline void xas_set(xa_state& xas, std::uint64_t index) {
    xas.xa_index = index;
    xas.xa_node = xas_restart;
}
void xas_set_order(xa_state& xas, std::uint64_t index, unsigned order);
void xas_set_err(xa_state& xas, int error);
/// For lockless loops: true when `entry` is RETRY (the state is reset) or ZERO: take the next turn.
inline bool xas_retry(xa_state& xas, std::uint64_t entry) {
    if (xa_is_zero(entry))
        return true;
    if (!xa_is_retry(entry))
        return false;
    xas_reset(xas);
    return true;
}
/// Before the lock is dropped between two steps of an iteration: the next step starts after this entry (X10).
void xas_pause(xa_state& xas);

// --- reading: xa_lock or RCU ---------------------------------------------------------------------------------------

/// The entry at the state's index. Walks; a state that stands somewhere looks at its slot again. With a larger order than
/// the tree has there: an internal node entry (X8).
inline std::uint64_t xas_load(xa_state& xas);
/// The first entry from the index on, up to and including `max`; the next one when the state stands at an entry.
std::uint64_t xas_find(xa_state& xas, std::uint64_t max);
/// xas_find, faster after it.
inline std::uint64_t xas_next_entry(xa_state& xas, std::uint64_t max);
std::uint64_t xas_find_marked(xa_state& xas, std::uint64_t max, xa_mark_t mark);
std::uint64_t xas_next_marked(xa_state& xas, std::uint64_t max, xa_mark_t mark);
/// The first entry inside the state's range, of whatever order, or the larger entry around it; then the next one (X8, X9).
/// Under xa_lock only.
std::uint64_t xas_find_conflict(xa_state& xas);
/// The order of the entry where the state stands.
unsigned xas_get_order(const xa_state& xas);
bool xas_get_mark(const xa_state& xas, xa_mark_t mark);

/// Calls fn(entry) for each entry from the state's index to `max`. fn may store through the state, pause or reset it.
/// RETRY entries are taken care of; leave early with a loop of your own over xas_find and xas_next_entry.
template <class F> void xas_for_each(xa_state& xas, std::uint64_t max, F fn) {
    for (std::uint64_t entry = xas_find(xas, max); entry != 0; entry = xas_next_entry(xas, max)) {
        if (!xas_retry(xas, entry))
            fn(entry);
    }
}
template <class F> void xas_for_each_marked(xa_state& xas, std::uint64_t max, xa_mark_t mark, F fn) {
    for (std::uint64_t entry = xas_find_marked(xas, max, mark); entry != 0;
         entry = xas_next_marked(xas, max, mark)) {
        if (!xas_retry(xas, entry))
            fn(entry);
    }
}
/// Calls fn(entry) for each entry that conflicts with storing the state's range. Under xa_lock.
template <class F> void xas_for_each_conflict(xa_state& xas, F fn) {
    while (const std::uint64_t entry = xas_find_conflict(xas))
        fn(entry);
}

// --- writing: xa_lock ----------------------------------------------------------------------------------------------

/// Stores `entry` for the state's range and returns what was there, or what was there last in it (X6, X7, X12). 0 erases.
/// Check xas_error afterwards; after an error nothing is stored.
std::uint64_t xas_store(xa_state& xas, std::uint64_t entry);
/// Builds the path to the state's slot and returns what is there. `allow_root`: index 0 may use the head itself.
std::uint64_t xas_create(xa_state& xas, bool allow_root);
void xas_set_mark(const xa_state& xas, xa_mark_t mark);
void xas_clear_mark(const xa_state& xas, xa_mark_t mark);
/// The marks of a new entry: none.
void xas_init_marks(const xa_state& xas);

/// Without xa_lock and outside read sections. After -ENOMEM: gets a node, waiting for grace periods, and returns true: repeat the
/// operation. Without an error, or when there is no memory at all: false.
inline bool xas_nomem(xa_state& xas);
/// Gives back what xas_nomem got and nobody used. The destructor does so too.
void xas_destroy(xa_state& xas);

// --- without a state -----------------------------------------------------------------------------------------------

inline bool xa_empty(const xarray& xa) { return xa.xa_head.load(arch::order::relaxed) == 0; }
/// Does any entry have the mark?
inline bool xa_marked(const xarray& xa, xa_mark_t mark) {
    return (xa.xa_mark_flags.load(arch::order::relaxed) >> mark & 1) != 0; // relaxed: a hint without xa_lock
}
/// The entry at `index`, in an RCU read section of its own.
inline std::uint64_t xa_load(xarray& xa, std::uint64_t index);
/// Stores at order 0 under xa_lock, with xas_nomem. Returns the old entry; -ENOMEM shows as *error.
std::uint64_t xa_store(xarray& xa, std::uint64_t index, std::uint64_t entry, int* error = nullptr);
std::uint64_t xa_erase(xarray& xa, std::uint64_t index);
/// Empties it. Also the nodes that a store left empty when it ran out of memory on its way down.
void xa_destroy(xarray& xa);

} // namespace ARCH_MACHINE
} // namespace daxtorture

#include "xarray/walk.hpp"
