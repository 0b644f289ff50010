/// `explain` and `fstest`: a failure as a mail, and as a test of a real kernel.
#include "cli/commands.hpp"
#include "jobs/output.hpp"
#include "jobs/paths.hpp"
#include "jobs/scenarios.hpp"

#include "report/explain.hpp"
#include "report/fstest.hpp"
#include "report/text.hpp"
#include "run/bundle.hpp"
#include "scenario/known.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace daxtorture::cli {
namespace {

namespace fs = std::filesystem;

bundle load_bundle(const std::string& place) {
    bundle_result read = read_bundle(place);
    if (!read)
        throw usage_error(read.error);
    return std::move(*read.value);
}

/// The page that the scenario names, if the failure looks like it; else the first page that it looks like; empty: none.
std::string page_of(const bundle& kept) {
    const std::string pages = findings_like(kept.what, kept.found.invariant, kept.found.cause);
    for (const auto& [key, text] : kept.what.notes)
        if (key == "finding" && pages.find(text) != std::string::npos)
            return text;
    return pages.substr(0, pages.find(' '));
}

finding_page read_page(const std::string& name) {
    const auto file = name.empty() ? std::nullopt : finding_file(name);
    if (!file)
        return {};
    std::ifstream text(*file, std::ios::binary);
    return parse_finding(name, {std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>()});
}

program program_of(const std::string& target) {
    if (fs::exists(fs::path(target) / "bundle.json"))
        return load_bundle(target).what;
    std::vector<program> all = load_scenarios({target});
    if (all.size() != 1)
        throw usage_error(target + ": expected a bundle or one scenario");
    return std::move(all.front());
}

/// Names of files hold no blanks, and those of programs no dots.
std::string file_name(const std::string& scenario) {
    std::string name = "daxtorture-" + scenario;
    for (char& c : name)
        if (c == '.' || c == '/' || c == ' ')
            c = '-';
    return name;
}

void write_file(const fs::path& place, const std::string& text) {
    std::string without_newline = text;
    without_newline.pop_back(); // which write_result adds
    write_result(place.string(), without_newline);
    fmt::print("{}\n", place.string());
}

} // namespace

exit_code run_explain(const explain_options& options) {
    const bundle kept = load_bundle(options.bundle);
    fmt::print("{}", explanation(kept, options.bundle, read_page(page_of(kept))));
    return exit_code::pass;
}

exit_code run_fstest(const fstest_options& options) {
    const program what = program_of(options.target);
    if (const std::vector<std::string> missing = not_in_userspace(what); !missing.empty())
        throw usage_error(
            fmt::format("{}: no system call of a test does this: {}", what.name, fmt::join(missing, ", ")));
    std::vector<std::string> why;
    if (!what.title.empty())
        why.push_back(what.title + ".");
    for (const auto& [key, page] : what.notes)
        if (key == "finding")
            if (const finding_page known = read_page(page); !known.title.empty())
                why.push_back(known.title + " (" + page + ").");
    const fs::path directory = options.out.empty() ? "." : options.out;
    std::error_code ignored; // write_result names the place if it is not there
    fs::create_directories(directory, ignored);
    const std::string name = file_name(what.name);
    write_file(directory / (name + ".c"), fstest_program(what, why));
    const fs::path script = directory / (name + ".sh");
    write_file(script, fstest_script(what, name));
    fs::permissions(script, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                    fs::perm_options::add);
    return exit_code::pass;
}

} // namespace daxtorture::cli
