/// Where the executable finds its companions: beside itself, in a build tree or as installed, wherever that was moved to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace daxtorture::jobs {

/// The checker. Throws std::runtime_error naming the places that were looked in.
std::filesystem::path checker_program();

/// The host half of the kernel machine: beside the executable in the build tree, else installed.
std::filesystem::path kernel_host_archive();
/// What is compiled with a kernel's headers, and the script that does it.
std::filesystem::path kernel_directory();

/// Directories in which bare names of scenarios are looked up, in this order. They need not exist.
std::vector<std::filesystem::path> library_directories();

/// The files that came with this executable, sorted. Throw usage_error naming the directories that were looked in when there are none: a
/// check of nothing would pass.
std::vector<std::filesystem::path> shipped_scenarios();
std::vector<std::filesystem::path> museum_files();

/// A page by the name that reports give it, "docs/findings/PAGE.md"; nothing when it did not come with this executable.
std::optional<std::filesystem::path> finding_file(const std::string& page);

/// The file of `stress --job NAME`: as it is named, if it is there or names a directory, else the one of that name that came with this executable.
std::filesystem::path job_file(const std::string& name);

} // namespace daxtorture::jobs
