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
#include <optional>
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
    option_words{"--programs", "N", run_group},
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
    option_words{"--summary", "", result_group},
    option_words{"--width", "N", result_group},
    option_words{"--prometheus", "FILE", result_group},
    option_words{"--out", "DIR", result_group},
    option_words{"--resume", "DIR", result_group},
    option_words{"--or-resume", "", result_group},
};

struct command_words {
    std::string_view name;
    const char* argument; ///< kind of its positional arguments; "": it takes none
    const char* about;    ///< a paragraph for the manual, after the command's one line
    const char* examples;
    const char* passes;       ///< what exit code 0 says; "": it does not occur
    const char* violates;     ///< what 1 says; "": it does not occur
    const char* inconclusive; ///< what 3 says; "": it does not occur
};
constexpr const char* time_ended = "the time ended first, or a signal came";
constexpr std::array commands{
    command_words{
        "check", "SCENARIO",
        "Searches the interleavings of small scenarios, weak memory included, for one that breaks an "
        "invariant or hangs, and shrinks it. The failure is kept as a bundle that `daxtorture replay` "
        "runs again. A failure that the scenario documents of an unmodified protocol is one line with "
        "its page in docs/findings and does not change the exit code.",
        "  daxtorture check break-vs-pin --rule wake-key=refcount\n"
        "  daxtorture check my.dax --protocol v6.12 --seconds 5m --json result.json",
        "every scenario passed, or failed as it documents of an unmodified protocol",
        "an invariant was violated, or a hang found",
        "the time ended first, a signal came, or an operation never did its part"},
    command_words{
        "kernel", "SCENARIO",
        "Builds the objects of a kernel tree that hold the protocol, links them with a machine that "
        "decides every interleaving, and runs the scenarios on them. docs/kernel.md says what the tree "
        "and this machine need.",
        "  daxtorture kernel doctor --tree ~/linux\n"
        "  daxtorture kernel break-vs-refault --tree ~/linux --seconds 1m",
        "no scenario failed", "an invariant was violated, or a hang found", time_ended},
    command_words{
        "stress", "SCENARIO",
        "Races real threads over the model and checks its invariants all the time. With --out the run "
        "is a campaign with a journal: it survives being killed, and --resume goes on with it. A hang is "
        "told with the operation of every thread, what it waits for and the locks it holds.",
        "  daxtorture stress --duration 8h --workers 8 --out campaign\n"
        "  daxtorture stress break-vs-pin --protocol v6.12 --until 07:30",
        "no failure, for as long as was asked", "an invariant was violated, or a worker hung",
        "a signal ended the run early"},
    command_words{
        "report", "DIR",
        "Reads the journal of a campaign, also while it runs, and shows what it came to. The page that "
        "--html writes is one file and fetches nothing.",
        "  daxtorture report campaign\n"
        "  daxtorture report campaign --html campaign.html --junit campaign.xml",
        "the run had no failure", "the run had failures", "the run ended early, or still goes on"},
    command_words{
        "merge", "DIR",
        "Folds the run directories of shards, or of several machines, into one. To merge a part twice "
        "changes nothing.",
        "  daxtorture merge shard-1 shard-2 --out all\n"
        "  daxtorture merge campaign-* --out week",
        "no run had a failure", "a run had failures", "a run ended early"},
    command_words{
        "compare", "DIR",
        "Compares two runs of stress slice by slice: operations per second, near misses and latencies, "
        "each change with an interval of 99 % confidence, and failures that are new or gone. Of two "
        "results of check it says what now ends otherwise. A regression is a failure that is new or "
        "comes more often, or a throughput that is lower by more than 5 % beyond doubt.",
        "  daxtorture compare run-monday run-tuesday\n"
        "  daxtorture compare v7.2.json v7.3.json",
        "no regression", "a regression", ""},
    command_words{
        "explain", "DIR",
        "Writes what a kernel developer needs to judge a failure, as plain text of 72 columns: summary, "
        "affected versions, the interleaving with the names of kernel functions, why it happens, how to "
        "confirm it, what would fix it, and commits that a Fixes: line may name.",
        "  daxtorture explain daxtorture-failures/break-vs-refault-I16-30d5e4\n"
        "  daxtorture explain campaign/failures/everything-I16-30d5e4 | mail -s report me@example.org",
        "the text was printed", "", ""},
    command_words{
        "fstest", "DIR",
        "Writes the operations of a scenario as system calls: a C program, and a script that runs it in "
        "fstests or alone. The program repeats them on real threads and fails when one hangs, or when a "
        "mapping shows other data than read() does. It needs a filesystem that is mounted with DAX; "
        "elsewhere it shows only that it is itself sound.",
        "  daxtorture fstest break-vs-refault\n"
        "  daxtorture fstest daxtorture-failures/break-vs-refault-I16-30d5e4 --out tests",
        "both files were written", "", ""},
    command_words{
        "reproduce", "DIR",
        "Takes what the flight recorders of the workers kept of a failure, lifts it into small "
        "scenarios, and lets the checker search them until the same invariant breaks for the same cause.",
        "  daxtorture reproduce campaign/failures\n"
        "  daxtorture reproduce daxtorture-failures/stress-break-vs-pin-I16-3fa9c1 --seconds 10m",
        "", "every failure was reproduced; the bundles with their schedules are kept",
        "one was not reproduced before the time ended"},
    command_words{
        "replay", "DIR", "Runs the schedule of a bundle again, and says where it diverges if it does.",
        "  daxtorture replay daxtorture-failures/break-vs-pin-I28-140115\n"
        "  daxtorture replay daxtorture-failures/break-vs-pin-I28-140115 --trace",
        "it does not fail any more", "it fails in the same way", "it fails in another way, or diverges"},
    command_words{
        "hunt", "",
        "Draws small worlds and programs over all operations, searches the interleavings of each for a few "
        "milliseconds, and keeps what fails as a scenario with its bundle. What a page of docs/findings "
        "explains is told with that page and does not change the exit code. With --out the hunt has a "
        "journal: it survives being killed, and --resume goes on with it.",
        "  daxtorture hunt --seconds 10m --out hunted --json hunt.json\n"
        "  daxtorture hunt --rule wake-key=refcount --seconds 1m --seed 7",
        "nothing failed but what is known", "something failed that no finding explains", "a signal came"},
    command_words{
        "museum", "BUG",
        "Brings back the bugs of the kernel's history, one after the other. Each must be found by the "
        "invariant that its file names, and must be gone with its fix.",
        "  daxtorture museum bug-08 bug-23-order\n"
        "  daxtorture museum --memory-table --seconds 10",
        "every bug was found, and is gone with its fix",
        "a bug was not found, or not by its invariant, or is still there with its fix", "a signal came"},
    command_words{
        "orderings", "SCENARIO",
        "Weakens every memory order of the model, one at a time, and says which scenarios notice. An "
        "order that nothing notices may be stronger than it has to be.",
        "  daxtorture orderings break-vs-pin\n"
        "  daxtorture orderings --seconds 2 --json orders.json",
        "every order was tried", "", "a signal came"},
    command_words{
        "protocols", "PROTOCOL",
        "Prints the decisions on which kernel versions differ: presets against rules. With one name "
        "only that protocol; with several only the rules in which they differ.",
        "  daxtorture protocols v6.12 v6.15         # only where they differ\n"
        "  daxtorture protocols mine.preset",
        "the table was printed", "", ""},
    command_words{
        "demo", "",
        "Checks one scenario, brings back one historical bug, and races real threads for ten seconds.",
        "  daxtorture demo\n"
        "  daxtorture demo && daxtorture check --list",
        "all three went as they should", "", "a signal came"},
};

std::string exit_codes(const command_words& of) {
    std::string text;
    const auto add = [&](int code, std::string_view meaning) {
        if (!meaning.empty())
            text += fmt::format("  {}  {}\n", code, meaning);
    };
    add(0, of.passes);
    add(1, of.violates);
    add(2, "wrong usage or bad input");
    add(3, of.inconclusive);
    add(4, "the tool itself failed, which says nothing of the protocol");
    text.pop_back();
    return text;
}

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
    app.footer(fmt::format("Examples:\n{}\n\nExit codes:\n{}", of.examples, exit_codes(of)));
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

std::optional<command_manual> manual_of(std::string_view command) {
    for (const command_words& known : commands)
        if (known.name == command)
            return command_manual{known.about, known.examples, exit_codes(known)};
    return {};
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
