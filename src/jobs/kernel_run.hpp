/// Many scenarios on one kernel tree: several machines at a time, results in the order of the scenarios.
#pragma once

#include "jobs/kernel_machine.hpp"

#include "run/bundle.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace daxtorture::jobs {

struct kernel_plan {
    std::vector<program> programs;
    kernel_search search;
    unsigned jobs = 0; ///< machines at a time; 0: as many as processors
};

struct kernel_listener {
    std::function<void(const kernel_verdict&)> done;
    std::function<void(const std::string&)> progress; ///< what is at work
};

/// When a signal comes, what was not done is inconclusive. Throws usage_error when a plan is bad.
std::vector<kernel_verdict> run_on_kernel(const kernel_tree& tree, const kernel_plan& plan,
                                          const kernel_listener& listener);

/// A failure as it is kept.
bundle kernel_bundle(const kernel_verdict& v, const kernel_tree& tree, const kernel_search& search);

} // namespace daxtorture::jobs
