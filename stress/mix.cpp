#include "stress/mix.hpp"

#include "protocol/presets.hpp"

#include <algorithm>
#include <thread>

namespace daxtorture::stress {

namespace {

// Areas below are {file, first page, last page, at, shared, writable, sync, or at}; shared and writable unless they say otherwise.

/// Three files, each mapped by several mms at different addresses, once read-only.
world_config small_world(unsigned) {
    world_config world;
    world.files = {{"A", fs_kind::xfs, 4}, {"B", fs_kind::ext4, 4}, {"C", fs_kind::fuse, 6}};
    world.mms = {
        {"m0", {{0, 0, 4, 0}, {1, 0, 4, 4}}},
        {"m1", {{2, 0, 6, 0}, {0, 0, 4, 6}}},
        {"m2", {{1, 1, 4, 0}, {0, 0, 4, 3, true, false}}},
    };
    world.spare_blocks = 2;
    return world;
}

/// One file of two PMDs, mapped whole, in part, and where no PMD fits; and a small one that lives on its blocks.
world_config large_world(unsigned pmd) {
    world_config world;
    world.files = {{"H", fs_kind::xfs, 2 * pmd, true}, {"S", fs_kind::ext4, 4}};
    world.mms = {
        {"m0", {{0, 0, 2 * pmd, 0}, {1, 0, 4, 2 * pmd}}},
        {"m1", {{0, pmd, 2 * pmd, pmd}, {1, 0, 4, 0}}},
        {"m2", {{0, 3, pmd + 3, 0}, {0, 0, pmd, 2 * pmd, true, false}}},
    };
    world.spare_blocks = pmd + 2;
    return world;
}

/// Three files that share blocks with each other, once with MAP_SYNC, and one that does not, once mapped privately: who makes a private copy holds
/// the page meanwhile, and that of a shared block would be hidden (docs/findings/reflink-cow-hides-busy-page.md).
world_config sharing_world(unsigned) {
    world_config world;
    world.files = {
        {"X", fs_kind::xfs, 4}, {"Y", fs_kind::xfs, 4}, {"Z", fs_kind::xfs, 3}, {"G", fs_kind::ext4, 3}};
    world.mms = {
        {"m0", {{0, 0, 4, 0}, {1, 0, 4, 4}}},
        {"m1", {{1, 0, 4, 0}, {2, 0, 3, 4, true, true, true}, {3, 0, 3, 7}}},
        {"m2", {{2, 0, 3, 0}, {0, 0, 4, 3, true, false}, {3, 0, 3, 7, false, true}}},
    };
    world.spare_blocks = 4;
    return world;
}

/// A parent and a child of the same areas, some with a second place; private copies and a file whose page tables fork copies among them.
world_config space_world(unsigned) {
    world_config world;
    world.files = {{"A", fs_kind::xfs, 4}, {"F", fs_kind::fuse, 4}, {"B", fs_kind::ext4, 3}};
    const std::vector<area_config> areas{
        {0, 0, 4, 0, true, true, false, 11}, {1, 0, 4, 4, true, true, false, 15}, {2, 0, 3, 8, false, true}};
    world.mms = {{"m0", areas}, {"m1", areas}, {"m2", {{0, 1, 4, 0}, {1, 0, 4, 3, true, false}}}};
    world.spare_blocks = 2;
    return world;
}

/// virtiofs: as many dmap ranges as pages. With fewer a fault waits for a range, and all might be pinned by workers that are at such a fault too.
world_config virtiofs_world(unsigned) {
    world_config world;
    world.files = {{.name = "F", .fs = fs_kind::fuse, .pages = 6, .dmap = true},
                   {.name = "G", .fs = fs_kind::fuse, .pages = 4, .dmap = true}};
    world.mms = {{"m0", {{0, 0, 6, 0}, {1, 0, 4, 6}}}, {"m1", {{0, 0, 6, 4}, {1, 0, 4, 0, true, false}}}};
    world.spare_blocks = 10;
    return world;
}

/// A filesystem that comes and goes with its device, and two devices without one; every mm maps two of them.
world_config device_world(unsigned) {
    world_config world;
    world.files = {{"A", fs_kind::xfs, 3},
                   {"B", fs_kind::ext4, 2},
                   {"D", fs_kind::devdax, 3},
                   {"P", fs_kind::p2pdma, 3}};
    world.mms = {
        {"m0", {{0, 0, 3, 0}, {2, 0, 3, 3}}},
        {"m1", {{1, 0, 2, 0}, {0, 0, 3, 2}}},
        {"m2", {{2, 0, 3, 0}}},
    };
    world.spare_blocks = 2;
    return world;
}

/// The three kinds of devices whose drivers hand out pages; a file, because a world maps one.
world_config pool_world(unsigned) {
    world_config world;
    world.files = {{"A", fs_kind::xfs, 2},
                   {"P", fs_kind::p2pdma, 4},
                   {"V", fs_kind::private_pages, 3},
                   {"K", fs_kind::coherent, 3}};
    world.mms = {{"m0", {{0, 0, 2, 0}}}};
    return world;
}

/// Two files of huge pages that share blocks and whose blocks move, beside small files that take what becomes free.
world_config huge_world(unsigned pmd) {
    world_config world;
    world.files = {{"H", fs_kind::xfs, 2 * pmd, true},
                   {"J", fs_kind::xfs, pmd, true},
                   {"E", fs_kind::ext4, pmd, true},
                   {"S", fs_kind::fuse, 4}};
    world.mms = {
        {"m0", {{0, 0, 2 * pmd, 0}, {3, 0, 4, 2 * pmd}}},
        {"m1", {{1, 0, pmd, 0}, {0, pmd, 2 * pmd, pmd, true, false}}},
        {"m2", {{2, 0, pmd, 0}, {1, 3, pmd, pmd}}},
        {"m3", {{2, 0, pmd, 0}, {3, 0, 4, pmd}}},
    };
    world.spare_blocks = pmd + 4;
    return world;
}

/// A bit of all the above on one filesystem and four devices of their own.
world_config every_world(unsigned pmd) {
    world_config world;
    world.files = {{"H", fs_kind::ext4, 2 * pmd, true},
                   {"X", fs_kind::xfs, 4},
                   {"Y", fs_kind::xfs, 4},
                   {"B", fs_kind::ext4, 4},
                   {"C", fs_kind::fuse, 6},
                   {"D", fs_kind::devdax, 4},
                   {"P", fs_kind::p2pdma, 4},
                   {"V", fs_kind::private_pages, 2},
                   {"K", fs_kind::coherent, 2}};
    const std::vector<area_config> family{
        {4, 0, 6, 0, true, true, false, 14}, {5, 0, 4, 6}, {3, 0, 4, 10, false, true}};
    world.mms = {
        {"m0", {{0, 0, 2 * pmd, 0}, {1, 0, 4, 2 * pmd, true, true, false, 2 * pmd + 4}}},
        {"m1", {{0, pmd, 2 * pmd, pmd}, {2, 0, 4, 0, true, true, true}, {3, 0, 4, 4}}},
        {"m2", family},
        {"m4", family},
        {"m3", {{0, 3, pmd + 3, 0, true, false}, {3, 0, 4, pmd}, {5, 0, 4, pmd + 4}}},
    };
    world.spare_blocks = pmd + 4;
    return world;
}

constexpr std::array mixes{
    mix{"default",
        "a little of what processes and filesystems do",
        small_world,
        {{op::load, 20},
         {op::store, 20},
         {op::mmap, 8},
         {op::munmap, 8},
         {op::pin, 16},
         {op::unpin, 18},
         {op::get, 6},
         {op::put, 7},
         {op::dma_write, 4},
         {op::truncate, 4},
         {op::punch, 4},
         {op::brk, 4},
         {op::reuse, 6},
         {op::writeback, 5},
         {op::invalidate, 3},
         {op::interrupt, 1}}},
    mix{"fault-heavy",
        "page faults against munmap, few layout breaks",
        small_world,
        {{op::load, 40},
         {op::store, 40},
         {op::mmap, 12},
         {op::munmap, 10},
         {op::pin, 4},
         {op::unpin, 5},
         {op::get, 2},
         {op::put, 3},
         {op::dma_write, 1},
         {op::truncate, 1},
         {op::punch, 1},
         {op::brk, 1},
         {op::reuse, 3},
         {op::writeback, 6},
         {op::invalidate, 3}}},
    mix{"pin-heavy",
        "DMA pins and references come and go, slow and fast",
        small_world,
        {{op::load, 8},
         {op::store, 8},
         {op::mmap, 5},
         {op::munmap, 5},
         {op::pin, 40},
         {op::unpin, 44},
         {op::get, 16},
         {op::put, 18},
         {op::dma_write, 8},
         {op::truncate, 2},
         {op::punch, 2},
         {op::brk, 4},
         {op::reuse, 4},
         {op::writeback, 3},
         {op::invalidate, 2},
         {op::interrupt, 1}}},
    mix{"truncate-heavy",
        "blocks are freed and reused all the time",
        small_world,
        {{op::load, 16},
         {op::store, 20},
         {op::mmap, 6},
         {op::munmap, 6},
         {op::pin, 14},
         {op::unpin, 16},
         {op::get, 4},
         {op::put, 5},
         {op::dma_write, 4},
         {op::truncate, 12},
         {op::punch, 10},
         {op::brk, 6},
         {op::reuse, 20},
         {op::writeback, 5},
         {op::invalidate, 3},
         {op::interrupt, 1}}},
    mix{"signal-heavy",
        "waits for idle pages that signals end",
        small_world,
        {{op::load, 16},
         {op::store, 16},
         {op::mmap, 5},
         {op::munmap, 5},
         {op::pin, 20},
         {op::unpin, 20},
         {op::get, 6},
         {op::put, 7},
         {op::dma_write, 4},
         {op::truncate, 6},
         {op::punch, 6},
         {op::brk, 8},
         {op::reuse, 8},
         {op::writeback, 4},
         {op::invalidate, 2},
         {op::interrupt, 10}}},
    mix{"large-fault",
        "PMD and PTE faults over one file of huge pages, which truncation builds and dissolves",
        large_world,
        {{op::load, 30},
         {op::store, 30},
         {op::mmap, 8},
         {op::munmap, 8},
         {op::pin, 16},
         {op::unpin, 18},
         {op::get, 8},
         {op::put, 9},
         {op::dma_write, 4},
         {op::truncate, 5},
         {op::punch, 4},
         {op::brk, 4},
         {op::reuse, 8},
         {op::writeback, 5},
         {op::invalidate, 3},
         {op::interrupt, 1}}},
    mix{"reflink",
        "files that share blocks, copies on write and write() into them",
        sharing_world,
        {{op::load, 20},
         {op::store, 20},
         {op::mmap, 4},
         {op::munmap, 4},
         {op::pin, 12},
         {op::unpin, 14},
         {op::get, 3},
         {op::put, 4},
         {op::dma_write, 4},
         {op::reflink, 8},
         {op::write, 6},
         {op::truncate, 3},
         {op::punch, 4},
         {op::brk, 2},
         {op::reuse, 6},
         {op::writeback, 4},
         {op::interrupt, 1}}},
    mix{"leases",
        "layout leases of pNFS clients, recalled by whoever changes blocks",
        sharing_world,
        {{op::load, 20},
         {op::store, 20},
         {op::mmap, 4},
         {op::munmap, 4},
         {op::pin, 10},
         {op::unpin, 12},
         {op::lease, 12},
         {op::unlease, 14},
         {op::reflink, 5},
         {op::write, 4},
         {op::truncate, 4},
         {op::punch, 4},
         {op::brk, 3},
         {op::zero, 3},
         {op::reuse, 8},
         {op::dma_write, 3},
         {op::writeback, 3},
         {op::interrupt, 2}}},
    mix{"spaces",
        "address spaces that move their areas, fork, and are walked by mlock and pagemap",
        space_world,
        {{op::load, 24},
         {op::store, 24},
         {op::mmap, 8},
         {op::munmap, 8},
         {op::mremap, 10},
         {op::fork, 10},
         {op::mlock, 4},
         {op::pagemap, 4},
         {op::pin, 12},
         {op::unpin, 14},
         {op::get, 5},
         {op::put, 6},
         {op::dma_write, 4},
         {op::truncate, 4},
         {op::punch, 4},
         {op::brk, 3},
         {op::reuse, 9},
         {op::writeback, 4},
         {op::interrupt, 1}}},
    mix{"virtiofs",
        "dmap ranges bound to pages on demand and taken back from under them",
        virtiofs_world,
        {{op::load, 30},
         {op::store, 30},
         {op::mmap, 4},
         {op::munmap, 4},
         {op::pin, 10},
         {op::unpin, 14},
         {op::get, 4},
         {op::put, 6},
         {op::dma_write, 4},
         {op::reclaim, 12},
         {op::write, 6},
         {op::truncate, 2},
         {op::punch, 3},
         {op::brk, 3},
         {op::reuse, 4},
         {op::writeback, 4},
         {op::interrupt, 1}}},
    mix{"shifts",
        "collapse, insert and zero range move and replace blocks under faults and pins",
        small_world,
        {{op::load, 20},
         {op::store, 20},
         {op::mmap, 4},
         {op::munmap, 4},
         {op::pin, 12},
         {op::unpin, 14},
         {op::get, 6},
         {op::put, 7},
         {op::dma_write, 4},
         {op::collapse, 6},
         {op::insert, 6},
         {op::zero, 6},
         {op::write, 4},
         {op::truncate, 2},
         {op::reuse, 6},
         {op::writeback, 4},
         {op::invalidate, 2},
         {op::interrupt, 1}}},
    mix{"devices",
        "unmount, unbind, bind and mount beside faults, pins and memory failures",
        device_world,
        {{op::load, 20},  {op::store, 20},   {op::mmap, 10},  {op::munmap, 14},        {op::pin, 12},
         {op::unpin, 16}, {op::get, 6},      {op::put, 10},   {op::dma_write, 4},      {op::alloc, 4},
         {op::grab, 4},   {op::truncate, 2}, {op::reuse, 10}, {op::evict, 3},          {op::umount, 5},
         {op::mount, 8},  {op::unbind, 4},   {op::bind, 10},  {op::memory_failure, 4}, {op::writeback, 3}}},
    mix{"pool",
        "pages that drivers hand out one by one, against unbind and whoever walks all frames",
        pool_world,
        {{op::alloc, 30}, {op::put, 34}, {op::grab, 16}, {op::unbind, 3}, {op::bind, 8}, {op::load, 2}}},
    mix{"hugepages",
        "huge pages that are shared, moved, copied and evicted",
        huge_world,
        {{op::load, 24},      {op::store, 24},   {op::mmap, 8},  {op::munmap, 9},    {op::pin, 14},
         {op::unpin, 16},     {op::get, 6},      {op::put, 7},   {op::dma_write, 4}, {op::truncate, 4},
         {op::punch, 3},      {op::brk, 3},      {op::reuse, 9}, {op::evict, 2},     {op::reflink, 3},
         {op::collapse, 2},   {op::insert, 2},   {op::zero, 2},  {op::write, 3},     {op::writeback, 4},
         {op::invalidate, 3}, {op::interrupt, 1}}},
    mix{"everything",
        "every operation but reclaim, on huge and small files of four filesystems and on four other devices",
        every_world,
        {{op::load, 24},      {op::store, 24},    {op::mmap, 10},
         {op::munmap, 12},    {op::pin, 14},      {op::unpin, 17},
         {op::get, 6},        {op::put, 12},      {op::dma_write, 4},
         {op::truncate, 4},   {op::punch, 3},     {op::brk, 3},
         {op::reuse, 12},     {op::evict, 2},     {op::writeback, 4},
         {op::invalidate, 3}, {op::interrupt, 1}, {op::reflink, 4},
         {op::collapse, 2},   {op::insert, 2},    {op::zero, 2},
         {op::write, 4},      {op::unbind, 2},    {op::bind, 6},
         {op::umount, 3},     {op::mount, 6},     {op::memory_failure, 2},
         {op::alloc, 4},      {op::grab, 3},      {op::kread, 3},
         {op::mremap, 4},     {op::fork, 4},      {op::mlock, 2},
         {op::pagemap, 2},    {op::lease, 3},     {op::unlease, 4}}},
};

} // namespace

std::span<const mix> mix_table() { return mixes; }

const mix* find_mix(std::string_view name) {
    const auto found = std::find_if(mixes.begin(), mixes.end(), [&](const mix& m) { return m.name == name; });
    return found == mixes.end() ? nullptr : &*found;
}

bool fsync_is_kept(const protocol& rules) {
    return rules.wb_locked == writeback_locked::wait && rules.wb_untags == towrite_clear::after_flush &&
           rules.deletes == break_delete::clean;
}

world_config mix_world(const mix& load, const protocol& rules, const target& machine, unsigned workers) {
    world_config world = load.world(1U << machine.pmd_order);
    world.shape = geometry::real();
    world.shape.pmd_order = machine.pmd_order;
    world.rules = rules;
    world.machine = machine;
    world.workers = workers;
    const auto uses = [&](bool (*concerned)(op)) {
        return std::ranges::any_of(operation_table, [&](const operation_info& known) {
            return concerned(known.kind) && load.weigh[known.kind] != 0;
        });
    };
    world.unbinds = uses(concerns_devices);
    world.leases = uses(concerns_leases);
    world.power_cuts = uses(concerns_power);
    world.reflinks = uses(concerns_reflinks);
    for (mm_config& mm : world.mms)
        for (area_config& area : mm.areas)
            area.sync = area.sync && fsync_is_kept(rules);
    return world;
}

unsigned worker_count(unsigned asked) {
    const unsigned processors = std::max(2U, std::thread::hardware_concurrency());
    // More than the model has task ids for is surely a slip; operands are bytes.
    return std::min(asked == 0 ? processors : asked, 250U);
}

program mix_program(std::string_view mix_name, const std::string& protocol_name,
                    const std::vector<std::string>& rules, const target& machine, unsigned workers) {
    program what;
    what.name = "mix-" + std::string(mix_name);
    what.protocol = protocol_name;
    protocol row;
    if (const preset* named = find_preset(protocol_name))
        row = named->rules;
    for (const std::string& rule : rules) {
        what.rules.emplace_back(rule.substr(0, rule.find('=')), rule.substr(rule.find('=') + 1));
        set_rule(row, rule);
    }
    what.geometry = "real";
    const mix* load = find_mix(mix_name);
    what.world = mix_world(load != nullptr ? *load : mixes.front(), row, machine, workers);
    for (unsigned i = 0; i < workers; ++i)
        what.threads.push_back({"worker" + std::to_string(i), {}});
    return what;
}

} // namespace daxtorture::stress
