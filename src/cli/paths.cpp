#include "cli/paths.hpp"

#include "daxtorture_config.hpp"

#include <stdexcept>
#include <string>

namespace daxtorture::cli {
namespace {

namespace fs = std::filesystem;

fs::path own_directory() {
    std::error_code unknown;
    return fs::read_symlink("/proc/self/exe", unknown).parent_path();
}

bool in_build_tree() {
    std::error_code missing;
    return fs::equivalent(own_directory(), DAXTORTURE_BUILD_ROOT, missing);
}

fs::path data_directory(const char* name) {
    if (in_build_tree())
        return fs::path(DAXTORTURE_SOURCE_ROOT) / "models" / name;
    return fs::path(DAXTORTURE_DATA_DIR) / name;
}

} // namespace

fs::path checker_program() {
    fs::path beside = own_directory() / "daxtorture-checker";
    if (fs::exists(beside))
        return beside;
    fs::path installed = fs::path(DAXTORTURE_LIBEXEC_DIR) / "daxtorture-checker";
    if (fs::exists(installed))
        return installed;
    throw std::runtime_error("the checker is missing: neither " + beside.string() + " nor " +
                             installed.string() + " exists; build it or install again");
}

fs::path kernel_host_archive() {
    constexpr const char* name = "libdaxtorture-kernel-host.a";
    fs::path beside = own_directory() / "machines/kernel" / name;
    return fs::exists(beside) ? beside : fs::path(DAXTORTURE_LIBEXEC_DIR) / name;
}

fs::path kernel_directory() {
    return in_build_tree() ? fs::path(DAXTORTURE_SOURCE_ROOT) / "kernel"
                           : fs::path(DAXTORTURE_DATA_DIR) / "kernel";
}

fs::path scenario_directory() { return data_directory("scenarios"); }
fs::path museum_directory() { return data_directory("museum"); }

} // namespace daxtorture::cli
