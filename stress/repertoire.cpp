#include "stress/repertoire.hpp"

#include "scenario/choices.hpp"
#include "scenario/printer.hpp"

#include <algorithm>
#include <cassert>

namespace daxtorture::stress {

namespace {

/// Operations that meet what a protocol is known to do wrong.
class known_defects {
  public:
    known_defects(const mix& load, const world_config& world)
        : world_(world), rules_(world.rules), reflinks_(load.weigh[op::reflink] != 0),
          huge_(std::ranges::any_of(world.files, &file_config::huge)) {}

    bool meets(const operation& what) const {
        switch (what.kind) {
        case op::mremap: // mremap-hides-pmd
            return huge_ && rules_.empty_pmd == zap_empty_pmd::look;
        case op::munmap: // v6.12-unflushed-munmap, pmd-unmap-passes-by
            return rules_.mapping == mapping_counts::no || (huge_ && rules_.empty_pmd == zap_empty_pmd::look);
        case op::
            write: // which invalidates what it has filled; cow-write-vs-read-fault, cow-fault-undoes-write
            if (rules_.cow_writes == cow_write_lock::none && shares_blocks(world_.files[what.object]))
                return true;
            [[fallthrough]];
        case op::lease:      // which invalidates, too
        case op::invalidate: // invalidation-of-mapped-pages, invalidation-hides-busy-pages
            return rules_.invalidation == invalidate_mode::beside_faults;
        case op::reflink: // reflink-share-count-race, reflink-source-associates-twice
            return rules_.share == share_update::plain || rules_.source == reflink_source::demoted;
        case op::get: // reflink-cow-hides-busy-page
            return rules_.frees == free_busy::at_once &&
                   shares_blocks(world_.files[area_of(what, world_)->file]);
        case op::memory_failure: // holder-let-go, memory-failure-unmaps-first-page
            return rules_.no_holder == holder_null::follow || (huge_ && rules_.mf_unmaps == mf_page::head);
        case op::grab:
            return what.object == 0 && (reflinks_ || rules_.idle == idle_value::one);
        case op::unbind: // unbind-while-mounted
            return unbinds_badly(what);
        case op::writeback: // pmd-truncate-drops-dirty-half, and what fsync_is_kept says
            return !what.has(flag::background) &&
                   ((world_.files[what.object].huge && rules_.partial == partial_entry::drop) ||
                    !fsync_is_kept(rules_));
        default:
            return false;
        }
    }

  private:
    bool shares_blocks(const file_config& file) const {
        return reflinks_ && file.fs == fs_kind::xfs &&
               std::ranges::any_of(world_.files, [&](const file_config& other) {
                   return &other != &file && other.fs == fs_kind::xfs && other.huge == file.huge;
               });
    }

    bool unbinds_badly(const operation& what) const {
        const file_config* file = device_operands(world_)[what.object].file;
        const bool pins_last = rules_.gup_takes == gup_pagemap::reference;
        if (file == nullptr)
            return rules_.pre_remove == pre_remove_order::unmap_then_shutdown ||
                   (rules_.unbind_pages == pages_at_unbind::put_many && !pins_last);
        return file->fs == fs_kind::devdax && rules_.unbind_pages != pages_at_unbind::put_each && !pins_last;
    }

    const world_config& world_;
    const protocol& rules_;
    const bool reflinks_;
    const bool huge_;
};

} // namespace

named_operation name_operation(const operation& what, const world_config& world,
                               std::span<const std::string> threads) {
    return {what, print(what, world, threads), files_touched(what, world)};
}

repertoire::repertoire(const mix& load, const world_config& world) {
    std::vector<std::string> threads;
    for (unsigned i = 0; i < world.workers; ++i)
        threads.push_back("worker" + std::to_string(i));
    const known_defects defects(load, world);
    for (const operation_info& known : operation_table) {
        const auto index = static_cast<std::size_t>(known.kind);
        for (const operation& what : choices(known.kind, world))
            if (!defects.meets(what))
                by_kind_[index].push_back(name_operation(what, world, threads));
        weights_[index] = by_kind_[index].empty() ? 0 : load.weigh[known.kind];
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
