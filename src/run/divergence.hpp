/// Where a run leaves the one that was recorded: the first step that is not the same. std only.
///
/// What a step did (thread, operation, kind, object, values, staleness) is told apart from where the model has it (function, file, line): a
/// model that only moved its lines makes the same steps.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace daxtorture {

struct divergence {
    std::size_t step = 0;    ///< index of the first event that differs, in both
    bool place_only = false; ///< all steps did the same; this is the first that does it elsewhere
};

/// Nothing: the runs are the same, step for step.
std::optional<divergence> compare_runs(const std::vector<event>& recorded, const std::vector<event>& now);

/// "truncater in wait_page_idle() at src/dax/layout_break.cpp:52, truncate A 0: load page 0 refcount = 1024"
std::string step_text(const event& what, const program& of);

} // namespace daxtorture
