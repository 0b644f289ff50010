/// Where the executable finds its companions, in the build tree and when installed.
#pragma once

#include <filesystem>
#include <vector>

namespace daxtorture::cli {

/// The checker: beside this executable, else where it was installed. Throws std::runtime_error naming both places.
std::filesystem::path checker_program();

/// The host half of the kernel machine: beside the executable in the build tree, else installed.
std::filesystem::path kernel_host_archive();
/// What is compiled with a kernel's headers, and the script that does it.
std::filesystem::path kernel_directory();

/// Directories that hold scenarios and the museum, in the order in which bare names are looked up.
std::filesystem::path scenario_directory();
std::filesystem::path museum_directory();

} // namespace daxtorture::cli
