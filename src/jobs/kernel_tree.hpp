/// A kernel tree, and the machine that kernel/build.py makes of it: an executable of its own, kept in a cache by content.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace daxtorture::jobs {

struct kernel_tree {
    std::string directory;
    std::filesystem::path program; ///< the machine
    std::string sites;             ///< its table of hooks
    std::string release;
    std::string hash;   ///< of the files that the machine was made from
    std::string preset; ///< of the model: the one that fits the tree
};

/// Builds the machine, or finds it in the cache. Throws usage_error when the tree cannot be built here, std::runtime_error when the build
/// failed, stopped_by_signal when a signal came first.
kernel_tree build_kernel_machine(const std::string& directory);

struct tree_diagnosis {
    std::string release;
    std::vector<std::string> problems; ///< what stands in the way of a build, one line each
};
tree_diagnosis diagnose_kernel_tree(const std::string& directory);

} // namespace daxtorture::jobs
