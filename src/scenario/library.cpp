#include "scenario/library.hpp"

#include "base/suggest.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

namespace daxtorture {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view extension = ".dax";
constexpr std::size_t read_size_max =
    (std::size_t{1} << 20) + 1; // one more than the parser accepts: it reports the excess

bool is_bare_name(std::string_view argument) {
    return argument.find('/') == std::string_view::npos && !argument.ends_with(extension);
}

struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

} // namespace

std::vector<fs::path> scenarios_in(const fs::path& directory) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        if (at->path().extension() == extension && at->is_regular_file(error))
            files.push_back(at->path());
    std::ranges::sort(files);
    return files;
}

std::vector<fs::path> scenario_library::list() const {
    std::vector<fs::path> all;
    for (const fs::path& directory : search_)
        for (fs::path& file : scenarios_in(directory))
            all.push_back(std::move(file));
    return all;
}

found_scenarios scenario_library::find(std::string_view argument) const {
    const std::string text(argument);
    std::error_code error;
    const fs::path path(text);
    if (fs::is_directory(path, error)) {
        found_scenarios found{scenarios_in(path), ""};
        if (found.files.empty())
            found.error = text + ": expected a directory with *.dax files, found none";
        return found;
    }
    if (fs::exists(path, error))
        return {{path}, ""};
    if (!is_bare_name(argument))
        return {{}, text + ": " + std::strerror(ENOENT)};
    for (const fs::path& directory : search_)
        if (fs::path file = directory / (text + std::string(extension)); fs::exists(file, error))
            return {{std::move(file)}, ""};
    std::vector<std::string> stems;
    for (const fs::path& file : list())
        stems.push_back(file.stem().string());
    const std::vector<std::string_view> names(stems.begin(), stems.end());
    return {{},
            "unknown scenario '" + text + "'" + did_you_mean(text, names) +
                "; `daxtorture check --list` lists them"};
}

std::optional<parse_error> read_text(const fs::path& file, std::string& text) {
    const auto unreadable = [&](int error) { return parse_error{file.string(), 0, 0, std::strerror(error)}; };
    const std::unique_ptr<std::FILE, closer> stream(std::fopen(file.c_str(), "rb"));
    if (!stream)
        return unreadable(errno);
    text.assign(read_size_max, '\0');
    errno = 0;
    text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
    if (std::ferror(stream.get()))
        return unreadable(errno);
    return std::nullopt;
}

parse_result load_scenario(const fs::path& file) {
    std::string text;
    if (auto unreadable = read_text(file, text))
        return {std::nullopt, std::move(*unreadable)};
    return parse_scenario(text, file.string());
}

} // namespace daxtorture
