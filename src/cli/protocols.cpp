#include "arch/target/targets.hpp"
#include "cli/arch.hpp"
#include "cli/commands.hpp"

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

std::vector<column> columns_with(const std::vector<std::string>& preset_files) {
    std::vector<column> all;
    for (const preset& row : preset_table())
        all.push_back({std::string(row.name), std::string(row.description), row.rules});
    for (const std::string& file : preset_files) {
        const preset_result loaded = load_preset(file);
        if (!loaded)
            throw usage_error(loaded.error.text());
        all.push_back({std::filesystem::path(file).stem().string(),
                       fmt::format("{}: {} with {}", file, loaded.value->base,
                                   loaded.value->rules.empty()
                                       ? "no changes"
                                       : fmt::format("{}", fmt::join(loaded.value->rules, " "))),
                       loaded.value->row});
    }
    return all;
}

std::string_view value_name(const rule_info& rule, const protocol& row) {
    return rule.values[rule.get(row)].name;
}

/// Columns as wide as their widest cell.
void print_table(const std::vector<column>& columns, std::size_t first_width) {
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
        print_row(rule.name, [&](const column& one) { return value_name(rule, one.row); });
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

exit_code run_protocols(const std::vector<std::string>& preset_files) {
    const std::vector<column> columns = columns_with(preset_files);
    std::size_t widest = 0;
    for (const rule_info& rule : rule_table())
        widest = std::max(widest, rule.name.size() + 2);
    print_table(columns, widest);

    fmt::print("\nPresets: --protocol NAME, or a file with a line 'base NAME' and lines 'rule NAME=VALUE'\n");
    for (const column& one : columns)
        fmt::print("  {:<{}}{}\n", one.name, widest, one.description);

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
