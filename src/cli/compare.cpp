/// `compare`: two runs of stress, or two results of check.
#include "cli/commands.hpp"
#include "jobs/terminal.hpp"

#include "report/compare.hpp"
#include "run/campaign/journal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace daxtorture::cli {
namespace {

std::vector<checked_scenario> read_check(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file)
        throw usage_error(path + ": " + std::strerror(errno != 0 ? errno : EIO));
    try {
        return parse_check_json(text);
    } catch (const std::invalid_argument& wrong) {
        throw usage_error(path + ": " + wrong.what());
    }
}

comparison compare(const compare_options& options, std::size_t width) {
    const bool runs = std::filesystem::is_directory(options.before);
    if (runs != std::filesystem::is_directory(options.after))
        throw usage_error(fmt::format(
            "{} and {}: expected two run directories or two files of check --json, not one of each",
            options.before, options.after));
    if (!runs) {
        const std::vector<checked_scenario> before = read_check(options.before);
        return compare_checks(before, read_check(options.after), width);
    }
    try {
        const run_contents before = read_journal(options.before);
        return compare_runs(before, read_journal(options.after), width);
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
}

} // namespace

exit_code run_compare(const compare_options& options) {
    const comparison result = compare(options, screen_look().width);
    fmt::print("{}", result.text);
    return result.regressions.empty() ? exit_code::pass : exit_code::violation;
}

} // namespace daxtorture::cli
