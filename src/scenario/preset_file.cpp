#include "scenario/preset_file.hpp"

#include "base/suggest.hpp"
#include "protocol/presets.hpp"
#include "scenario/lexer.hpp"
#include "scenario/library.hpp"

#include <algorithm>
#include <array>

namespace daxtorture {
namespace {

using namespace lex;

void read_base(line& from, preset_file& into) {
    const word name = from.take("a preset");
    const preset* base = find_preset(name.text);
    if (base == nullptr)
        unexpected(name.at, "a preset", name.text, did_you_mean(name.text, names_of(preset_table())));
    from.expect_end("end of line");
    into.base = name.text;
    into.row = base->rules;
}

void read_rules(line& from, preset_file& into) {
    do {
        const word rule = from.take("RULE=VALUE");
        if (const auto wrong = set_rule(into.row, rule.text))
            fail(rule.at, *wrong);
        into.rules.emplace_back(rule.text);
    } while (!from.at_end());
}

preset_file read_lines(std::string_view text) {
    constexpr std::array<std::string_view, 2> keywords{"base", "rule"};
    preset_file made;
    unsigned number = 0;
    for (const std::string_view one : split_lines(text)) {
        line from(one, ++number);
        if (from.at_end())
            continue;
        const word head = from.take("a keyword");
        if (std::ranges::find(keywords, head.text) == keywords.end())
            unexpected(head.at, "'base' or 'rule'", head.text, did_you_mean(head.text, keywords));
        const bool based = !made.base.empty();
        if ((head.text == "base") == based)
            fail(head.at, based ? "expected one 'base' line, got a second"
                                : "expected a 'base' line before the rules");
        based ? read_rules(from, made) : read_base(from, made);
    }
    if (made.base.empty())
        fail({number + 1, 1}, "expected a line 'base PRESET', got end of file");
    return made;
}

} // namespace

preset_result parse_preset(std::string_view text, std::string_view file_name) {
    try {
        return {read_lines(text), {}};
    } catch (const failure& wrong) {
        return {std::nullopt, {std::string(file_name), wrong.at.line, wrong.at.column, wrong.message}};
    }
}

preset_result load_preset(const std::filesystem::path& file) {
    std::string text;
    if (auto unreadable = read_text(file, text))
        return {std::nullopt, std::move(*unreadable)};
    return parse_preset(text, file.string());
}

} // namespace daxtorture
