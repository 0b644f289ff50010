/// `daxtorture kernel --tree DIR`: scenarios on the real objects of a kernel tree.
#pragma once

#include "cli/commands.hpp"

#include "jobs/kernel_run.hpp"

#include <string>
#include <vector>

namespace daxtorture::cli {

struct kernel_options {
    std::vector<std::string> targets; ///< scenarios; "doctor" as the first one asks what a build would miss
    std::string tree;
    jobs::kernel_plan plan; ///< its programs come of the targets
    bool compare = false;   ///< with the model
    bool bisect = false;
    bool show_known = false; ///< show known findings as other failures
    bool verbose = false;
    std::string json; ///< file, "-" for stdout
    std::string out;  ///< where failures go
};

exit_code run_kernel(const kernel_options& options);

} // namespace daxtorture::cli
