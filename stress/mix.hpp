/// Weighted random loads: which operations, how often, in which world. Data; a mix is a row of named weights and a world.
///
/// Add an operation  a `{op::name, weight}` in each mix that is to draw it; tests/host/stress_test.cpp fails while none does. What it may be
///                   done to, and when it is left out, is in stress/repertoire
#pragma once

#include "scenario/program.hpp"
#include "words/config.hpp"
#include "words/operation.hpp"

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::stress {

inline constexpr std::size_t operation_kinds = static_cast<std::size_t>(op::count_);

struct weight {
    op kind;
    unsigned value;
};

/// How often each operation is drawn, relative to the others. An operation that is not named is never drawn.
class weights {
  public:
    constexpr weights(std::initializer_list<weight> named) {
        for (const weight& one : named)
            of_[static_cast<std::size_t>(one.kind)] = one.value;
    }
    constexpr unsigned operator[](op kind) const { return of_[static_cast<std::size_t>(kind)]; }

  private:
    std::array<unsigned, operation_kinds> of_{};
};

struct mix {
    std::string_view name;
    std::string_view help;
    /// Its files, mms and free blocks, where a PMD maps that many pages.
    world_config (*world)(unsigned pmd_pages);
    weights weigh;
};

std::span<const mix> mix_table();
const mix* find_mix(std::string_view name);

/// The world that a mix runs in: some mms that overlap, over files of few pages, so that workers meet; or over files of PMDs, or over
/// devices. Geometry and TLB are the machine's.
world_config mix_world(const mix& load, const protocol& rules, const target& machine, unsigned workers);

/// Does fsync keep its promise in this protocol? Not where it skips locked entries or breaks lose DIRTY marks: docs/findings/
/// fsync-skips-locked-entries.md, break-layout-drops-dirty-marks.md. Then mixes do not rely on it: nobody waits for writeback, nothing is
/// mapped with MAP_SYNC.
bool fsync_is_kept(const protocol& rules);

/// How many workers a run has that asked for `asked`: as many as processors, at least 2, when that is 0.
unsigned worker_count(unsigned asked);

/// A mix as a scenario without operations: its world, and its workers as threads. `rules` are "NAME=VALUE" on top of the preset.
program mix_program(std::string_view mix_name, const std::string& protocol_name,
                    const std::vector<std::string>& rules, const target& machine, unsigned workers);

} // namespace daxtorture::stress
