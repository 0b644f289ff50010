#include "fs/cow_fork.hpp"

#include "fs/super.hpp"

#include <algorithm>
#include <bit>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

bool is_reserved(const inode& file, std::uint64_t pgoff) {
    return file.cow_fork[pgoff].get() != block_allocator::none;
}

/// One run of blocks for several pages: all of it must be reserved already, or nothing.
std::uint64_t reserve_cow_run(inode& file, std::uint64_t first, std::uint64_t pages) {
    const std::uint64_t start = file.cow_fork[first].get();
    for (std::uint64_t i = 0; i < pages; ++i)
        if (file.cow_fork[first + i].get() != (start == block_allocator::none ? start : start + i))
            return block_allocator::none;
    if (start != block_allocator::none)
        return start;
    const std::uint64_t block =
        file.blocks.allocate_run(file.mapping.number, first, static_cast<unsigned>(std::countr_zero(pages)));
    for (std::uint64_t i = 0; block != block_allocator::none && i < pages; ++i)
        file.cow_fork[first + i].set(block + i);
    return block;
}

} // namespace

bool needs_cow(const inode& file, std::uint64_t pgoff) {
    return file.is_reflink.get() &&
           (is_reserved(file, pgoff) || (file.extents[pgoff].get() != block_allocator::none &&
                                         file.blocks.is_shared(file.extents[pgoff].get())));
}

std::uint64_t trim_around_shared(const inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    if (!file.is_reflink.get())
        return pages;
    const bool shared = needs_cow(file, pgoff);
    std::uint64_t alike = 1;
    while (alike < pages && needs_cow(file, pgoff + alike) == shared)
        ++alike;
    return alike;
}

std::uint64_t reserve_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    if (pages > 1)
        return reserve_cow_run(file, pgoff, pages);
    if (!is_reserved(file, pgoff))
        file.cow_fork[pgoff].set(file.blocks.allocate(file.mapping.number, pgoff));
    return file.cow_fork[pgoff].get();
}

void end_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    for (std::uint64_t page = pgoff; page < pgoff + pages; ++page) {
        if (!is_reserved(file, page))
            continue;
        if (const std::uint64_t old = file.extents[page].get(); old != block_allocator::none)
            file.blocks.free(old, file.mapping.number, page);
        file.extents[page].set(file.cow_fork[page].get());
        file.cow_fork[page].set(block_allocator::none);
        file.log_pinned.set(true); // an fsync since the reservation has not seen this
    }
}

void cancel_cow(inode& file, std::uint64_t first, std::uint64_t last) {
    if (!file.is_reflink.get())
        return;
    for (std::uint64_t page = first; page < std::min<std::uint64_t>(last, file.max_pages); ++page) {
        const std::uint64_t block = file.cow_fork[page].get();
        if (block == block_allocator::none)
            continue;
        file.cow_fork[page].set(block_allocator::none);
        file.blocks.free(block, file.mapping.number, page, file.sb->shut_down.peek());
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
