#include "arch/target/targets.hpp"
#include "cli/commands.hpp"
#include "jobs/arch.hpp"
#include "jobs/scenarios.hpp"

#include "base/suggest.hpp"
#include "protocol/presets.hpp"
#include "scenario/preset_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace daxtorture::cli {
namespace {

struct column {
    std::string name;
    std::string description;
    protocol row;
};

column column_of(const preset& row) {
    return {std::string(row.name), std::string(row.description), row.rules};
}

column column_of_file(const std::string& file) {
    const preset_result loaded = load_preset(file);
    if (!loaded)
        throw usage_error(loaded.error.text());
    return {std::filesystem::path(file).stem().string(),
            fmt::format("{}: {} with {}", file, loaded.value->base,
                        loaded.value->rules.empty() ? "no changes"
                                                    : fmt::format("{}", fmt::join(loaded.value->rules, " "))),
            loaded.value->row};
}

/// All presets when none is named; files alone stand beside all of them.
std::vector<column> columns_of(const std::vector<std::string>& names) {
    const bool files_alone = std::ranges::all_of(names, names_file);
    std::vector<column> all;
    if (files_alone)
        for (const preset& row : preset_table())
            all.push_back(column_of(row));
    for (const std::string& name : names) {
        const preset* row = find_preset(name);
        if (row == nullptr && !names_file(name))
            throw usage_error("unknown protocol '" + name + "'" +
                              did_you_mean(name, names_of(preset_table())) +
                              "; `daxtorture protocols` lists them");
        all.push_back(row != nullptr ? column_of(*row) : column_of_file(name));
    }
    return all;
}

bool same_in_all(const rule_info& rule, const std::vector<column>& columns) {
    return std::ranges::all_of(
        columns, [&](const column& one) { return rule.get(one.row) == rule.get(columns.front().row); });
}

std::string_view value_name(const rule_info& rule, const protocol& row) {
    return rule.values[rule.get(row)].name;
}

/// Columns as wide as their widest cell. `differences`: only rules that are not the same in all of them.
void print_table(const std::vector<column>& columns, std::size_t first_width, bool differences) {
    std::vector<std::size_t> widths;
    widths.reserve(columns.size());
    for (const column& one : columns) {
        std::size_t width = one.name.size();
        for (const rule_info& rule : rule_table())
            width = std::max(width, value_name(rule, one.row).size());
        widths.push_back(width + 2);
    }
    const auto print_row = [&](std::string_view head, const auto& cell) {
        fmt::print("{:<{}}", head, first_width);
        for (std::size_t i = 0; i < columns.size(); ++i)
            fmt::print("{:<{}}", cell(columns[i]), i + 1 == columns.size() ? 0 : widths[i]);
        fmt::print("\n");
    };
    print_row("rule", [](const column& one) { return std::string_view(one.name); });
    for (const rule_info& rule : rule_table())
        if (!differences || !same_in_all(rule, columns))
            print_row(rule.name, [&](const column& one) { return value_name(rule, one.row); });
}

void print_descriptions(const std::vector<column>& columns, std::size_t first_width) {
    for (const column& one : columns)
        fmt::print("  {:<{}}{}\n", one.name, first_width, one.description);
}

void print_targets() {
    fmt::print("\nArchitectures: --arch NAME\n");
    fmt::print("  {:<15}{:>6}  {:>9}  {:>9}  {:<10}  {:<8}  {:<9}  {}\n", "name", "page", "PMD order",
               "PUD order", "devmap bit", "deposit", "TLB flush", "memory");
    for (const target& one : target_table)
        fmt::print("  {:<15}{:>2} KiB  {:>9}  {:>9}  {:<10}  {:<8}  {:<9}  {}\n", one.name,
                   1U << (one.page_shift - 10), one.pmd_order,
                   one.pud_order == 0 ? "-" : std::to_string(one.pud_order),
                   one.pte_devmap ? std::to_string(one.devmap_bit) : "-", one.deposit ? "yes" : "no",
                   one.flush == tlb_flush::interrupt ? "interrupt" : "broadcast", memory_of_arch(one));
}

} // namespace

exit_code run_protocols(const std::vector<std::string>& names) {
    const std::vector<column> columns = columns_of(names);
    std::size_t widest = 0;
    for (const rule_info& rule : rule_table())
        widest = std::max(widest, rule.name.size() + 2);
    const bool chosen = !std::ranges::all_of(names, names_file);
    print_table(columns, widest, chosen && columns.size() > 1);
    if (chosen) {
        fmt::print("\n");
        print_descriptions(columns, widest);
        return exit_code::pass;
    }
    fmt::print("\nPresets: --protocol NAME, or a file with a line 'base NAME' and lines 'rule NAME=VALUE'\n");
    print_descriptions(columns, widest);

    fmt::print("\nRules: --rule NAME=VALUE on top of a preset\n");
    for (const rule_info& rule : rule_table()) {
        fmt::print("  {:<{}}{}{}\n", rule.name, widest, rule.decides,
                   rule.commit.empty() ? "" : fmt::format(" (changed by {})", rule.commit));
        for (const rule_value& value : rule.values)
            fmt::print("  {:<{}}  {}: {}\n", "", widest, value.name, value.meaning);
    }
    print_targets();
    return exit_code::pass;
}

} // namespace daxtorture::cli
