#include "jobs/paths.hpp"

#include "jobs/usage_error.hpp"

#include "scenario/library.hpp"

#include "daxtorture_config.hpp"

#include <stdexcept>

namespace daxtorture::jobs {
namespace {

namespace fs = std::filesystem;

fs::path own_directory() {
    std::error_code unknown;
    return fs::read_symlink("/proc/self/exe", unknown).parent_path();
}

/// Where `installed` is, seen from this executable, if it was installed: below whatever DESTDIR or directory it was moved to.
fs::path beside_installed(const fs::path& installed) {
    return (own_directory() / installed.lexically_relative(DAXTORTURE_BIN_DIR)).lexically_normal();
}

/// What the executable reads while it runs: its name where it is installed, and in the sources.
struct data {
    const char* installed;
    const char* source;
};
constexpr data scenarios{"scenarios", "models/scenarios"};
constexpr data museum{"museum", "models/museum"};
constexpr data job_files{"jobs", "stress/jobs"};
constexpr data findings{"docs/findings", "docs/findings"};

/// Where data may be: what was installed with this executable; in the build tree the sources, else the copy that a build tree carries
/// along when it is moved. Never an absolute place, in which another version may have been installed.
std::vector<fs::path> data_directories(const data& kind) {
    std::error_code missing;
    const bool built_here = fs::equivalent(own_directory(), DAXTORTURE_BUILD_ROOT, missing);
    return {beside_installed(fs::path(DAXTORTURE_DATA_DIR) / kind.installed),
            built_here ? fs::path(DAXTORTURE_SOURCE_ROOT) / kind.source
                       : own_directory() / "data" / kind.installed};
}

std::vector<fs::path> scenario_files(const data& kind) {
    std::string looked_in;
    for (const fs::path& directory : data_directories(kind)) {
        std::vector<fs::path> files = scenarios_in(directory);
        if (!files.empty())
            return files;
        looked_in += (looked_in.empty() ? "" : " or ") + directory.string();
    }
    throw usage_error("expected *.dax files in " + looked_in + ", found none; build or install again");
}

} // namespace

fs::path checker_program() {
    fs::path beside = own_directory() / "daxtorture-checker";
    if (fs::exists(beside))
        return beside;
    fs::path installed = beside_installed(fs::path(DAXTORTURE_LIBEXEC_DIR) / "daxtorture-checker");
    if (fs::exists(installed))
        return installed;
    throw std::runtime_error("the checker is missing: neither " + beside.string() + " nor " +
                             installed.string() + " exists; build it or install again");
}

fs::path kernel_host_archive() {
    constexpr const char* name = "libdaxtorture-kernel-host.a";
    fs::path beside = own_directory() / "machines/kernel" / name;
    return fs::exists(beside) ? beside : beside_installed(fs::path(DAXTORTURE_LIBEXEC_DIR) / name);
}

fs::path kernel_directory() {
    std::error_code missing;
    const bool built_here = fs::equivalent(own_directory(), DAXTORTURE_BUILD_ROOT, missing);
    return built_here ? fs::path(DAXTORTURE_SOURCE_ROOT) / "kernel"
                      : beside_installed(fs::path(DAXTORTURE_DATA_DIR) / "kernel");
}

std::vector<fs::path> library_directories() {
    std::vector<fs::path> all;
    for (const data& kind : {scenarios, museum})
        for (fs::path& directory : data_directories(kind))
            all.push_back(std::move(directory));
    return all;
}

std::vector<fs::path> shipped_scenarios() { return scenario_files(scenarios); }
std::vector<fs::path> museum_files() { return scenario_files(museum); }

std::optional<fs::path> finding_file(const std::string& page) {
    std::error_code missing;
    for (const fs::path& directory : data_directories(findings))
        if (const fs::path file = directory / fs::path(page).filename(); fs::exists(file, missing))
            return file;
    return {};
}

fs::path job_file(const std::string& name) {
    std::error_code missing;
    if (name.find('/') != std::string::npos || fs::exists(name, missing))
        return name;
    for (const fs::path& directory : data_directories(job_files))
        if (const fs::path file = directory / (name + ".job"); fs::exists(file, missing))
            return file;
    return name;
}

} // namespace daxtorture::jobs
