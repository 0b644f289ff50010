#include "cli/scenarios.hpp"

#include "cli/commands.hpp"
#include "cli/paths.hpp"

#include "scenario/library.hpp"

namespace daxtorture::cli {

std::vector<program> load_scenarios(const std::vector<std::string>& arguments) {
    const scenario_library library({scenario_directory(), museum_directory()});
    std::vector<std::filesystem::path> files;
    if (arguments.empty())
        files = scenarios_in(scenario_directory());
    for (const std::string& argument : arguments) {
        found_scenarios found = library.find(argument);
        if (!found.error.empty())
            throw usage_error(found.error);
        files.insert(files.end(), found.files.begin(), found.files.end());
    }
    std::vector<program> programs;
    for (const std::filesystem::path& file : files) {
        parse_result parsed = load_scenario(file);
        if (!parsed)
            throw usage_error(parsed.error.text());
        programs.push_back(std::move(*parsed.value));
    }
    return programs;
}

void override_rules(program& what, const std::string& protocol, const std::vector<std::string>& rules) {
    if (const auto wrong = resolve_rules(what, protocol, rules))
        throw usage_error(*wrong);
}

} // namespace daxtorture::cli
