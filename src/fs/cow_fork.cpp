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

/// How many of the pages have reservations that continue the first one's.
std::uint64_t reserved_run(const inode& file, std::uint64_t first, std::uint64_t pages) {
    const std::uint64_t start = file.cow_fork[first].get();
    std::uint64_t count = 1;
    while (count < pages && file.cow_fork[first + count].get() == start + count)
        ++count;
    return count;
}

/// A new run for all of the pages, when none of them has a reservation and the allocator has such a run.
std::uint64_t allocate_cow_run(inode& file, std::uint64_t first, std::uint64_t pages) {
    if (pages == 1 || !std::has_single_bit(pages) || (first & (pages - 1)) != 0)
        return block_allocator::none;
    for (std::uint64_t i = 0; i < pages; ++i)
        if (is_reserved(file, first + i))
            return block_allocator::none;
    return file.blocks.allocate_run(file.mapping.number, first,
                                    static_cast<unsigned>(std::countr_zero(pages)));
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

cow_run reserve_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    if (is_reserved(file, pgoff))
        return {file.cow_fork[pgoff].get(), reserved_run(file, pgoff, pages)};
    cow_run run{allocate_cow_run(file, pgoff, pages), pages};
    if (run.first == block_allocator::none)
        run = {file.blocks.allocate(file.mapping.number, pgoff), 1};
    for (std::uint64_t i = 0; run.first != block_allocator::none && i < run.pages; ++i)
        file.cow_fork[pgoff + i].set(run.first + i);
    return run;
}

void end_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    for (std::uint64_t page = pgoff; page < pgoff + pages; ++page) {
        if (!is_reserved(file, page))
            continue;
        if (const std::uint64_t old = file.extents[page].get(); old != block_allocator::none)
            file.blocks.free(old, file.mapping.number, page);
        file.blocks.link(file.cow_fork[page].get());
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
