/// What the protocol is known to do wrong: the findings of docs/findings, as data. std only.
///
/// A failure looks like a finding when it has its invariant, its cause begins the same way, the scenario has the operation or the filesystem that
/// the finding needs, and the protocol has none of the rule values with which it is gone. That is a likeness: another bug may show
/// the same way, and so may two findings. tests/scenario/findings_test.cpp checks the table against the pages.
#pragma once

#include "protocol/rules.hpp"
#include "words/invariant.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

struct finding {
    std::string_view page; ///< below the repository root
    invariant broken = invariant::none;
    std::string_view cause; ///< how the cause begins
    std::string_view needs; ///< an operation or a filesystem, by name; empty: nothing in particular
    std::string_view cures; ///< "NAME=VALUE NAME=VALUE": with any of them it is gone; empty: no rule helps
};

std::span<const finding> finding_table();

/// The findings that a protocol has, as far as the scenario has what they need. `used`: its operations and filesystems, by name.
std::vector<finding> findings_possible(const protocol& rules, std::span<const std::string_view> used);

/// The pages that a failure looks like: "docs/findings/a.md or docs/findings/b.md"; empty when it is news. `used`: the operations and
/// filesystems of its scenario, by name.
std::string findings_like(invariant broken, std::string_view cause, const protocol& rules,
                          std::span<const std::string_view> used);

} // namespace daxtorture
