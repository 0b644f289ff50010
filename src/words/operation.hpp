/// The vocabulary of operations: what one line of a scenario, or one draw of a random mix, asks the world to do.
///
/// Machine-neutral and std only: scenarios, reports and engines speak it without knowing a folio. Operands are small
/// integers: an index into the world's mms or files, a half-open range of pages. Which operands an operation takes is
/// data (`shape`), so that the parser, the printer and the random mixes need no list of their own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace daxtorture {

enum class op : std::uint8_t {
    load,
    store,
    mmap,
    munmap,
    pin,
    unpin,
    get,
    put,
    dma_write,
    truncate,
    punch,
    brk,
    reuse,
    evict,
    writeback,
    invalidate,
    interrupt,
    reflink,
    collapse,
    insert,
    zero,
    unbind,
    bind,
    mount,
    umount,
    memory_failure,
    alloc,
    grab,
    write,
    reclaim,
    lease,
    unlease,
    kread,
    mremap,
    fork,
    mlock,
    pagemap,
    power_cut,
    count_
};

/// Which operands follow the operation's name, in this order.
enum class operands : std::uint8_t {
    none,        ///< unpin
    mm,          ///< munmap m0
    mm_page,     ///< store m0 3
    mm_pages,    ///< pin m0 3, pin m0 0..4 (a single page: `last` is 0)
    file,        ///< evict A
    file_size,   ///< truncate A 1        (pages)
    file_range,  ///< punch A 0..2        (pages, end exclusive)
    thread,      ///< interrupt truncater
    device,      ///< unbind pmem0
    device_page, ///< memory-failure pmem0 3
    two_files,   ///< reflink A B
    two_mms,     ///< fork m0 m1         (of equal areas)
};

/// Words that may follow the operands.
enum class flag : std::uint8_t {
    slow = 1,        ///< pin, get: take the page-table lock instead of the lockless walk
    longterm = 2,    ///< pin: FOLL_LONGTERM
    fast = 8,        ///< pin, get: only the lockless walk; a page that is not mapped is not faulted in
    nowait = 4,      ///< break: do not wait for a busy page (dax_break_layout without a callback)
    fails = 64,      ///< bind: the memory cannot be added
    unmounted = 32,  ///< unbind: not while a filesystem is mounted, as ndctl does it
    background = 16, ///< writeback: nobody waits for it, so nothing is promised at its end
};

struct flag_info {
    flag value;
    std::string_view name;
};
inline constexpr std::array<flag_info, 7> flag_table{{
    {flag::slow, "slow"},
    {flag::fast, "fast"},
    {flag::longterm, "longterm"},
    {flag::nowait, "nowait"},
    {flag::background, "background"},
    {flag::unmounted, "unmounted"},
    {flag::fails, "fails"},
}};

struct operation_info {
    op kind;
    std::string_view name;
    operands takes;
    std::uint8_t flags; ///< allowed flags, or-ed
    std::string_view help;
};

inline constexpr std::array<operation_info, static_cast<std::size_t>(op::count_)> operation_table{{
    {op::load, "load", operands::mm_page, 0, "user load; faults the page in when it is not mapped"},
    {op::store, "store", operands::mm_page, 0, "user store; faults the page in writable when needed"},
    {op::mmap, "mmap", operands::mm, 0, "map the mm's areas again after munmap"},
    {op::munmap, "munmap", operands::mm, 0, "unmap all areas of the mm"},
    {op::pin, "pin", operands::mm_pages, 1 | 2 | 8, "pin_user_pages_fast: hold pages for DMA (FOLL_PIN)"},
    {op::unpin, "unpin", operands::none, 0, "unpin_user_pages: drop what this thread's oldest pin holds"},
    {op::get, "get", operands::mm_pages, 1 | 8, "get_user_pages_fast: hold pages (FOLL_GET)"},
    {op::put, "put", operands::none, 0, "folio_put: drop what this thread's oldest get holds"},
    {op::dma_write, "dma-write", operands::none, 0, "the device writes every page this thread has pinned"},
    {op::truncate, "truncate", operands::file_size, 0,
     "set the file's size: break layouts, drop entries, free blocks"},
    {op::punch, "punch", operands::file_range, 0, "punch a hole: break layouts, drop entries, free blocks"},
    {op::brk, "break", operands::file_range, 4, "break the layouts of a range and do nothing else"},
    {op::reuse, "reuse", operands::file, 0,
     "give freed blocks a new owner: fill the file's holes and grow it to its first size"},
    {op::evict, "evict", operands::file, 0,
     "evict the inode at unmount: final break, drop entries, free blocks"},
    {op::writeback, "writeback", operands::file, 16,
     "fsync: write-protect and flush every dirty page of the file"},
    {op::invalidate, "invalidate", operands::file_range, 0,
     "invalidate_inode_pages2_range: drop the clean entries of a range; dirty ones stay"},
    {op::interrupt, "interrupt", operands::thread, 0, "send a signal to a thread"},
    {op::reflink, "reflink", operands::two_files, 0,
     "FICLONE: the second file gives up its blocks and shares those of the first"},
    {op::collapse, "collapse", operands::file_range, 0,
     "remove a range: the pages behind it move down, the file gets shorter"},
    {op::insert, "insert", operands::file_range, 0,
     "insert a hole: the pages behind it move up; refused when the file has no room"},
    {op::zero, "zero", operands::file_range, 0, "zero a range: punch it and put fresh blocks in its place"},
    {op::unbind, "unbind", operands::device, 32,
     "unbind the device from its driver, whatever is mounted: its pages go"},
    {op::bind, "bind", operands::device, 64, "bind the device again after unbind: its pages come back idle"},
    {op::mount, "mount", operands::device, 0, "mount the device's filesystem; it starts mounted"},
    {op::umount, "umount", operands::device, 0,
     "evict every file of the device and let go of it; busy while one is mapped"},
    {op::memory_failure, "memory-failure", operands::device_page, 0,
     "a page of the device is bad: take it away from whoever maps it"},
    {op::alloc, "alloc", operands::device, 0,
     "the driver hands out a page of its pool (private, coherent, p2pdma); put gives it back"},
    {op::grab, "grab", operands::device_page, 0,
     "try to get a page by its frame number, as whoever walks all of memory does; put drops it"},
    {op::write, "write", operands::file_range, 0,
     "write() a range: fill holes, copy shared blocks, drop what is cached of the old pages"},
    {op::reclaim, "reclaim", operands::file_range, 0,
     "virtiofs: take the dmap ranges of these pages away, for other pages to use"},
    {op::lease, "lease", operands::file, 0,
     "a pNFS client gets a layout lease: it knows the file's blocks until it gives it back"},
    {op::unlease, "unlease", operands::none, 0, "give the thread's layout lease back"},
    {op::kread, "kread", operands::device_page, 0,
     "the kernel reads a page of the device itself, as read() does"},
    {op::mremap, "mremap", operands::mm, 0, "move the areas that have a second place to their other place"},
    {op::fork, "fork", operands::two_mms, 0,
     "the second mm, if nothing is mapped there, becomes the first one's child"},
    {op::mlock, "mlock", operands::mm, 0,
     "lock what the mm maps into memory: pages of devices are passed by"},
    {op::pagemap, "pagemap", operands::mm, 0, "read /proc/PID/pagemap: DAX pages are pages of files"},
    {op::power_cut, "power-cut", operands::none, 0,
     "the power fails at this step: what fsync and MAP_SYNC promised must be on the device"},
}};

/// Operations on devices: a world in which none occurs need not look whether its device is there.
constexpr bool concerns_devices(op kind) {
    return kind == op::unbind || kind == op::bind || kind == op::mount || kind == op::umount ||
           kind == op::memory_failure || kind == op::alloc || kind == op::grab || kind == op::kread;
}

/// Operations on layout leases: a world in which none occurs need not look whether there is one.
constexpr bool concerns_leases(op kind) { return kind == op::lease || kind == op::unlease; }

/// Operations that look at what is durable: a world in which none occurs need not keep it.
constexpr bool concerns_power(op kind) { return kind == op::power_cut; }

/// Operations after which write faults look whether blocks are being remapped.
constexpr bool concerns_reflinks(op kind) { return kind == op::reflink; }

constexpr const operation_info& info(op kind) { return operation_table[static_cast<std::size_t>(kind)]; }

/// What became of an operation.
enum class outcome : std::uint8_t {
    done,
    nothing,     ///< there was nothing to do it to (unpin without a pin, a page that could not be pinned)
    sigbus,      ///< the fault found no block behind the page
    interrupted, ///< a signal ended the wait (ERESTARTSYS)
    busy,        ///< a no-wait form met a busy page, invalidation a dirty one (EBUSY/ERESTARTSYS)
    refused,     ///< EOPNOTSUPP, EINVAL, EFAULT
};

inline constexpr std::array<std::string_view, 6> outcome_names{"done",        "nothing", "sigbus",
                                                               "interrupted", "busy",    "refused"};
constexpr std::string_view name(outcome o) { return outcome_names[static_cast<std::size_t>(o)]; }

/// One operation with its operands; fields an operation does not take are 0.
struct operation {
    op kind = op::load;
    std::uint8_t flags = 0;
    std::uint8_t object = 0;         ///< index of the mm, file or thread
    std::uint32_t first = 0;         ///< first page, or the new size in pages
    std::uint32_t last = 0;          ///< one past the last page of a range
    unsigned line = 0;               ///< source line in the scenario file; 0 when drawn at random
    std::uint8_t other = 0;          ///< index of a second file
    unsigned column = 0;             ///< of its first character in that line
    outcome purpose = outcome::done; ///< what it is in the scenario for: "-> refused" means to be refused

    bool has(flag f) const { return (flags & static_cast<std::uint8_t>(f)) != 0; }
    /// Of mm_pages: one past the last page.
    std::uint32_t pages_end() const { return last == 0 ? first + 1 : last; }
    friend bool operator==(const operation& a, const operation& b) {
        return a.kind == b.kind && a.flags == b.flags && a.object == b.object && a.first == b.first &&
               a.last == b.last && a.other == b.other && a.purpose == b.purpose;
    }
};

} // namespace daxtorture
