#include "scenario/choices.hpp"

#include <algorithm>

namespace daxtorture {
namespace {

constexpr std::uint8_t byte(std::size_t i) { return static_cast<std::uint8_t>(i); }

/// Pages of a file or area that are worth drawing: all of a few; of many the ends, and both sides of each PMD's border.
std::vector<unsigned> pages_to_draw(unsigned pages, unsigned pmd_pages) {
    constexpr unsigned few = 16;
    std::vector<unsigned> drawn;
    for (unsigned page = 0; page < pages; ++page)
        if (const unsigned offset = page % pmd_pages;
            pages <= few || offset <= 1 || offset == pmd_pages - 1 || page == pages - 1)
            drawn.push_back(page);
    return drawn;
}

/// Calls `visit(first, last)` for single pages, and for a few from there on: what one call of GUP may ask for.
template <class Visit> void for_each_run(unsigned pages, unsigned pmd_pages, Visit visit) {
    constexpr unsigned few = 4;
    for (const unsigned page : pages_to_draw(pages, pmd_pages)) {
        visit(page, page + 1);
        if (page + 1 < pages)
            visit(page, std::min(page + few, pages));
    }
}

/// Calls `visit(mm, area)` for each area of each mm.
template <class Visit> void for_each_area(const world_config& world, Visit visit) {
    for (std::size_t m = 0; m < world.mms.size(); ++m)
        for (const area_config& area : world.mms[m].areas)
            visit(byte(m), area);
}

/// Calls `visit(from, to)` for each two different ones of `count`, in both orders.
template <class Visit> void for_each_pair(std::size_t count, Visit visit) {
    for (std::size_t from = 0; from < count; ++from)
        for (std::size_t to = 0; to < count; ++to)
            if (from != to)
                visit(byte(from), byte(to));
}

/// Calls `visit(operation)` for each choice of operands that an operation may have, without flags.
template <class Visit> void for_each_operand(op kind, const world_config& world, Visit visit) {
    const unsigned pmd_pages = 1U << world.shape.pmd_order;
    const std::vector<device_operand> devices = device_operands(world);
    switch (info(kind).takes) {
    case operands::none:
        visit({kind});
        break;
    case operands::mm:
        for (std::size_t m = 0; m < world.mms.size(); ++m)
            visit({kind, 0, byte(m)});
        break;
    case operands::mm_page:
        for_each_area(world, [&](std::uint8_t m, const area_config& area) {
            for (const unsigned page : pages_to_draw(area.pages(), pmd_pages))
                visit({kind, 0, m, area.at + page});
        });
        break;
    case operands::mm_pages:
        for_each_area(world, [&](std::uint8_t m, const area_config& area) {
            for_each_run(area.pages(), pmd_pages, [&](unsigned first, unsigned last) {
                visit({kind, 0, m, area.at + first, last == first + 1 ? 0 : area.at + last});
            });
        });
        break;
    case operands::two_mms:
        for_each_pair(world.mms.size(), [&](std::uint8_t from, std::uint8_t to) {
            if (world.mms[from].areas == world.mms[to].areas)
                visit({kind, 0, from, 0, 0, 0, to});
        });
        break;
    case operands::file:
        for (std::size_t f = 0; f < world.files.size(); ++f)
            visit({kind, 0, byte(f)});
        break;
    case operands::file_size:
        for (std::size_t f = 0; f < world.files.size(); ++f)
            for (const unsigned size : pages_to_draw(world.files[f].pages, pmd_pages))
                visit({kind, 0, byte(f), size});
        break;
    case operands::file_range:
        for (std::size_t f = 0; f < world.files.size(); ++f)
            for (const unsigned first : pages_to_draw(world.files[f].pages, pmd_pages))
                for (const unsigned last : pages_to_draw(world.files[f].pages + 1, pmd_pages))
                    if (first < last)
                        visit({kind, 0, byte(f), first, last});
        break;
    case operands::device:
        for (std::size_t d = 0; d < devices.size(); ++d)
            visit({kind, 0, byte(d)});
        break;
    case operands::device_page:
        for (std::size_t d = 0; d < devices.size(); ++d)
            for (const unsigned page : pages_to_draw(devices[d].pages, pmd_pages))
                visit({kind, 0, byte(d), page});
        break;
    case operands::thread:
        for (unsigned t = 0; t < world.workers; ++t)
            visit({kind, 0, byte(t)});
        break;
    case operands::two_files:
        for_each_pair(world.files.size(), [&](std::uint8_t from, std::uint8_t to) {
            visit({kind, 0, from, 0, 0, 0, to});
        });
        break;
    }
}

/// Can the operation do anything to these operands?
bool makes_sense(const operation& what, const world_config& world) {
    const operands takes = info(what.kind).takes;
    if (takes == operands::file || takes == operands::file_size || takes == operands::file_range) {
        const file_config& file = world.files[what.object];
        if (what.kind == op::lease)
            return file.fs == fs_kind::xfs;
        return !is_device(file.fs) && (what.kind != op::reclaim || file.dmap);
    }
    if (takes == operands::device || takes == operands::device_page) {
        const device_operand of = device_operands(world)[what.object];
        if (what.has(flag::unmounted) || what.has(flag::fails))
            return of.file == nullptr;
        switch (what.kind) {
        case op::mount:
        case op::umount:
        case op::memory_failure:
            return of.file == nullptr;
        case op::kread:
            return of.file == nullptr || of.file->fs == fs_kind::devdax;
        case op::alloc:
            return of.file != nullptr && of.file->fs != fs_kind::devdax;
        default:
            return true;
        }
    }
    if (what.kind == op::store)
        return area_of(what, world)->writable;
    if (what.kind == op::reflink) {
        const file_config& from = world.files[what.object];
        const file_config& to = world.files[what.other];
        return from.fs == fs_kind::xfs && to.fs == fs_kind::xfs && from.huge == to.huge;
    }
    return true;
}

} // namespace

std::vector<device_operand> device_operands(const world_config& world) {
    std::vector<device_operand> all{{nullptr, pmem_pages(world)}};
    for (const file_config& file : world.files)
        if (is_device(file.fs))
            all.push_back({&file, file.pages});
    return all;
}

const area_config* area_of(const operation& what, const world_config& world) {
    for (const area_config& area : world.mms[what.object].areas)
        if (what.first - area.at < area.pages())
            return &area;
    return nullptr;
}

std::vector<operation> choices(op kind, const world_config& world) {
    std::vector<operation> all;
    const auto add = [&](const operation& what) {
        if (makes_sense(what, world))
            all.push_back(what);
    };
    for_each_operand(kind, world, [&](operation what) {
        add(what);
        for (const flag_info& one : flag_table)
            if ((info(kind).flags & static_cast<std::uint8_t>(one.value)) != 0) {
                what.flags = static_cast<std::uint8_t>(one.value);
                add(what);
            }
    });
    return all;
}

bool may_wait_for_holders(op kind) {
    switch (kind) {
    case op::load:
    case op::store:
    case op::mmap:
    case op::munmap:
    case op::pin:
    case op::unpin:
    case op::get:
    case op::put:
    case op::dma_write:
    case op::writeback:
    case op::interrupt:
    case op::memory_failure:
    case op::alloc:
    case op::grab:
    case op::mremap:
    case op::fork:
    case op::mlock:
    case op::pagemap:
    case op::power_cut:
    case op::unlease:
    case op::kread:
        return false;
    default:
        return true;
    }
}

bool takes_reference(op kind) { return kind == op::get || kind == op::alloc || kind == op::grab; }

std::uint64_t files_touched(const operation& what, const world_config& world) {
    const auto bit = [](std::size_t file) { return std::uint64_t{1} << (file % 64); };
    std::uint64_t files = 0;
    switch (info(what.kind).takes) {
    case operands::device: // every file lives on it
    case operands::device_page:
    case operands::thread: // whatever that thread is in
    case operands::none:   // of the pins it holds, which may be of any file
        return ~files;
    case operands::mm:
    case operands::mm_page:
    case operands::mm_pages:
    case operands::two_mms: // of the same areas
        for (const area_config& area : world.mms[what.object].areas)
            files |= bit(area.file);
        break;
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        return bit(what.object);
    case operands::two_files:
        return bit(what.object) | bit(what.other);
    }
    return files;
}

} // namespace daxtorture
