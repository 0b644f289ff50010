#include "worlds.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

constexpr unsigned real_pmd_pages = 512;

std::string file_obstacle(const file_config& file) {
    if (file.dmap)
        return fmt::format(
            "file {}: the ranges of virtiofs (dmap) are code of fs/fuse, which does not run here", file.name);
    switch (file.fs) {
    case fs_kind::xfs:
    case fs_kind::ext4:
    case fs_kind::fuse:
        return {};
    case fs_kind::devdax:
        return file.align == page_align::pud
                   ? fmt::format("file {}: a PUD is larger than the machine's memory", file.name)
                   : std::string();
    case fs_kind::ext2:
        return fmt::format("file {}: ext2 breaks no layouts, and has no DAX in recent kernels", file.name);
    default:
        return fmt::format("file {}: pools of private, coherent and p2pdma pages are no part of the machine",
                           file.name);
    }
}

/// Operations that the machine has no real code for.
const char* operation_obstacle(op kind) {
    switch (kind) {
    case op::lease:
    case op::unlease:
        return "layout leases are code of fs/locks.c, which does not run here";
    case op::alloc:
    case op::grab:
        return "pools of device pages are no part of the machine";
    case op::reclaim:
        return "the ranges of virtiofs (dmap) are code of fs/fuse, which does not run here";
    case op::kread:
        return "read() of the block device is code of the pmem driver, which does not run here";
    case op::pagemap:
        return "/proc/PID/pagemap is code of fs/proc, which does not run here";
    case op::power_cut:
        return "what the media has is not kept here";
    default:
        return nullptr;
    }
}

std::string operations_obstacle(const std::vector<operation>& operations) {
    for (const operation& one : operations)
        if (const char* why = operation_obstacle(one.kind))
            return fmt::format("{}: {}", info(one.kind).name, why);
    return {};
}

std::string size_obstacle(const program& what) {
    const unsigned scale = pages_per_page(what);
    std::size_t blocks = (what.world.altmap_pages + what.world.spare_blocks) * std::size_t{scale};
    for (const file_config& file : what.world.files) {
        if (file.pages * scale > machine_file_pages)
            return fmt::format("file {}: {} pages are more than the machine has for a file", file.name,
                               file.pages * scale);
        blocks +=
            std::max(file.pages * scale, file.huge || file.align != page_align::pte ? real_pmd_pages : 1);
    }
    if (what.world.files.size() > machine_files || what.world.mms.size() > machine_mms ||
        blocks > machine_pmem_pages / 2)
        return "its world is larger than the machine";
    for (const mm_config& mm : what.world.mms)
        if (mm.areas.size() > machine_areas)
            return fmt::format("mm {}: more than {} areas", mm.name, +machine_areas);
    return {};
}

machine_fs kind_of(fs_kind fs) {
    switch (fs) {
    case fs_kind::ext4:
        return machine_ext4;
    case fs_kind::fuse:
        return machine_fuse;
    case fs_kind::devdax:
        return machine_devdax;
    default:
        return machine_xfs;
    }
}

template <std::size_t Size> void put_name(char (&to)[Size], const std::string& name) {
    std::strncpy(to, name.c_str(), Size - 1);
}

machine_area area_of(const area_config& area, unsigned scale) {
    machine_area made{};
    made.file = area.file;
    made.first_page = area.first_page * scale;
    made.last_page = area.last_page * scale;
    made.at = area.at * scale;
    made.other_at = area.or_at.value_or(area.at) * scale;
    made.shared = area.shared;
    made.writable = area.writable;
    made.sync = area.sync;
    return made;
}

} // namespace

unsigned pages_per_page(const program& what) {
    const unsigned order = what.world.shape.pmd_order;
    return order == 0 || order > 9 ? 1 : real_pmd_pages >> order;
}

std::string obstacle(const program& what) {
    for (const file_config& file : what.world.files)
        if (std::string why = file_obstacle(file); !why.empty())
            return why;
    if (std::string why = operations_obstacle(what.setup); !why.empty())
        return why;
    for (const thread_program& thread : what.threads)
        if (std::string why = operations_obstacle(thread.operations); !why.empty())
            return why;
    if (!what.world.machine.name.empty() && what.world.machine.name != "x86_64")
        return fmt::format("arch {}: the machine is x86_64", what.world.machine.name);
    if (!what.rules.empty())
        return "it changes rules of the model: a kernel has none";
    return size_obstacle(what);
}

machine_world_config make_world(const program& what) {
    const unsigned scale = pages_per_page(what);
    machine_world_config made{};
    made.altmap_pages = what.world.altmap_pages;
    made.spare_blocks = what.world.spare_blocks * scale;
    made.keeps_translations = what.world.shape.tlb_entries != 0;
    for (const file_config& file : what.world.files) {
        machine_file& one = made.file[made.files++];
        put_name(one.name, file.name);
        one.fs = kind_of(file.fs);
        one.pages = file.pages * scale;
        one.huge = file.huge;
        one.device_pmd = file.align == page_align::pmd;
    }
    for (const mm_config& mm : what.world.mms) {
        machine_mm& one = made.mm[made.mms++];
        put_name(one.name, mm.name);
        for (const area_config& area : mm.areas)
            one.area[one.areas++] = area_of(area, scale);
    }
    return made;
}

} // namespace daxtorture::kernel_machine
