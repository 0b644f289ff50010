#include "stress/mix.hpp"

#include "protocol/presets.hpp"

#include <algorithm>
#include <cassert>
#include <thread>

namespace daxtorture::stress {

namespace {

// In the order of operation_table:
//   load store mmap munmap pin unpin get put dma-write truncate punch break reuse evict writeback invalidate interrupt
// evict is no part of a mix: an inode is evicted when nobody maps it any more, and the mms here always do.
constexpr std::array<mix, 6> mixes{{
    {"default", "a little of everything", {20, 20, 8, 8, 16, 18, 6, 7, 4, 4, 4, 4, 6, 0, 5, 3, 1}},
    {"fault-heavy",
     "page faults against munmap, few layout breaks",
     {40, 40, 12, 10, 4, 5, 2, 3, 1, 1, 1, 1, 3, 0, 6, 3, 0}},
    {"pin-heavy",
     "DMA pins and references come and go, slow and fast",
     {8, 8, 5, 5, 40, 44, 16, 18, 8, 2, 2, 4, 4, 0, 3, 2, 1}},
    {"truncate-heavy",
     "blocks are freed and reused all the time",
     {16, 20, 6, 6, 14, 16, 4, 5, 4, 12, 10, 6, 20, 0, 5, 3, 1}},
    {"signal-heavy",
     "waits for idle pages that signals end",
     {16, 16, 5, 5, 20, 20, 6, 7, 4, 6, 6, 8, 8, 0, 4, 2, 10}},
    {"large-fault",
     "PMD and PTE faults over one file of huge pages, which truncation builds and dissolves",
     {30, 30, 8, 8, 16, 18, 8, 9, 4, 5, 4, 4, 8, 0, 5, 3, 1},
     true},
}};

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

/// One file of two PMDs of `pmd` pages, mapped whole, in part, and where no PMD fits; and a small one that lives on its blocks.
world_config large_world(unsigned pmd) {
    world_config world;
    world.shape = geometry::real();
    world.files = {{"H", fs_kind::xfs, 2 * pmd, true}, {"S", fs_kind::ext4, 4}};
    world.mms = {
        {"m0", {{0, 0, 2 * pmd, 0, true, true}, {1, 0, 4, 2 * pmd, true, true}}},
        {"m1", {{0, pmd, 2 * pmd, pmd, true, true}, {1, 0, 4, 0, true, true}}},
        {"m2", {{0, 3, pmd + 3, 0, true, true}, {0, 0, pmd, 2 * pmd, true, false}}},
    };
    world.spare_blocks = pmd + 2;
    return world;
}

/// Three files, each mapped by several mms at different addresses, once read-only.
world_config small_world() {
    world_config world;
    world.shape = geometry::real();
    world.files = {{"A", fs_kind::xfs, 4}, {"B", fs_kind::ext4, 4}, {"C", fs_kind::fuse, 6}};
    // {file, first, last, at, shared, writable}
    world.mms = {
        {"m0", {{0, 0, 4, 0, true, true}, {1, 0, 4, 4, true, true}}},
        {"m1", {{2, 0, 6, 0, true, true}, {0, 0, 4, 6, true, true}}},
        {"m2", {{1, 1, 4, 0, true, true}, {0, 0, 4, 3, true, false}}},
    };
    world.spare_blocks = 2;
    return world;
}

} // namespace

std::span<const mix> mix_table() { return mixes; }

const mix* find_mix(std::string_view name) {
    const auto found = std::find_if(mixes.begin(), mixes.end(), [&](const mix& m) { return m.name == name; });
    return found == mixes.end() ? nullptr : &*found;
}

world_config mix_world(const mix& load, const protocol& rules, const target& machine, unsigned workers) {
    world_config world = load.large ? large_world(1U << machine.pmd_order) : small_world();
    world.rules = rules;
    world.machine = machine;
    world.shape.pmd_order = machine.pmd_order;
    world.workers = workers;
    return world;
}

bool breaks_layouts(op kind) {
    switch (kind) {
    case op::truncate:
    case op::punch:
    case op::brk:
    case op::reuse: // takes the inode lock, which a waiting truncate holds
    case op::evict:
    case op::invalidate: // takes the inode lock too
    case op::reflink:
    case op::collapse:
    case op::insert:
    case op::zero:
    case op::write:
        return true;
    default:
        return false;
    }
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

std::string operation_text(const operation& what, const world_config& world,
                           std::span<const std::string> threads) {
    const auto number = [](auto n) { return std::to_string(n); };
    const auto name_in = [&](const auto& objects) {
        return what.object < objects.size() ? objects[what.object].name : number(what.object);
    };
    std::string text(info(what.kind).name);
    switch (info(what.kind).takes) {
    case operands::none:
        break;
    case operands::mm:
        text += " " + name_in(world.mms);
        break;
    case operands::mm_page:
        text += " " + name_in(world.mms) + " " + number(what.first);
        break;
    case operands::file:
        text += " " + name_in(world.files);
        break;
    case operands::file_size:
        text += " " + name_in(world.files) + " " + number(what.first);
        break;
    case operands::file_range:
        text += " " + name_in(world.files) + " " + number(what.first) + ".." + number(what.last);
        break;
    case operands::device:
        text += " " + std::string(device_names(world)[what.object]);
        break;
    case operands::device_page:
        text += " " + std::string(device_names(world)[what.object]) + " " + number(what.first);
        break;
    case operands::thread:
        text += " " + (what.object < threads.size() ? threads[what.object] : number(what.object));
        break;
    case operands::two_files:
        text += " " + name_in(world.files) + " " + world.files[what.other].name;
        break;
    }
    for (const flag_info& f : flag_table)
        if (what.has(f.value))
            text += " " + std::string(f.name);
    return text;
}

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

named_operation name_operation(const operation& what, const world_config& world,
                               std::span<const std::string> threads) {
    return {what, operation_text(what, world, threads), files_touched(what, world)};
}

repertoire::repertoire(const mix& weights, const world_config& world) {
    std::vector<std::string> threads;
    for (unsigned i = 0; i < world.workers; ++i)
        threads.push_back("worker" + std::to_string(i));

    // What a protocol is known to do wrong (docs/findings) would end every run: then a mix leaves it out.
    const bool durable = !weights.large && // docs/findings/pmd-truncate-drops-dirty-half.md
                         world.rules.wb_locked == writeback_locked::wait &&
                         world.rules.wb_untags == towrite_clear::after_flush &&
                         world.rules.deletes == break_delete::clean;
    const bool may_invalidate = world.rules.invalidation == invalidate_mode::locked;
    const bool may_munmap = !weights.large || world.rules.mapping == mapping_counts::no ||
                            world.rules.empty_pmd == zap_empty_pmd::lock;
    const unsigned pmd_pages = 1u << world.shape.pmd_order;
    for (const operation_info& kind : operation_table) {
        if ((kind.kind == op::invalidate && !may_invalidate) || (kind.kind == op::munmap && !may_munmap))
            continue;
        std::vector<named_operation>& list = by_kind_[static_cast<std::size_t>(kind.kind)];
        const auto with_flags = [&](operation what) {
            what.kind = kind.kind;
            if (kind.kind == op::writeback && !durable)
                what.flags = static_cast<std::uint8_t>(flag::background);
            list.push_back(name_operation(what, world, threads));
            for (const flag f : {flag::slow, flag::fast, flag::nowait}) {
                if ((kind.flags & static_cast<std::uint8_t>(f)) == 0)
                    continue;
                what.flags = static_cast<std::uint8_t>(f);
                list.push_back(name_operation(what, world, threads));
            }
        };
        const auto byte = [](std::size_t i) { return static_cast<std::uint8_t>(i); };
        switch (kind.takes) {
        case operands::none:
            with_flags({});
            break;
        case operands::mm:
            for (std::size_t m = 0; m < world.mms.size(); ++m)
                with_flags({kind.kind, 0, byte(m)});
            break;
        case operands::mm_page:
            for (std::size_t m = 0; m < world.mms.size(); ++m)
                for (const area_config& area : world.mms[m].areas) {
                    if (kind.kind == op::store && !area.writable)
                        continue;
                    for (const unsigned page : pages_to_draw(area.last_page - area.first_page, pmd_pages))
                        with_flags({kind.kind, 0, byte(m), area.at + page});
                }
            break;
        case operands::file:
            for (std::size_t f = 0; f < world.files.size(); ++f)
                with_flags({kind.kind, 0, byte(f)});
            break;
        case operands::file_size:
            for (std::size_t f = 0; f < world.files.size(); ++f)
                for (const unsigned size : pages_to_draw(world.files[f].pages, pmd_pages))
                    with_flags({kind.kind, 0, byte(f), size});
            break;
        case operands::file_range:
            for (std::size_t f = 0; f < world.files.size(); ++f)
                for (const unsigned first : pages_to_draw(world.files[f].pages, pmd_pages))
                    for (const unsigned last : pages_to_draw(world.files[f].pages + 1, pmd_pages))
                        if (first < last)
                            with_flags({kind.kind, 0, byte(f), first, last});
            break;
        case operands::device:
            with_flags({});
            break;
        case operands::device_page:
            for (unsigned page = 0; page < pmem_pages(world); ++page)
                with_flags({kind.kind, 0, 0, page});
            break;
        case operands::thread:
            for (unsigned t = 0; t < world.workers; ++t)
                with_flags({kind.kind, 0, byte(t)});
            break;
        case operands::two_files:
            for (std::size_t from = 0; from < world.files.size(); ++from)
                for (std::size_t to = 0; to < world.files.size(); ++to)
                    if (from != to)
                        with_flags({kind.kind, 0, byte(from), 0, 0, 0, byte(to)});
            break;
        }
        const auto index = static_cast<std::size_t>(kind.kind);
        weights_[index] = list.empty() ? 0 : weights.weights[index];
        total_ += weights_[index];
    }
    assert(total_ != 0);
}

const named_operation& repertoire::draw(generator& random) const {
    std::uint32_t at = random.below(total_);
    std::size_t kind = 0;
    while (at >= weights_[kind])
        at -= weights_[kind++];
    return draw(static_cast<op>(kind), random);
}

const named_operation& repertoire::draw(op kind, generator& random) const {
    const std::vector<named_operation>& list = by_kind_[static_cast<std::size_t>(kind)];
    return list[random.below(static_cast<std::uint32_t>(list.size()))];
}

} // namespace daxtorture::stress
