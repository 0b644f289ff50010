#include "jobs/scenarios.hpp"

#include "jobs/arch.hpp"
#include "jobs/paths.hpp"
#include "jobs/usage_error.hpp"

#include "scenario/library.hpp"
#include "scenario/preset_file.hpp"

namespace daxtorture::jobs {

std::vector<program> load_scenarios(const std::vector<std::string>& arguments) {
    const scenario_library library(library_directories());
    std::vector<std::filesystem::path> files;
    if (arguments.empty())
        files = shipped_scenarios();
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

bool names_file(const std::string& protocol) {
    return protocol.find('/') != std::string::npos || protocol.ends_with(".preset");
}

named_protocol find_protocol(const std::string& given) {
    if (!names_file(given))
        return {given, {}};
    preset_result loaded = load_preset(given);
    if (!loaded)
        throw usage_error(loaded.error.text());
    return {std::move(loaded.value->base), std::move(loaded.value->rules)};
}

void override_arch(program& what, const std::string& arch) {
    if (arch.empty())
        return;
    what.world.machine = arch_named(arch);
    if (what.geometry == "real")
        what.world.shape.pmd_order = what.world.machine.pmd_order;
}

void override_rules(program& what, const std::string& protocol, const std::vector<std::string>& rules) {
    named_protocol named = find_protocol(protocol);
    named.rules.insert(named.rules.end(), rules.begin(), rules.end());
    if (const auto wrong = resolve_rules(what, named.preset, named.rules))
        throw usage_error(*wrong);
}

} // namespace daxtorture::jobs
