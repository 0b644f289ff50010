#include "jobs/kernel_tree.hpp"

#include "jobs/child_process.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/paths.hpp"
#include "jobs/terminal.hpp"
#include "jobs/usage_error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include <cstdlib>

namespace daxtorture::jobs {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

fs::path cache_directory() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const fs::path base = cache != nullptr && *cache != '\0'
                              ? fs::path(cache)
                              : fs::path(home != nullptr ? home : "/tmp") / ".cache";
    return base / "daxtorture" / "kernel";
}

/// Runs the build script; its last line. Progress goes to the status line.
json ask_build_script(const char* task, const std::string& tree) {
    child_process build("/usr/bin/env", "",
                        {"python3", (kernel_directory() / "build.py").string(), task, tree,
                         cache_directory().string(), kernel_host_archive().string()});
    status_line status;
    json last;
    for (bool more = true; more;) {
        pollfd wait{build.output(), POLLIN, 0};
        poll(&wait, 1, 200);
        if (interrupted()) {
            build.stop();
            build.wait();
            throw stopped_by_signal();
        }
        more = build.read_more();
        while (const auto line = build.next_line()) {
            last = json::parse(*line, nullptr, false);
            if (last.is_object() && last.value("type", "") == "progress")
                status.show("building the kernel machine: " + last.value("text", ""));
        }
    }
    const int code = build.wait();
    if (!last.is_object() || last.value("type", "") == "progress")
        throw std::runtime_error(
            fmt::format("the build script of the kernel machine gave no answer (code {})", code));
    return last;
}

} // namespace

kernel_tree build_kernel_machine(const std::string& directory) {
    const json built = ask_build_script("build", directory);
    if (built.value("type", "") == "result")
        return {built.at("tree"),  built.at("program").get<std::string>(),
                built.at("sites"), built.at("release"),
                built.at("hash"),  built.at("preset")};
    const std::string log = built.value("log", "");
    const std::string message =
        built.value("message", "the build failed") + (log.empty() ? "" : " (log: " + log + ")");
    if (built.value("fault", "") == "input")
        throw usage_error(message);
    throw std::runtime_error(message);
}

tree_diagnosis diagnose_kernel_tree(const std::string& directory) {
    const json answer = ask_build_script("doctor", directory);
    return {answer.value("release", "?"), answer.value("problems", std::vector<std::string>{})};
}

} // namespace daxtorture::jobs
