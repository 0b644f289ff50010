#include "cli/commands.hpp"

#include "protocol/presets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture::cli {

exit_code run_protocols() {
    std::size_t widest = 0;
    for (const rule_info& rule : rule_table())
        widest = std::max(widest, rule.name.size());

    fmt::print("{:<{}}", "rule", widest + 2);
    for (const preset& row : preset_table())
        fmt::print("{:<20}", row.name);
    fmt::print("\n");
    for (const rule_info& rule : rule_table()) {
        fmt::print("{:<{}}", rule.name, widest + 2);
        for (const preset& row : preset_table())
            fmt::print("{:<20}", rule.values[rule.get(row.rules)].name);
        fmt::print("\n");
    }

    fmt::print("\nPresets\n");
    for (const preset& row : preset_table())
        fmt::print("  {:<{}}{}\n", row.name, widest, row.description);

    fmt::print("\nRules: --rule NAME=VALUE on top of a preset\n");
    for (const rule_info& rule : rule_table()) {
        fmt::print("  {:<{}}{}{}\n", rule.name, widest, rule.decides,
                   rule.commit.empty() ? "" : fmt::format(" (changed by {})", rule.commit));
        for (const rule_value& value : rule.values)
            fmt::print("  {:<{}}  {}: {}\n", "", widest, value.name, value.meaning);
    }
    return exit_code::pass;
}

} // namespace daxtorture::cli
