#include "cli/job.hpp"

#include "cli/commands.hpp"
#include "jobs/paths.hpp"
#include "scenario/utf8.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace daxtorture::cli {
namespace {

constexpr const char* blanks = " \t\r";

std::string trimmed(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string::npos)
        return "";
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Does the command line have this option, or one that excludes it?
bool decided(const std::vector<std::string>& words, const std::string& name) {
    const auto has = [&](const std::string& option) {
        return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
            return word == "--" + option || word.compare(0, option.size() + 3, "--" + option + "=") == 0;
        });
    };
    if (name == "duration" || name == "until")
        return has("duration") || has("until");
    return has(name);
}

} // namespace

std::vector<std::string> with_job_file(const std::vector<std::string>& words, const option_check& check) {
    if (words.empty() || words.front() != "stress")
        return words;
    std::string name;
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i] == "--job" && i + 1 < words.size())
            name = words[i + 1];
        else if (words[i].compare(0, 6, "--job=") == 0)
            name = words[i].substr(6);
    }
    if (name.empty())
        return words;
    name = job_file(name).string();
    errno = 0;
    std::ifstream file(name);
    std::vector<std::string> all{"stress"};
    std::string line;
    unsigned number = 0;
    while (std::getline(file, line)) {
        ++number;
        const std::string place = name + ":" + std::to_string(number) + ": ";
        if (const auto at = not_utf8(line))
            throw usage_error(name + ":" + std::to_string(number) + ":" + std::to_string(*at + 1) +
                              ": expected UTF-8");
        line = trimmed(line.substr(0, line.find('#')));
        if (line.empty())
            continue;
        line.erase(0, line.find_first_not_of('-'));
        const std::size_t end = std::min(line.find_first_of(" \t="), line.size());
        const std::string key = line.substr(0, end);
        std::string value = trimmed(line.substr(end));
        if (!value.empty() && value.front() == '=')
            value = trimmed(value.substr(1));
        std::vector<std::string> option{key == "scenario" ? value
                                                          : "--" + key + (value.empty() ? "" : "=" + value)};
        const std::string wrong = check(key, option);
        if (!wrong.empty())
            throw usage_error(place + wrong);
        if (!decided(words, key))
            all.push_back(std::move(option.front()));
    }
    if (!file.eof())
        throw usage_error(name + ": " + std::strerror(errno != 0 ? errno : EIO));
    all.insert(all.end(), words.begin() + 1, words.end());
    return all;
}

} // namespace daxtorture::cli
