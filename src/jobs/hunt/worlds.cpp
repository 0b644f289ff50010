#include "jobs/hunt/worlds.hpp"

#include "arch/target/targets.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace daxtorture::jobs::hunt {
namespace {

constexpr unsigned pmd_pages(const world_config& world) { return 1U << world.shape.pmd_order; }

fs_kind draw_filesystem(generator& random) {
    constexpr std::array kinds{fs_kind::xfs,  fs_kind::xfs,  fs_kind::xfs,  fs_kind::xfs,  fs_kind::xfs,
                               fs_kind::ext4, fs_kind::ext4, fs_kind::ext4, fs_kind::fuse, fs_kind::fuse};
    return random.chance(1, 40) ? fs_kind::ext2 : kinds[random.below(kinds.size())];
}

void add_file(world_config& world, file_config file) {
    file.name = std::string(1, static_cast<char>('A' + world.files.size()));
    world.files.push_back(std::move(file));
}

/// An area of a file: all of it, or a part; now and then at odds with the file's large pages, or read-only, or private.
area_config draw_area(const world_config& world, unsigned file, generator& random) {
    const file_config& of = world.files[file];
    const unsigned unit = of.align == page_align::pte ? 1 : 1U << world.shape.order_of(of.align);
    const unsigned units = of.pages / unit;
    area_config area;
    area.file = file;
    area.last_page = of.pages;
    if (units > 1 && random.chance(1, 4)) {
        area.first_page = random.below(units) * unit;
        area.last_page = area.first_page + (1 + random.below(units - area.first_page / unit)) * unit;
    }
    area.at = area.first_page;
    if (of.huge && random.chance(1, 12))
        area.at += 1;
    if (random.chance(1, 6))
        area.writable = false;
    if (!is_device(of.fs) && random.chance(1, 10))
        area.shared = false;
    return area;
}

void add_mm(world_config& world, std::vector<area_config> areas) {
    world.mms.push_back({"m" + std::to_string(world.mms.size()), std::move(areas)});
}

/// An mm that maps a file, and now and then a part of another.
void add_drawn_mm(world_config& world, unsigned file, generator& random) {
    std::vector<area_config> areas{draw_area(world, file, random)};
    if (random.chance(1, 10)) {
        area_config second =
            draw_area(world, random.below(static_cast<std::uint32_t>(world.files.size())), random);
        const unsigned align = std::max(pmd_pages(world), 1U << world.shape.pud_order);
        second.at += (areas[0].at + areas[0].pages() + align - 1) / align * align;
        areas.push_back(second);
    }
    add_mm(world, std::move(areas));
}

/// Each file is mapped by one mm; then up to two more mms of any file.
void add_mms(world_config& world, generator& random) {
    const auto files = static_cast<unsigned>(world.files.size());
    for (unsigned f = 0; f < files; ++f)
        if (const fs_kind fs = world.files[f].fs; !is_device(fs) || fs == fs_kind::devdax)
            add_drawn_mm(world, f, random);
    for (unsigned more = random.below(3); more != 0 && !world.mms.empty(); --more)
        add_drawn_mm(world,
                     world.mms[random.below(static_cast<std::uint32_t>(world.mms.size()))].areas[0].file,
                     random);
}

world_config draw_pages(generator& random) {
    world_config world;
    add_file(world, {.name = {}, .fs = draw_filesystem(random), .pages = 1 + random.below(2)});
    if (random.chance(1, 4))
        add_file(world, {.name = {}, .fs = draw_filesystem(random)});
    world.spare_blocks = random.below(2);
    add_mms(world, random);
    return world;
}

void give_huge_pages(world_config& world, generator& random) {
    world.shape.pmd_order = random.chance(1, 8) ? 2 : 1;
}

world_config draw_huge(generator& random) {
    world_config world;
    give_huge_pages(world, random);
    const unsigned pmd = pmd_pages(world);
    add_file(
        world,
        {.name = {}, .fs = draw_filesystem(random), .pages = pmd * (1 + random.chance(1, 3)), .huge = true});
    if (random.chance(1, 4))
        add_file(world, {.name = {}, .fs = draw_filesystem(random), .pages = pmd, .huge = true});
    world.spare_blocks = random.chance(1, 3) ? pmd : 0;
    add_mms(world, random);
    return world;
}

world_config draw_sharing(generator& random) {
    world_config world;
    const unsigned pages = 1 + random.chance(1, 4);
    for (unsigned files = 2 + random.chance(1, 5); files != 0; --files)
        add_file(world, {.name = {}, .fs = fs_kind::xfs, .pages = pages});
    world.spare_blocks = random.below(3);
    add_mms(world, random);
    return world;
}

world_config draw_huge_sharing(generator& random) {
    world_config world;
    give_huge_pages(world, random);
    const unsigned pmd = pmd_pages(world);
    for (unsigned files = 2 + random.chance(1, 8); files != 0; --files)
        add_file(world, {.name = {}, .fs = fs_kind::xfs, .pages = pmd, .huge = true});
    world.spare_blocks = pmd * random.below(3);
    add_mms(world, random);
    return world;
}

/// Areas with a second place, and mms of equal areas: what mremap and fork need.
world_config draw_spaces(generator& random) {
    world_config world;
    const bool huge = random.chance(1, 2);
    if (huge)
        give_huge_pages(world, random);
    const unsigned pages = huge ? pmd_pages(world) : 1 + random.below(2);
    add_file(world, {.name = {}, .fs = draw_filesystem(random), .pages = pages, .huge = huge});
    area_config area = draw_area(world, 0, random);
    if (random.chance(2, 3))
        area.or_at = pages * 2 + (random.chance(1, 8) ? 1 : 0);
    add_mm(world, {area});
    if (!area.or_at || random.chance(1, 3))
        add_mm(world, {area});
    if (random.chance(1, 2))
        add_drawn_mm(world, 0, random);
    world.spare_blocks = random.chance(1, 4) ? pages : 0;
    return world;
}

/// A range of pages that faults bind; enough of them for all pages, for who finds none sleeps.
world_config draw_dmap(generator& random) {
    world_config world;
    const bool huge = random.chance(1, 3);
    if (huge)
        give_huge_pages(world, random);
    const unsigned pages = huge ? pmd_pages(world) * (1 + random.chance(1, 2)) : 1 + random.below(2);
    add_file(world, {.name = {}, .fs = fs_kind::fuse, .pages = pages, .huge = huge, .dmap = true});
    world.spare_blocks = pages;
    add_mms(world, random);
    return world;
}

world_config draw_device_dax(generator& random) {
    world_config world;
    constexpr std::array levels{page_align::pte, page_align::pte, page_align::pmd, page_align::pud};
    const page_align align = levels[random.below(levels.size())];
    if (align != page_align::pte)
        world.shape.pmd_order = 1;
    if (align == page_align::pud)
        world.shape.pud_order = 2;
    const unsigned pages = 1U << world.shape.order_of(align);
    if (random.chance(1, 4))
        add_file(world, {.name = {}, .fs = draw_filesystem(random)});
    add_file(world, {.name = {}, .fs = fs_kind::devdax, .pages = pages, .align = align});
    add_mms(world, random);
    for (mm_config& mm : world.mms)
        if (mm.areas.size() == 1 && random.chance(1, 3))
            mm.areas[0].or_at = (mm.areas[0].last_page + pages - 1) / pages * pages;
    return world;
}

world_config draw_pool(generator& random) {
    constexpr std::array kinds{fs_kind::private_pages, fs_kind::coherent, fs_kind::p2pdma};
    world_config world;
    add_file(world, {.name = {}, .fs = kinds[random.below(kinds.size())], .pages = 1 + random.below(2)});
    return world;
}

/// Files of which a tree of one level cannot hold all pages.
world_config draw_deep(generator& random) {
    world_config world;
    add_file(world, {.name = {}, .fs = draw_filesystem(random), .pages = 5 + random.below(2)});
    add_mms(world, random);
    return world;
}

world_config draw_metadata(generator& random) {
    world_config world = draw_pages(random);
    world.altmap_pages = 1;
    return world;
}

world_config draw_sync(generator& random) {
    world_config world = random.chance(1, 3) ? draw_huge(random) : draw_pages(random);
    world.spare_blocks = std::max(world.spare_blocks, pmd_pages(world));
    for (mm_config& mm : world.mms)
        for (area_config& area : mm.areas)
            area.sync = area.shared && random.chance(2, 3);
    return world;
}

/// The power may fail.
world_config draw_power(generator& random) {
    constexpr std::array draws{draw_pages, draw_sharing, draw_huge, draw_sync};
    world_config world = draws[random.below(draws.size())](random);
    world.power_cuts = true;
    return world;
}

/// Translations that outlive their accesses.
world_config draw_tlb(generator& random) {
    constexpr std::array draws{draw_pages, draw_pages, draw_huge, draw_spaces, draw_device_dax};
    world_config world = draws[random.below(draws.size())](random);
    world.shape.tlb_entries = 1 + random.below(2);
    return world;
}

world_config draw_machine(generator& random) {
    constexpr std::array draws{draw_pages, draw_huge, draw_spaces};
    world_config world = draws[random.below(draws.size())](random);
    world.machine = target_table[random.below(target_table.size())];
    return world;
}

constexpr std::array kinds{
    world_kind{"pages", "small files of one filesystem", 20, draw_pages},
    world_kind{"huge", "files of PMDs, mapped in whole and in part", 16, draw_huge},
    world_kind{"sharing", "files that may share blocks", 16, draw_sharing},
    world_kind{"huge-sharing", "files of PMDs that may share blocks", 12, draw_huge_sharing},
    world_kind{"spaces", "areas that move, and mms that fork", 12, draw_spaces},
    world_kind{"dmap", "virtiofs files over a pool of ranges", 6, draw_dmap},
    world_kind{"devdax", "devices that are mapped", 8, draw_device_dax},
    world_kind{"pool", "devices whose drivers hand out pages", 3, draw_pool},
    world_kind{"deep", "files whose trees have two levels", 3, draw_deep},
    world_kind{"metadata", "a device that holds its own memory map", 2, draw_metadata},
    world_kind{"sync", "areas with MAP_SYNC", 6, draw_sync},
    world_kind{"power", "files of a machine whose power fails", 5, draw_power},
    world_kind{"tlb", "threads with TLBs", 8, draw_tlb},
    world_kind{"machine", "an architecture", 4, draw_machine},
};

} // namespace

std::span<const world_kind> world_kinds() { return kinds; }

std::vector<world_config> basic_worlds() {
    world_config page;
    add_file(page, {.name = {}});
    add_mm(page, {{.file = 0, .first_page = 0, .last_page = 1}});

    world_config pmd;
    pmd.shape.pmd_order = 1;
    add_file(pmd, {.name = {}, .pages = 2, .huge = true});
    add_mm(pmd, {{.file = 0, .first_page = 0, .last_page = 2}});
    add_mm(pmd, {{.file = 0, .first_page = 1, .last_page = 2, .at = 1}});

    world_config shared = page;
    add_file(shared, {.name = {}});
    add_mm(shared, {{.file = 1, .first_page = 0, .last_page = 1}});
    shared.spare_blocks = 1;

    world_config device;
    add_file(device, {.name = {}, .fs = fs_kind::devdax});
    add_mm(device, {{.file = 0, .first_page = 0, .last_page = 1}});

    world_config pool;
    add_file(pool, {.name = {}, .fs = fs_kind::p2pdma});
    return {page, pmd, shared, device, pool};
}

} // namespace daxtorture::jobs::hunt
