#include "fs/inode.hpp"

#include "dax/sync_fault.hpp"

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

inode::inode(int number, fs_kind kind, unsigned pages, block_allocator& device, const xarray_config& shape)
    : mapping(number, shape), fs(kind), max_pages(pages), blocks(device), i_rwsem(lock_classes::i_rwsem),
      ilock(lock_classes::ilock), extents(std::make_unique<arch::plain<std::uint64_t>[]>(pages)) {
    for (unsigned page = 0; page < pages; ++page) {
        extents[page].set(blocks.allocate(number, page));
        blocks.commit(extents[page].get());
    }
    i_size.store(pages, order::relaxed);
}

bool allocate_block(inode& file, std::uint64_t page) {
    const std::uint64_t block = file.blocks.allocate(file.mapping.number, page);
    if (block == block_allocator::none)
        return false;
    file.extents[page].set(block);
    file.log_pinned.set(true);
    return true;
}

void free_blocks(inode& file, std::uint64_t first, std::uint64_t last) {
    arch::guard held(file.ilock);
    for (std::uint64_t page = first; page < last && page < file.max_pages; ++page) {
        const std::uint64_t block = file.extents[page].get();
        if (block == block_allocator::none)
            continue;
        file.extents[page].set(block_allocator::none);
        file.blocks.free(block, file.mapping.number, page);
        file.log_pinned.set(true);
    }
}

namespace {

bool inside_eof(void* host, std::uint64_t pgoff) {
    // relaxed: i_size changes under invalidate_lock, which the fault holds shared
    return pgoff < static_cast<inode*>(host)->i_size.load(order::relaxed);
}

iomap file_iomap_begin(kernel&, void* host, std::uint64_t pgoff, bool write) {
    inode& file = *static_cast<inode*>(host);
    arch::guard held(file.ilock);
    if (file.extents[pgoff].get() == block_allocator::none) {
        if (!write)
            return {iomap::kind::hole};
        if (!allocate_block(file, pgoff))
            return {iomap::kind::beyond_eof}; // no space: SIGBUS
    }
    const std::uint64_t block = file.extents[pgoff].get();
    const bool shared = file.blocks.is_shared(block);
    if (!write || !shared)
        return {iomap::kind::mapped, block, file.log_pinned.get(), shared};
    const std::uint64_t own = file.blocks.allocate(file.mapping.number, pgoff); // xfs_reflink_allocate_cow
    if (own == block_allocator::none)
        return {iomap::kind::beyond_eof};
    file.log_pinned.set(true);
    return {iomap::kind::mapped, own, true, true, block};
}

/// xfs_reflink_end_cow: the block that a write to a shared one got takes its place in the file. Still under the entry lock.
void file_iomap_end(kernel&, void* host, std::uint64_t pgoff, bool write, const iomap& where) {
    if (!write || !where.shared)
        return;
    inode& file = *static_cast<inode*>(host);
    arch::guard held(file.ilock);
    file.extents[pgoff].set(where.pfn);
    file.blocks.free(where.source, file.mapping.number, pgoff);
}

constexpr iomap_ops file_iomap_ops{inside_eof, file_iomap_begin, file_iomap_end};

void fsync_for_fault(kernel& k, void* host, std::uint64_t first, std::uint64_t last) {
    file_fsync_range(k, *static_cast<inode*>(host), first, last);
}

vm_fault_result file_fault(kernel& k, vm_fault& fault) {
    arch::read_guard held(fault.vma.mapping->invalidate_lock);
    std::uint64_t pfn = 0;
    const vm_fault_result result = dax_iomap_fault(k, fault, pfn, file_iomap_ops);
    if (result != vm_fault_result::needdsync)
        return result;
    // Nothing but this lock keeps the block with the file until the page is mapped: no entry lock, no reference.
    if (k.rules.sync_lock == sync_fault_lock::drop)
        held.unlock();
    return dax_finish_sync_fault(k, fault, pfn, fsync_for_fault);
}

} // namespace

const vm_operations file_vm_ops{file_fault};

open_file::open_file(inode& file) : file_(nullptr) {
    arch::read_guard i_mmap(file.mapping.i_mmap_rwsem);
    if (file.evicted.get())
        return;
    file.open_count.fetch_add(1,
                              order::relaxed); // relaxed: eviction looks under i_mmap_rwsem, held exclusively
    file_ = &file;
}

open_file::~open_file() {
    if (file_ != nullptr)
        file_->open_count.fetch_sub(
            1, order::release); // release: eviction, which acquires it, comes after this operation
}

bool file_may_map(const vm_area& area) { return !static_cast<const inode*>(area.host)->evicted.get(); }

} // namespace daxtorture::inline ARCH_MACHINE
