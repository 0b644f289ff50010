#include "fs/power_cut.hpp"

#include "fs/super.hpp"

#include <arch/check.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

/// Can the page be asked for its data? Not while it is being thrown away, nor when its memory is bad or its filesystem was shut down.
bool is_answerable(const kernel& k, const inode& file, std::uint64_t page) {
    const std::uint64_t block = file.extents[page].peek();
    const bool discarded = file.discard_first.get() <= page && page < file.discard_last.get();
    return !discarded && !file.sb->shut_down.peek() &&
           (block == block_allocator::none || !(k.mem.removed(block) || is_badblock(file.sb->device, block)));
}

void promise(inode& file, std::uint64_t page, std::uint32_t version) {
    file.promised[page].set(std::max(file.promised[page].get(), version));
}

} // namespace

void promise_file(const kernel& k, inode& file, std::uint64_t fsync) {
    if (file.promised == nullptr)
        return;
    k.mem.power->step();
    for (unsigned page = 0; page < file.max_pages; ++page) {
        const std::uint64_t block = file.extents[page].peek();
        if (block == block_allocator::none || !is_answerable(k, file, page))
            continue;
        if (!k.mem.ledger(block).block.uncommitted.get())
            promise(file, page, k.mem.power->on_media(block));
        else if (k.mem.power->linked_before(block, fsync))
            arch::fail(invariant::I20, "fsync returned and nothing on disk leads to a block of the file",
                       "the log was not forced");
    }
}

void promise_page(kernel& k, const vm_area& area, std::uint64_t page, std::uint64_t pfn) {
    inode& file = *static_cast<inode*>(area.host);
    if (file.promised == nullptr)
        return;
    k.mem.power->flushed(pfn);
    if (const std::uint64_t index = area.file_page(page); file.extents[index].peek() == pfn)
        promise(file, index, k.mem.power->on_media(pfn));
}

void forget_promise(inode& file, std::uint64_t page) {
    if (file.promised != nullptr)
        file.promised[page].set(0);
}

void check_power_cut(const kernel& k, const inode& file) {
    for (unsigned page = 0; file.promised != nullptr && page < file.max_pages; ++page) {
        const std::uint32_t promised = file.promised[page].get();
        const std::uint64_t block = file.extents[page].peek();
        const bool there = block != block_allocator::none && k.mem.power->on_media(block) >= promised;
        // Read again: on real threads the file goes on meanwhile
        if (promised != 0 && !there && is_answerable(k, file, page) &&
            file.promised[page].get() == promised && file.extents[page].peek() == block)
            arch::fail(invariant::I20, "after a power cut a page lacks data that was durable",
                       "the block that leads from the file does not have it");
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
