#include "fs/inode.hpp"

#include "dax/sync_fault.hpp"
#include "fs/cow_fork.hpp"
#include "fs/dmap.hpp"
#include "fs/lease.hpp"
#include "fs/power_cut.hpp"
#include "fs/super.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

inode::inode(int number, const file_config& config, unsigned order_of_extents, block_allocator& device,
             const xarray_config& shape)
    : mapping(number, shape), fs(config.fs), extent_order(order_of_extents), max_pages(config.pages),
      blocks(device), i_rwsem(lock_classes::i_rwsem), ilock(lock_classes::ilock),
      extents(std::make_unique<arch::plain<std::uint64_t>[]>(max_pages)),
      cow_fork(std::make_unique<arch::plain<std::uint64_t>[]>(max_pages)),
      unwritten(std::make_unique<arch::plain<bool>[]>(max_pages)),
      data(std::make_unique<arch::oracle<std::uint32_t>[]>(max_pages)) {
    const unsigned pages = max_pages;
    i_size.store(pages, order::relaxed);
    for (unsigned page = 0; page < pages; ++page) {
        extents[page].set(block_allocator::none);
        cow_fork[page].set(block_allocator::none);
    }
    if (config.dmap) {
        dmap_users = std::make_unique<arch::plain<unsigned>[]>(pages);
        return; // ranges are bound on demand
    }
    for (unsigned page = 0; page < pages; ++page) {
        if (extents[page].get() == block_allocator::none)
            allocate_block(*this, page, new_block::zeroed);
        blocks.commit(extents[page].get());
        data[page].set(blocks.new_data(extents[page].get()));
    }
    log_pinned.set(false);
}

inode::~inode() = default;

namespace {

/// The pages from `page` on get the blocks from `block` on.
void give_blocks(inode& file, std::uint64_t page, std::uint64_t block, std::uint64_t count, new_block state) {
    for (std::uint64_t i = 0; i < count; ++i) {
        if (state == new_block::zeroed)
            file.blocks.zero(block + i);
        file.unwritten[page + i].set(state == new_block::unwritten);
        file.blocks.link(block + i);
        file.extents[page + i].set(block + i);
    }
    file.log_pinned.set(true);
}

/// Gives the aligned run around `page` a run of blocks, when all of it is a hole inside the file.
bool allocate_extent(inode& file, std::uint64_t page, new_block state) {
    const std::uint64_t pages = std::uint64_t{1} << file.extent_order;
    const std::uint64_t first = page & ~(pages - 1);
    // relaxed: i_size changes under invalidate_lock, which every caller holds. Nothing is allocated behind the end of the file
    if (file.extent_order == 0 || first + pages > file.i_size.load(order::relaxed))
        return false;
    for (std::uint64_t i = 0; i < pages; ++i)
        if (file.extents[first + i].get() != block_allocator::none)
            return false;
    const std::uint64_t block = file.blocks.allocate_run(file.mapping.number, first, file.extent_order);
    if (block == block_allocator::none)
        return false;
    give_blocks(file, first, block, pages, state);
    return true;
}

/// How many of the `most` pages from `first` on continue what `first` is: a run of blocks, or of holes. A file whose blocks come one by one has
/// no runs.
std::uint64_t run_length(const inode& file, std::uint64_t first, std::uint64_t most) {
    const std::uint64_t start = file.extents[first].get();
    std::uint64_t length = 1;
    while (file.extent_order != 0 && length < most && first + length < file.max_pages &&
           file.extents[first + length].get() == (start == block_allocator::none ? start : start + length))
        ++length;
    return length;
}

} // namespace

std::uint64_t end_of_hole(const inode& file, std::uint64_t page) {
    const std::uint64_t pages = std::uint64_t{1} << file.extent_order;
    return page + run_length(file, page, pages - (page & (pages - 1)));
}

bool allocate_block(inode& file, std::uint64_t page, new_block state) {
    if (allocate_extent(file, page, state))
        return true;
    const std::uint64_t block = file.blocks.allocate(file.mapping.number, page);
    if (block == block_allocator::none)
        return false;
    give_blocks(file, page, block, 1, state);
    return true;
}

namespace {

/// The caller holds ilock.
void free_extents(inode& file, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t page = first; page < last && page < file.max_pages; ++page) {
        const std::uint64_t block = file.extents[page].get();
        if (block == block_allocator::none)
            continue;
        check_not_leased(file, "free_blocks");
        file.extents[page].set(block_allocator::none);
        file.data[page].set(0);
        forget_promise(file, page);
        // What was shut down changes nothing on disk any more
        file.blocks.free(block, file.mapping.number, page, file.sb->shut_down.peek());
        file.log_pinned.set(true);
    }
    if (file.has_dmaps())
        wake_range_waiters(file);
}

} // namespace

void free_blocks(inode& file, std::uint64_t first, std::uint64_t last) {
    arch::guard held(file.ilock);
    free_extents(file, first, last);
}

void itruncate_extents(inode& file, std::uint64_t first) {
    arch::guard held(file.ilock);
    free_extents(file, first, file.max_pages);
    cancel_cow(file, first, file.max_pages);
}

namespace {

bool inside_eof(void* host, std::uint64_t pgoff) {
    // relaxed: i_size changes under invalidate_lock, which the fault holds shared
    return pgoff < static_cast<inode*>(host)->i_size.load(order::relaxed);
}

/// What a write gets where other files have the block, too: blocks of its own, of as many of the pages as come in one run.
iomap begin_cow(inode& file, std::uint64_t pgoff, std::uint64_t pages) {
    const cow_run own = reserve_cow(file, pgoff, pages);
    if (own.first == block_allocator::none)
        return {.type = iomap::kind::beyond_eof}; // no space
    file.log_pinned.set(true);
    return {.type = iomap::kind::mapped,
            .pfn = own.first,
            .pages = own.pages,
            .dirty = true,
            .shared = true,
            .source = file.extents[pgoff].get(),
            .device = &file.sb->device};
}

/// A PMD fault that is answered for fewer pages falls back.
std::uint64_t mapped_run(const kernel& k, const inode& file, std::uint64_t pgoff, std::uint64_t pages,
                         bool shared) {
    if (shared && pages > 1 && k.rules.shared_pmds == pmd_sharing::fall_back)
        return 1;
    return trim_around_shared(file, pgoff, run_length(file, pgoff, pages));
}

/// Counts lookups of these pages' ranges that are in use: one more, or one less.
void use_dmaps(inode& file, std::uint64_t pgoff, std::uint64_t pages, unsigned change) {
    for (std::uint64_t page = pgoff; page < pgoff + pages; ++page)
        file.dmap_users[page].set(file.dmap_users[page].get() + change);
}

iomap file_iomap_begin(kernel& k, void* host, std::uint64_t pgoff, std::uint64_t pages, bool write) {
    inode& file = *static_cast<inode*>(host);
    arch::guard held(file.ilock);
    if (sb_is_shut_down(k, *file.sb))
        return {iomap::kind::beyond_eof}; // EIO: SIGBUS
    bool fresh = false;
    if (file.has_dmaps()) {
        // What the range shows from now on is the file, which the host keeps
        if (file.extents[pgoff].get() == block_allocator::none &&
            !allocate_block(file, pgoff, new_block::zeroed))
            return {.type = iomap::kind::no_range}; // EAGAIN: a fault cannot reclaim one
    } else if (file.extents[pgoff].get() == block_allocator::none && !(write && needs_cow(file, pgoff))) {
        if (!write)
            return {.type = iomap::kind::hole, .pages = run_length(file, pgoff, pages)};
        const bool zeroed = k.rules.zeroing == hole_zeroing::at_allocation;
        if (!allocate_block(file, pgoff, zeroed ? new_block::zeroed : new_block::unwritten))
            return {.type = iomap::kind::beyond_eof}; // no space: SIGBUS
        fresh = true;
        if (zeroed)
            pmem_clear_poison(k, file.sb->device, file.extents[pgoff].get());
    }
    const bool shared = needs_cow(file, pgoff);
    const std::uint64_t run = mapped_run(k, file, pgoff, pages, shared);
    if (write && shared)
        return begin_cow(file, pgoff, run);
    if (file.has_dmaps())
        use_dmaps(file, pgoff, run, 1);
    return {.type = iomap::kind::mapped,
            .pfn = file.extents[pgoff].get(),
            .pages = run,
            .dirty = file.log_pinned.get(),
            .shared = shared,
            .fresh = fresh,
            .unwritten = file.unwritten[pgoff].get(),
            .device = &file.sb->device};
}

/// What was reserved for a write takes its place in the file, or is given back (xfs_dax_write_iomap_end).
void file_iomap_end(kernel& k, void* host, std::uint64_t pgoff, bool write, const iomap& where,
                    std::uint64_t written) {
    inode& file = *static_cast<inode*>(host);
    // Whether it shares blocks is asked of the file and not of the pages (xfs_is_cow_inode)
    const bool may_share = write && file.remapping != nullptr;
    if (!file.has_dmaps() && !where.unwritten && !may_share)
        return;
    arch::guard held(file.ilock);
    if (file.has_dmaps()) {
        use_dmaps(file, pgoff, where.pages, ~0U);
    } else if (where.unwritten) {
        if (written == 0)
            return;
        file.unwritten[pgoff].set(false); // the extent is converted: its content is the file's now
        file.log_pinned.set(true);
    } else if (!file.is_reflink.get()) {
        return;
    } else if (written != 0) {
        end_cow(file, pgoff, written);
    } else if (k.rules.cow_cancels == cow_cancel::at_failure) {
        cancel_cow(file, pgoff, pgoff + where.pages);
    }
}

} // namespace

const iomap_ops file_iomap_ops{inside_eof, file_iomap_begin, file_iomap_end};

namespace {

void fsync_for_fault(kernel& k, void* host, std::uint64_t first, std::uint64_t last) {
    file_fsync_range(k, *static_cast<inode*>(host), first, last);
}

/// The invalidate lock of a fault: shared, but exclusive for a store to a file whose blocks are being remapped
/// (xfs_ilock_for_write_fault, kernel facts 2.7).
class fault_lock {
  public:
    fault_lock(kernel& k, inode& file, const vm_fault& fault, arch::site at = arch::site::here())
        : lock_(file.mapping.invalidate_lock) {
        lock_.down_read(at);
        // relaxed: set under the lock, held exclusively
        if (!fault.write || !fault.vma.shared || file.remapping == nullptr ||
            !file.remapping->load(order::relaxed) || k.rules.remapping == remap_fault::shared)
            return;
        lock_.up_read(at);
        lock_.down_write(at); // which is when the remapping has ended
        mode_ = mode::exclusive;
    }
    ~fault_lock() { unlock(); }
    void unlock() {
        if (mode_ == mode::shared)
            lock_.up_read();
        else if (mode_ == mode::exclusive)
            lock_.up_write();
        mode_ = mode::none;
    }
    fault_lock(const fault_lock&) = delete;
    fault_lock& operator=(const fault_lock&) = delete;

  private:
    enum class mode : unsigned char { none, shared, exclusive };
    arch::rwsem& lock_;
    mode mode_ = mode::shared;
};

/// A fault that finds no free dmap range waits for one and begins again.
vm_fault_result fault_until_range(kernel& k, vm_fault& fault,
                                  vm_fault_result (*attempt)(kernel&, vm_fault&, fault_lock&)) {
    inode& file = *static_cast<inode*>(fault.vma.host);
    for (;;) {
        fault_lock held(k, file, fault);
        const vm_fault_result result = attempt(k, fault, held);
        if (result != vm_fault_result::again)
            return result;
        if (k.rules.dmap_waits == dmap_wait::unlocked)
            held.unlock();
        wait_for_free_range(k, file);
    }
}

enum class fault_size : unsigned char { pte, pmd };

template <fault_size size> vm_fault_result attempt_fault(kernel& k, vm_fault& fault, fault_lock& held) {
    if (fault.write && !sb_start_write(k, *static_cast<inode*>(fault.vma.host)->sb))
        return vm_fault_result::sigbus;
    std::uint64_t pfn = 0;
    const vm_fault_result result = size == fault_size::pte
                                       ? dax_iomap_fault(k, fault, pfn, file_iomap_ops)
                                       : dax_iomap_pmd_fault(k, fault, pfn, file_iomap_ops);
    if (result != vm_fault_result::needdsync)
        return result;
    // Nothing but this lock keeps the block with the file until the page is mapped: no entry lock, no reference.
    if (k.rules.sync_lock == sync_fault_lock::drop)
        held.unlock();
    return dax_finish_sync_fault(k, static_cast<inode*>(fault.vma.host)->sb->device, fault, pfn,
                                 size == fault_size::pte ? 0 : k.pmd_order, fsync_for_fault);
}

vm_fault_result file_fault(kernel& k, vm_fault& fault) {
    return fault_until_range(k, fault, attempt_fault<fault_size::pte>);
}

vm_fault_result file_huge_fault(kernel& k, vm_fault& fault) {
    return fault_until_range(k, fault, attempt_fault<fault_size::pmd>);
}

/// Has the block behind the page been stored to? One that has turned bad since makes no promise: a fault of it changes nothing.
bool file_has_data(const kernel& k, const vm_area& area, std::uint64_t page) {
    const inode& file = *static_cast<const inode*>(area.host);
    return page_has_data(k, file, area.file_page(page));
}

} // namespace

bool page_has_data(const kernel& k, const inode& file, std::uint64_t index) {
    const std::uint64_t block = file.extents[index].peek();
    return block != block_allocator::none && !file.unwritten[index].peek() && k.mem.is_stored_to(block) &&
           !is_badblock(file.sb->device, block);
}

const vm_operations file_vm_ops{.fault = file_fault,
                                .huge_fault = file_huge_fault,
                                .pud_fault = nullptr,
                                .has_data = file_has_data,
                                .stored_durably = promise_page};

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

bool file_may_map(const vm_area& area) {
    return area.ops != &file_vm_ops || !static_cast<const inode*>(area.host)->evicted.get();
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
