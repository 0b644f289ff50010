#include "cli/version.hpp"

#include "jobs/failure_report.hpp"

#include "daxtorture_config.hpp"

#include <fmt/format.h>

#include <exception>

namespace daxtorture::cli {
namespace {

/// Bundles name the checker that found their failure in the same way.
std::string checker_text() {
    try {
        return jobs::checker_fingerprint();
    } catch (const std::exception&) {
        return "missing";
    }
}

} // namespace

std::string version_text() {
    return fmt::format("daxtorture {}\n"
                       "build:    {}, {}\n"
                       "compiler: {}\n"
                       "packages: {}\n"
                       "checker:  {}",
                       DAXTORTURE_VERSION, DAXTORTURE_BUILD, DAXTORTURE_PLATFORM, DAXTORTURE_COMPILER,
                       DAXTORTURE_PACKAGES, checker_text());
}

} // namespace daxtorture::cli
