#include "fs/block.hpp"

#include "mm/lock_classes.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

block_allocator::block_allocator(kernel& k, unsigned blocks, std::uint64_t first)
    : k_(k), blocks_(blocks), first_(first), lock_(lock_classes::block_alloc),
      free_(std::make_unique<arch::plain<std::uint64_t>[]>(blocks)),
      owners_(std::make_unique<arch::plain<unsigned>[]>(blocks)) {
    for (unsigned i = 0; i < blocks; ++i)
        free_[i].set(first + blocks - 1 - i); // the lowest number is given out first
    free_count_.set(blocks);
}

std::uint64_t block_allocator::allocate(int file, std::uint64_t index) {
    arch::guard held(lock_);
    for (unsigned i = free_count_.get(); i-- != 0;) {
        const std::uint64_t block = free_[i].get();
        if (!is_idle(block))
            continue;
        remove_run(block, 1);
        take(block, file, index);
        return block;
    }
    return none;
}

std::uint64_t block_allocator::allocate_run(int file, std::uint64_t index, unsigned order) {
    const std::uint64_t count = std::uint64_t{1} << order;
    arch::guard held(lock_);
    for (std::uint64_t first = 0; first + count <= k_.mem.pages(); first += count) {
        if (!run_is_free(first, count))
            continue;
        remove_run(first, count);
        for (std::uint64_t i = 0; i < count; ++i)
            take(first + i, file, index + i);
        return first;
    }
    return none;
}

bool block_allocator::run_is_free(std::uint64_t first, std::uint64_t count) const {
    std::uint64_t found = 0;
    for (unsigned i = 0; i < free_count_.get(); ++i)
        found += free_[i].get() - first < count && is_idle(free_[i].get());
    return found == count;
}

void block_allocator::remove_run(std::uint64_t first, std::uint64_t count) {
    unsigned kept = 0;
    for (unsigned i = 0; i < free_count_.get(); ++i)
        if (const std::uint64_t block = free_[i].get(); block - first >= count)
            free_[kept++].set(block);
    free_count_.set(kept);
}

void block_allocator::take(std::uint64_t block, int file, std::uint64_t index) {
    check_idle(block, "block_allocator::take");
    block_owner& owner = k_.mem.ledger(block).block;
    owner.generation.add(1);
    owner.dirty_since.set(0);
    owner.uncommitted.set(true);
    owner.owners[0].set(block_owner::owner(file, index));
    owners_[block - first_].set(1);
}

std::uint32_t block_allocator::new_data(std::uint64_t block) {
    const std::uint32_t number = k_.new_data();
    k_.mem.ledger(block).data.set(number);
    return number;
}

void block_allocator::zero(std::uint64_t block) {
    k_.mem.store_whole(block, writer::nobody);
    k_.mem.ledger(block).data.set(0);
}

bool block_allocator::is_idle(std::uint64_t block) const {
    const memmap& pages = k_.mem;
    const folio& f = pages[block];
    return k_.rules.frees == free_busy::at_once ||
           (folio_ref_count(f) == k_.idle_count() && folio_mapcount(f) == 0);
}

bool block_allocator::share(std::uint64_t block, int file, std::uint64_t index) {
    arch::guard held(lock_);
    if (owners_[block - first_].get() == block_owner::most)
        return false;
    owners_[block - first_].set(owners_[block - first_].get() + 1);
    k_.mem.ledger(block).block.replace(0, block_owner::owner(file, index));
    return true;
}

bool block_allocator::is_shared(std::uint64_t block) const {
    arch::guard held(lock_);
    return owners_[block - first_].get() > 1;
}

bool block_allocator::any_free() const {
    arch::guard held(lock_);
    return free_count_.get() != 0;
}

unsigned block_allocator::peek_owned() const {
    unsigned owned = 0;
    for (unsigned i = 0; i < blocks_; ++i)
        owned += owners_[i].peek();
    return owned;
}

void block_allocator::reindex(std::uint64_t block, int file, std::uint64_t from, std::uint64_t to) {
    k_.mem.ledger(block).block.replace(block_owner::owner(file, from), block_owner::owner(file, to));
}

void block_allocator::link(std::uint64_t block) {
    if (k_.mem.power != nullptr) [[unlikely]]
        k_.mem.power->linked(block, k_.fsync_count.get());
}

void block_allocator::commit(std::uint64_t block) {
    if (block != none)
        k_.mem.ledger(block).block.uncommitted.set(false);
}

void block_allocator::free(std::uint64_t block, int file, std::uint64_t index, bool device_goes) {
    arch::guard held(lock_);
    k_.mem.ledger(block).block.replace(block_owner::owner(file, index), 0);
    owners_[block - first_].set(owners_[block - first_].get() - 1);
    if (owners_[block - first_].get() != 0)
        return;
    if (!device_goes && k_.rules.frees == free_busy::at_once)
        check_idle(block, "block_allocator::free");
    const unsigned count = free_count_.get();
    free_[count].set(block);
    free_count_.set(count + 1);
}

void block_allocator::check_idle(std::uint64_t block, const char* when) const {
    const memmap& pages = k_.mem; // the oracle's look: the device may have gone
    const folio& f = pages[block];
    if (k_.mem.ledger(block).held())
        arch::fail(invariant::I7, "a block was freed or reused while a page reference is held", when);
    // One-based, a lockless try-get may hold a reference for a moment on a page that it will give up again.
    if (k_.rules.idle == idle_value::zero && f.refcount.peek() != 0)
        arch::fail(invariant::I7, "a block was freed or reused while its page is not idle", when);
    if (f.mapcount.peek() != 0)
        arch::fail(invariant::I7, "a block was freed or reused while it is mapped", when);
    if (!pages.removed(block) && !is_alone(f, k_.range_of(block)))
        arch::fail(invariant::I14, "a block was freed or reused while its page is not whole again", when);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
