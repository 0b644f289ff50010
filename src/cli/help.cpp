#include "cli/help.hpp"

#include "cli/commands.hpp"
#include "jobs/arch.hpp"
#include "jobs/paths.hpp"

#include "arch/target/targets.hpp"
#include "protocol/presets.hpp"
#include "scenario/library.hpp"
#include "search/strategies.hpp"
#include "stress/mix.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace daxtorture::cli {
namespace {

constexpr const char* model_group = "Protocol and machine";
constexpr const char* run_group = "How long and how much";
constexpr const char* search_group = "Search";
constexpr const char* load_group = "Load";
constexpr const char* result_group = "Results";

/// An option means the same, and takes the same kind of value, in every command that has it.
struct option_words {
    std::string_view name;
    const char* value; ///< "" for a flag
    const char* group;
};
constexpr std::array words{
    option_words{"--protocol", "PROTOCOL", model_group},
    option_words{"--rule", "RULE", model_group},
    option_words{"--arch", "MACHINE", model_group},
    option_words{"--memory", "MEMORY", model_group},
    option_words{"--memory-from-arch", "MACHINE", model_group},
    option_words{"--scheduler", "SCHEDULER", search_group},
    option_words{"--plan", "FILE", search_group},
    option_words{"--bound", "N", search_group},
    option_words{"--depth", "N", search_group},
    option_words{"--seed", "N", search_group},
    option_words{"--first", "N", search_group},
    option_words{"--no-reduction", "", search_group},
    option_words{"--no-shrink", "", search_group},
    option_words{"--searches", "N", search_group},
    option_words{"--tree", "DIR", model_group},
    option_words{"--mix", "MIX", load_group},
    option_words{"--workers", "N", load_group},
    option_words{"--pin", "PROCESSORS", load_group},
    option_words{"--turn", "TIME", load_group},
    option_words{"--hang-after", "TIME", load_group},
    option_words{"--no-recorder", "", load_group},
    option_words{"--no-ledger", "", load_group},
    option_words{"--job", "FILE", load_group},
    option_words{"--duration", "TIME", run_group},
    option_words{"--until", "HH:MM", run_group},
    option_words{"--keep-going", "", run_group},
    option_words{"--seconds", "TIME", run_group},
    option_words{"--fixed-seconds", "TIME", run_group},
    option_words{"--iterations", "N", run_group},
    option_words{"--jobs", "N", run_group},
    option_words{"--shard", "I/N", run_group},
    option_words{"--slice", "TIME", result_group},
    option_words{"--list", "", result_group},
    option_words{"--memory-table", "", result_group},
    option_words{"--coverage", "", result_group},
    option_words{"--verbose", "", result_group},
    option_words{"--show-known", "", result_group},
    option_words{"--trace", "", result_group},
    option_words{"--bisect", "", result_group},
    option_words{"--json", "FILE", result_group},
    option_words{"--html", "FILE", result_group},
    option_words{"--junit", "FILE", result_group},
    option_words{"--prometheus", "FILE", result_group},
    option_words{"--out", "DIR", result_group},
    option_words{"--resume", "DIR", result_group},
    option_words{"--or-resume", "", result_group},
};

struct command_words {
    std::string_view name;
    const char* argument; ///< kind of its positional arguments; "": it takes none
    const char* examples;
};
constexpr std::array commands{
    command_words{"check", "SCENARIO",
                  "  daxtorture check break-vs-pin --rule wake-key=refcount\n"
                  "  daxtorture check my.dax --protocol v6.12 --seconds 5m --json result.json"},
    command_words{"kernel", "SCENARIO",
                  "  daxtorture kernel doctor --tree ~/linux\n"
                  "  daxtorture kernel break-vs-refault --tree ~/linux --seconds 1m"},
    command_words{"stress", "SCENARIO",
                  "  daxtorture stress --duration 8h --workers 8 --out campaign\n"
                  "  daxtorture stress break-vs-pin --protocol v6.12 --until 07:30"},
    command_words{"report", "DIR",
                  "  daxtorture report campaign\n"
                  "  daxtorture report campaign --html campaign.html --junit campaign.xml"},
    command_words{"merge", "DIR",
                  "  daxtorture merge shard-1 shard-2 --out all\n"
                  "  daxtorture merge campaign-* --out week"},
    command_words{"reproduce", "DIR",
                  "  daxtorture reproduce campaign/failures\n"
                  "  daxtorture reproduce daxtorture-failures/stress-break-vs-pin-I16-3fa9c1 --seconds 10m"},
    command_words{"replay", "DIR",
                  "  daxtorture replay daxtorture-failures/break-vs-pin-I28-140115\n"
                  "  daxtorture replay daxtorture-failures/break-vs-pin-I28-140115 --trace"},
    command_words{"museum", "BUG",
                  "  daxtorture museum bug-08 bug-23-order\n"
                  "  daxtorture museum --memory-table --seconds 10"},
    command_words{"orderings", "SCENARIO",
                  "  daxtorture orderings break-vs-pin\n"
                  "  daxtorture orderings --seconds 2 --json orders.json"},
    command_words{"protocols", "PROTOCOL",
                  "  daxtorture protocols v6.12 v6.15         # only where they differ\n"
                  "  daxtorture protocols mine.preset"},
    command_words{"demo", "",
                  "  daxtorture demo\n"
                  "  daxtorture demo && daxtorture check --list"},
};

const option_words* words_of(const CLI::Option& option) {
    for (const std::string& name : option.get_lnames())
        for (const option_words& one : words)
            if (one.name == "--" + name)
                return &one;
    return nullptr;
}

/// Ranges and sets would stand in front of the text of every option: errors and completion name them.
void hide_checks(CLI::Option& option) {
    try {
        for (int i = 0;; ++i)
            option.get_validator(i)->description("");
    } catch (const CLI::OptionNotFound&) { // that was the last one
    }
}

void add_help(CLI::App& app, const command_words& of) {
    app.footer(std::string("Examples:\n") + of.examples);
    for (CLI::Option* option : app.get_options()) {
        hide_checks(*option);
        if (option->get_positional()) {
            option->type_name(of.argument);
            continue;
        }
        const option_words* found = words_of(*option);
        if (found == nullptr)
            continue;
        option->group(found->group);
        if (found->value[0] != '\0')
            option->type_name(found->value);
    }
}

std::string lower(std::string_view text) {
    std::string small(text);
    std::ranges::transform(small, small.begin(), [](unsigned char c) { return std::tolower(c); });
    return small;
}

std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return text;
}

using value_list = std::vector<std::pair<std::string, std::string>>; ///< value and help

template <class Table> value_list named(const Table& table, auto help) {
    value_list all;
    for (const auto& one : table)
        all.emplace_back(one.name, help(one));
    return all;
}

value_list rule_values() {
    value_list all;
    for (const rule_info& rule : rule_table())
        for (const rule_value& value : rule.values)
            all.emplace_back(fmt::format("{}={}", rule.name, value.name),
                             fmt::format("{}: {}", rule.decides, value.meaning));
    return all;
}

/// Of files that are not there, or cannot be read, there is nothing to complete.
value_list scenario_values(const std::function<std::vector<std::filesystem::path>()>& files) {
    value_list all;
    try {
        for (const std::filesystem::path& file : files())
            if (const parse_result parsed = load_scenario(file))
                all.emplace_back(file.stem().string(), parsed.value->title);
    } catch (const usage_error&) {
        all.clear();
    }
    return all;
}

value_list machine_values() {
    value_list all;
    for (const std::string& name : known_archs())
        all.emplace_back(name, fmt::format("memory {}", memory_of_arch(arch_named(name))));
    return all;
}

/// Those that search on their own.
value_list scheduler_values() {
    value_list values;
    for (const strategy_kind& kind : strategies())
        if (kind.walks != walk::aimed)
            values.emplace_back(kind.name, kind.help);
    return values;
}

std::vector<std::pair<std::string, value_list>> all_values() {
    return {
        {"protocol", named(preset_table(), [](const preset& one) { return std::string(one.description); })},
        {"rule", rule_values()},
        {"machine", machine_values()},
        {"memory",
         {{"sc", "interleavings alone"},
          {"tso", "x86: loads pass earlier stores"},
          {"weak", "what any machine may do"}}},
        {"scheduler", scheduler_values()},
        {"mix", named(stress::mix_table(), [](const stress::mix& one) { return std::string(one.help); })},
        {"scenario", scenario_values(shipped_scenarios)},
        {"bug", scenario_values(museum_files)},
    };
}

} // namespace

void add_help(CLI::App& app) {
    for (const command_words& one : commands)
        add_help(*app.get_subcommand(std::string(one.name)), one);
}

std::string completion_list(const CLI::App& app) {
    std::string text;
    for (const CLI::App* command : app.get_subcommands({})) {
        if (command->get_group().empty()) // not for users
            continue;
        text += fmt::format("command\t{}\t{}\n", command->get_name(), one_line(command->get_description()));
        for (const CLI::Option* option : command->get_options()) {
            if (option->get_positional())
                text +=
                    fmt::format("argument\t{}\t{}\n", command->get_name(), lower(option->get_type_name()));
            const option_words* found = words_of(*option);
            for (const std::string& name : option->get_lnames())
                text += fmt::format("option\t{}\t--{}\t{}\t{}\n", command->get_name(), name,
                                    found == nullptr ? "" : lower(found->value),
                                    one_line(option->get_description()));
        }
    }
    for (const auto& [kind, values] : all_values())
        for (const auto& [value, help] : values)
            text += fmt::format("value\t{}\t{}\t{}\n", kind, value, one_line(help));
    return text;
}

} // namespace daxtorture::cli
