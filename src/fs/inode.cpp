#include "fs/inode.hpp"

namespace daxtorture::inline ARCH_MACHINE {

using arch::order;

inode::inode(int number, fs_kind kind, unsigned pages, block_allocator& device, const xarray_config& shape)
    : mapping(number, shape), fs(kind), max_pages(pages), blocks(device), i_rwsem(lock_classes::i_rwsem),
      ilock(lock_classes::ilock), extents(std::make_unique<arch::plain<std::uint64_t>[]>(pages)) {
    for (unsigned page = 0; page < pages; ++page)
        extents[page].set(blocks.allocate(number, page));
    i_size.store(pages, order::relaxed);
}

namespace {

bool inside_eof(void* host, std::uint64_t pgoff) {
    // relaxed: i_size changes under invalidate_lock, which the fault holds shared
    return pgoff < static_cast<inode*>(host)->i_size.load(order::relaxed);
}

iomap file_iomap_begin(kernel&, void* host, std::uint64_t pgoff, bool write) {
    inode& file = *static_cast<inode*>(host);
    arch::guard held(file.ilock);
    std::uint64_t block = file.extents[pgoff].get();
    if (block == block_allocator::none && write) {
        block = file.blocks.allocate(file.mapping.number, pgoff);
        if (block == block_allocator::none)
            return {iomap::kind::beyond_eof, 0}; // no space: SIGBUS
        file.extents[pgoff].set(block);
    }
    if (block == block_allocator::none)
        return {iomap::kind::hole, 0};
    return {iomap::kind::mapped, block};
}

constexpr iomap_ops file_iomap_ops{inside_eof, file_iomap_begin};

vm_fault_result file_fault(kernel& k, vm_fault& fault) {
    arch::read_guard held(fault.vma.mapping->invalidate_lock);
    return dax_iomap_fault(k, fault, file_iomap_ops);
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
