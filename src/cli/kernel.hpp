/// `daxtorture kernel --tree DIR`: scenarios on the real objects of a kernel tree.
#pragma once

#include "cli/commands.hpp"

#include <string>
#include <vector>

namespace daxtorture::cli {

struct kernel_options {
    std::vector<std::string> targets; ///< scenarios; "doctor" as the first one asks what a build would miss
    std::string tree;
    std::string plan; ///< file of a schedule in words
    std::string memory = "sc";
    std::string scheduler; ///< empty: bound, then pct and uniform
    unsigned bound = 2;
    unsigned depth = 3;
    std::uint64_t seed = 1;
    std::uint64_t iterations = 0; ///< of each random strategy; 0: the machine's default
    double seconds = 10;          ///< per scenario
    unsigned jobs = 0;            ///< scenarios at a time; 0: as many as processors
    bool bisect = false;
    bool show_known = false; ///< show known findings as other failures
    bool verbose = false;
    std::string json; ///< file, "-" for stdout
    std::string out;  ///< where failures go
};

exit_code run_kernel(const kernel_options& options);

} // namespace daxtorture::cli
