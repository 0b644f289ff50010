/// Numbers, ranges, names and operations of a scenario file. Internal to scenario/.
#pragma once

#include "scenario/lexer.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::lex {

/// Pages, end exclusive. "0..2" is pages 0 and 1; "3" is page 3.
struct page_range {
    unsigned first = 0;
    unsigned last = 0;
};

/// A decimal number in [low, high].
unsigned parse_number(word from, std::string_view what, unsigned low, unsigned high);
page_range parse_range(word from);
/// "I7"
invariant parse_invariant(word from);
/// Letters, digits, '.', '_' and '-', not beginning with '.' or '-'.
std::string parse_name(word from, std::string_view what);
/// Index of the word in `known`; fails with "expected WHAT (a, b, c), got ...".
unsigned parse_choice(word from, std::string_view what, std::span<const std::string_view> known);

/// Splits "KEY=VALUE" and keeps the places of both.
struct assignment {
    word key;
    word value;
};
assignment parse_assignment(word from, std::string_view what);

/// Reads "op; op; ..." to the end of the line. Mms, files and threads are looked up in `names`.
void parse_operations(line& from, const program& names, std::vector<operation>& into);

/// The pages of an mm's areas cover this virtual page.
bool covers(const mm_config& mm, unsigned page);

} // namespace daxtorture::lex
