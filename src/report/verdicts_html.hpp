/// The results of `check`, `kernel`, `hunt` or `museum` as one page: a map of scenarios against protocols, each cell a link to its failure.
#pragma once

#include "run/verdict.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture {

/// A cell of the map, and what stands behind it.
struct html_verdict {
    std::string row;     ///< the scenario or bug
    std::string column;  ///< the protocol, or what was searched
    std::string look;    ///< "pass", "fail", "known", "inconclusive" or "error"
    std::string text;    ///< in the cell: "pass", "I16"
    std::string line;    ///< in full, one line
    std::string report;  ///< interleaving and all; may be empty
    std::string program; ///< text of the scenario; may be empty
    std::string next;    ///< the next command; may be empty
    std::string page;    ///< in docs/findings; may be empty
};

/// What a verdict of a scenario looks like; report, program and next command are the caller's.
html_verdict cell_of(const scenario_verdict& verdict);

/// `title`: "daxtorture check: fail"; `summary`: one line.
std::string verdicts_html(std::string_view title, std::string_view summary,
                          std::span<const html_verdict> all);

} // namespace daxtorture
