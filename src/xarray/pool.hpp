/// The nodes of one xarray: all memory is given at set-up, freed nodes come back after a grace period.
///
/// In place of the kernel's slab cache. Ways out are NULL, as GFP_NOWAIT's; `fail_nth` makes a chosen allocation fail.
/// Locks     alloc under xa_lock; free_rcu too; put_back anywhere
/// Ordering  put_back releases and alloc acquires, so a node's next user sees it empty
#pragma once

#include "xarray/node.hpp"

#include <arch/oracle.hpp>

#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class xa_node_pool {
  public:
    /// Room for `nodes` nodes of 2^chunk_shift slots. Each is built when it is first used: a big pool costs address space only.
    xa_node_pool(unsigned chunk_shift, unsigned nodes, arch::rcu_domain& rcu);
    ~xa_node_pool();
    xa_node_pool(const xa_node_pool&) = delete;
    xa_node_pool& operator=(const xa_node_pool&) = delete;

    /// A node with empty slots and clear marks, or nullptr. Caller holds xa_lock.
    xa_node* alloc();
    /// Is it really out of nodes, and not only told to fail? Caller holds xa_lock.
    bool exhausted() const;
    /// Returns a node that no reader can have seen, or that its grace period has emptied.
    void put_back(xa_node& node);
    /// Returns a node that was in the tree, when no reader can be inside any more.
    void free_rcu(xa_node& node);

    /// The n-th allocation from now on fails (1: the next one), and the `times - 1` after it. 0 switches that off.
    void fail_nth(std::uint64_t n, std::uint64_t times = 1);
    /// Calls of alloc so far, failed ones included.
    std::uint64_t allocations() const { return allocations_.get(); }
    /// Nodes handed out and not back yet, for tests: equals the nodes of the tree after rcu barrier().
    std::uint64_t in_use() const { return in_use_.get(); }

  private:
    xa_node* at(unsigned number) const;
    void empty(xa_node& node) const;

    struct aligned_delete {
        void operator()(std::byte* memory) const {
            ::operator delete[](memory, std::align_val_t(alignof(xa_node)));
        }
    };

    const unsigned slots_;
    const unsigned nodes_max_;
    const std::size_t stride_;
    std::unique_ptr<std::byte[], aligned_delete> memory_;
    arch::rcu_domain& rcu_;
    arch::plain<unsigned> built_;     ///< nodes that were ever used
    arch::plain<xa_node*> free_;      ///< linked through parent
    arch::atomic<xa_node*> returned_; ///< pushed singly, taken as a whole: no ABA
    arch::oracle<std::uint64_t> allocations_{0};
    arch::oracle<std::uint64_t> in_use_{0};
    arch::oracle<std::uint64_t> fail_from_{0};
    arch::oracle<std::uint64_t> fail_until_{0};
};

/// Nodes that a tree over the indices 0..pages-1 has when it is full, that again for nodes that wait for their grace
/// period, and some more.
unsigned xa_nodes_needed(unsigned chunk_shift, std::uint64_t pages);

} // namespace ARCH_MACHINE
} // namespace daxtorture
