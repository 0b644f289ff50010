#include "xarray/pool.hpp"

#include <cassert>
#include <new>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

xa_node_pool::xa_node_pool(unsigned chunk_shift, unsigned nodes, arch::rcu_domain& rcu)
    : slots_(1U << chunk_shift), nodes_max_(nodes),
      stride_((sizeof(xa_node) + slots_ * sizeof(xa_slot) + alignof(xa_node) - 1) / alignof(xa_node) *
              alignof(xa_node)),
      memory_(static_cast<std::byte*>(::operator new[](stride_* nodes, std::align_val_t(alignof(xa_node))))),
      rcu_(rcu) {
    assert(chunk_shift >= 1 && chunk_shift <= 6);
}

xa_node_pool::~xa_node_pool() {
    for (unsigned i = 0; i < built_.peek(); ++i) {
        xa_node* node = at(i);
        for (unsigned slot = 0; slot < slots_; ++slot)
            node->slot(slot).~xa_slot();
        node->~xa_node();
    }
}

xa_node* xa_node_pool::at(unsigned number) const {
    return std::launder(reinterpret_cast<xa_node*>(memory_.get() + number * stride_));
}

xa_node* xa_node_pool::alloc() {
    const std::uint64_t number = allocations_.get() + 1;
    allocations_.set(number);
    if (number >= fail_from_.get() && number < fail_until_.get())
        return nullptr;
    // The peek is a hint; acquire: whoever put the nodes back has emptied them.
    if (free_.get() == nullptr && returned_.peek() != nullptr)
        free_.set(returned_.exchange(nullptr, order::acquire));
    xa_node* node = free_.get();
    if (node != nullptr) {
        free_.set(node->parent.peek());
    } else if (built_.get() < nodes_max_) {
        node = ::new (memory_.get() + built_.get() * stride_) xa_node(*this);
        for (unsigned slot = 0; slot < slots_; ++slot)
            ::new (&node->slot(slot)) xa_slot;
        built_.set(built_.get() + 1);
    } else {
        return nullptr;
    }
    in_use_.add(1);
    return node;
}

bool xa_node_pool::exhausted() const {
    return free_.get() == nullptr && returned_.peek() == nullptr && built_.get() == nodes_max_;
}

void xa_node_pool::put_back(xa_node& node) {
    in_use_.add(std::uint64_t(-1));
    xa_node* first = returned_.load(order::relaxed);
    do
        node.parent.store(first, order::relaxed);                      // published by the exchange
    while (!returned_.compare_exchange(first, &node, order::release)); // release: pairs with alloc's exchange
}

void xa_node_pool::free_rcu(xa_node& node) {
    rcu_.call(node, [](arch::rcu_head& head) {
        auto& freed = static_cast<xa_node&>(head);
        freed.pool->empty(freed);
        freed.pool->put_back(freed);
    });
}

/// No reader is inside any more, so peeks see everything. The plain stores make one that is inside nevertheless a data race.
void xa_node_pool::empty(xa_node& node) const {
    node.shift.set(0);
    node.offset.set(0);
    for (arch::atomic<std::uint64_t>& mark : node.marks) {
        if (mark.peek() != 0)
            mark.store(0, order::relaxed); // relaxed: put_back publishes it
    }
    for (unsigned slot = 0; slot < slots_; ++slot) {
        if (node.slot(slot).peek() != 0)
            node.slot(slot).store(0, order::relaxed); // the same
    }
}

void xa_node_pool::fail_nth(std::uint64_t n, std::uint64_t times) {
    const std::uint64_t first = allocations_.get() + n;
    fail_from_.set(n == 0 ? 0 : first);
    fail_until_.set(n == 0 ? 0 : first + times);
}

unsigned xa_nodes_needed(unsigned chunk_shift, std::uint64_t pages) {
    const std::uint64_t slots = 1U << chunk_shift;
    std::uint64_t all = 1; // an entry of the size of the whole root gets one more root above it
    std::uint64_t level = pages;
    do {
        level = (level + slots - 1) / slots;
        all += level;
    } while (level > 1);
    // A small file's nodes come and go: without spare ones each turn would wait for a grace period.
    constexpr unsigned spare = 32;
    return static_cast<unsigned>(2 * all) + spare;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
