#include "fs/block.hpp"

#include "mm/lock_classes.hpp"

#include <arch/check.hpp>

namespace daxtorture::inline ARCH_MACHINE {

block_allocator::block_allocator(kernel& k, unsigned blocks)
    : k_(k), lock_(lock_classes::block_alloc), free_(std::make_unique<arch::plain<std::uint64_t>[]>(blocks)) {
    for (unsigned i = 0; i < blocks; ++i)
        free_[i].set(blocks - 1 - i); // the lowest number is given out first
    free_count_.set(blocks);
}

std::uint64_t block_allocator::allocate(int file, std::uint64_t index) {
    arch::guard held(lock_);
    const unsigned count = free_count_.get();
    if (count == 0)
        return none;
    const std::uint64_t block = free_[count - 1].get();
    free_count_.set(count - 1);
    check_idle(block, "block_allocator::allocate");
    block_owner& owner = k_.mem.ledger(block).block;
    owner.generation.add(1);
    owner.dirty_since.set(0);
    owner.file.set(file);
    owner.index.set(static_cast<std::uint32_t>(index));
    return block;
}

void block_allocator::free(std::uint64_t block) {
    check_idle(block, "block_allocator::free");
    arch::guard held(lock_);
    k_.mem.ledger(block).block.file.set(block_owner::nobody);
    const unsigned count = free_count_.get();
    free_[count].set(block);
    free_count_.set(count + 1);
}

void block_allocator::check_idle(std::uint64_t block, const char* when) const {
    const folio& f = k_.mem[block];
    if (k_.mem.ledger(block).held())
        arch::fail(7, "a block was freed or reused while a page reference is held", when);
    // One-based, a lockless try-get may hold a reference for a moment on a page that it will give up again.
    if (k_.rules.idle == idle_value::zero && f.refcount.peek() != 0)
        arch::fail(7, "a block was freed or reused while its page is not idle", when);
    if (f.mapcount.peek() != 0)
        arch::fail(7, "a block was freed or reused while it is mapped", when);
}

} // namespace daxtorture::inline ARCH_MACHINE
