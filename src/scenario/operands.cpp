#include "scenario/operands.hpp"

#include "base/suggest.hpp"
#include "scenario/choices.hpp"
#include "words/invariant.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace daxtorture::lex {
namespace {

constexpr std::size_t names_listed_max = 12;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

std::string range_text(unsigned first, unsigned last) {
    return std::to_string(first) + ".." + std::to_string(last);
}

word part(word whole, std::size_t from, std::size_t length = std::string_view::npos) {
    return {whole.text.substr(from, length), {whole.at.line, whole.at.column + static_cast<unsigned>(from)}};
}

std::string areas_text(const mm_config& mm) {
    std::string text;
    for (const area_config& area : mm.areas)
        text += (text.empty() ? "" : ", ") + range_text(area.at, area.at + area.last_page - area.first_page);
    return text;
}

unsigned parse_page(line& from, const mm_config& mm) {
    const word at = from.take("a page of " + mm.name);
    const unsigned page = parse_number(at, "a page of " + mm.name, 0, limits::pages);
    if (!covers(mm, page))
        unexpected(at.at, "a page that " + mm.name + " maps (" + areas_text(mm) + ")", at.text);
    return page;
}

/// A page of the mm, or a range of pages that it maps, one area after the other.
void parse_pages(line& from, const mm_config& mm, operation& into) {
    if (from.peek().text.find("..") == std::string_view::npos) {
        into.first = parse_page(from, mm);
        return;
    }
    const word at = from.take("pages of " + mm.name);
    const page_range range = parse_range(at);
    for (unsigned page = range.first; page < range.last; ++page)
        if (!covers(mm, page))
            unexpected(at.at, "pages that " + mm.name + " maps (" + areas_text(mm) + ")", at.text);
    into.first = range.first;
    into.last = range.last == range.first + 1 ? 0 : range.last;
}

void parse_file_range(line& from, const file_config& file, operation& into) {
    const std::string what = "a range of " + file.name + "'s pages";
    const word at = from.take(what);
    const page_range range = parse_range(at);
    if (range.last > file.pages)
        unexpected(at.at, what + " (within " + range_text(0, file.pages) + ")", at.text);
    into.first = range.first;
    into.last = range.last;
}

template <class Named>
std::uint8_t parse_object(line& from, std::string_view what, const std::vector<Named>& known) {
    return static_cast<std::uint8_t>(parse_choice(from.take(what), what, names_of(known)));
}

void parse_two_files(line& from, const program& names, operation& into) {
    into.object = parse_object(from, "a file", names.world.files);
    const word second = from.peek();
    into.other = parse_object(from, "another file", names.world.files);
    if (into.other == into.object)
        unexpected(second.at, "another file", second.text);
}

void parse_two_mms(line& from, const program& names, operation& into) {
    into.object = parse_object(from, "an mm", names.world.mms);
    const word second = from.peek();
    into.other = parse_object(from, "another mm", names.world.mms);
    if (into.other == into.object || names.world.mms[into.other].areas != names.world.mms[into.object].areas)
        unexpected(second.at, "another mm with the same areas", second.text);
}

std::uint32_t parse_device_page(line& from, std::uint8_t number, const world_config& world) {
    const unsigned pages = device_operands(world)[number].pages;
    const word at = from.take("a page of the device");
    if (pages == 0)
        unexpected(at.at, "a device that has pages", at.text);
    return parse_number(at, "a page of the device", 0, pages - 1);
}

void parse_operands(line& from, operands takes, const program& names, operation& into) {
    switch (takes) {
    case operands::none:
        return;
    case operands::mm:
    case operands::mm_page:
    case operands::mm_pages:
        into.object = parse_object(from, "an mm", names.world.mms);
        if (takes == operands::mm_page)
            into.first = parse_page(from, names.world.mms[into.object]);
        else if (takes == operands::mm_pages)
            parse_pages(from, names.world.mms[into.object], into);
        return;
    case operands::two_mms:
        parse_two_mms(from, names, into);
        return;
    case operands::thread:
        into.object = parse_object(from, "a thread", names.threads);
        return;
    case operands::two_files:
        parse_two_files(from, names, into);
        return;
    case operands::device:
    case operands::device_page:
        into.object = static_cast<std::uint8_t>(
            parse_choice(from.take("a device"), "a device", device_names(names.world)));
        if (takes == operands::device_page)
            into.first = parse_device_page(from, into.object, names.world);
        return;
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        into.object = parse_object(from, "a file", names.world.files);
        const file_config& file = names.world.files[into.object];
        if (takes == operands::file_size) {
            const std::string what = "a size of " + file.name + " in pages";
            into.first = parse_number(from.take(what), what, 0, file.pages);
        } else if (takes == operands::file_range) {
            parse_file_range(from, file, into);
        }
        return;
    }
}

std::string flag_names(std::uint8_t allowed) {
    std::string text;
    for (const flag_info& one : flag_table)
        if ((allowed & static_cast<std::uint8_t>(one.value)) != 0)
            text.append("'").append(one.name).append("', ");
    return text + "'->', ';' or end of line";
}

void parse_flags(line& from, std::uint8_t allowed, operation& into) {
    while (!from.at_end() && from.peek().text != ";" && from.peek().text != "->") {
        const word at = from.take("");
        const auto* found = std::ranges::find(flag_table, at.text, &flag_info::name);
        const auto bit =
            found == flag_table.end() ? std::uint8_t{0} : static_cast<std::uint8_t>(found->value);
        const auto left = static_cast<std::uint8_t>(allowed & ~into.flags);
        if ((left & bit) == 0)
            unexpected(at.at, flag_names(left), at.text);
        into.flags = static_cast<std::uint8_t>(into.flags | bit);
    }
}

/// "-> OUTCOME": what the operation is there for, when that is not to be done.
void parse_purpose(line& from, operation& into) {
    if (from.take_if("->"))
        into.purpose =
            static_cast<outcome>(parse_choice(from.take("an outcome"), "an outcome", outcome_names));
}

/// What the operations of other tools are called here.
std::string hint_for(std::string_view typed, std::span<const std::string_view> known) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> synonyms{{
        {"fsync", "'writeback'"},
        {"fdatasync", "'writeback'"},
        {"msync", "'writeback'"},
        {"sync", "'writeback'"},
        {"fallocate", "'punch', 'zero', 'collapse' or 'insert'"},
        {"ftruncate", "'truncate'"},
        {"unmap", "'munmap'"},
        {"read", "'load' or 'kread'"},
        {"unmount", "'umount'"},
        {"clone", "'reflink' or 'fork'"},
        {"signal", "'interrupt'"},
        {"kill", "'interrupt'"},
    }};
    for (const auto& [other, ours] : synonyms)
        if (typed == other)
            return "; did you mean " + std::string(ours) + "?";
    return did_you_mean(typed, known);
}

operation parse_operation(line& from, const program& names) {
    static const std::vector<std::string_view> known = names_of(operation_table);
    const word at = from.take("an operation");
    const auto found = std::ranges::find(known, at.text);
    if (found == known.end())
        unexpected(at.at, "an operation", at.text, hint_for(at.text, known));
    operation made;
    made.kind = static_cast<op>(found - known.begin());
    made.line = at.at.line;
    made.column = at.at.column;
    parse_operands(from, info(made.kind).takes, names, made);
    parse_flags(from, info(made.kind).flags, made);
    parse_purpose(from, made);
    return made;
}

} // namespace

unsigned parse_number(word from, std::string_view what, unsigned low, unsigned high) {
    unsigned value = 0;
    const char* const end = from.text.data() + from.text.size();
    const auto [stopped, error] = std::from_chars(from.text.data(), end, value);
    if (from.text.empty() || stopped != end ||
        (error != std::errc{} && error != std::errc::result_out_of_range))
        unexpected(from.at, std::string(what) + " (a number)", from.text);
    if (error == std::errc::result_out_of_range || value < low || value > high)
        unexpected(from.at,
                   std::string(what) + " (" + std::to_string(low) + " to " + std::to_string(high) + ")",
                   from.text);
    return value;
}

page_range parse_range(word from) {
    const std::size_t dots = from.text.find("..");
    if (dots == std::string_view::npos) {
        const unsigned page = parse_number(from, "a page or a range FIRST..END", 0, limits::pages - 1);
        return {page, page + 1};
    }
    if (dots == 0 || dots + 2 == from.text.size())
        unexpected(from.at, "a range FIRST..END", from.text);
    const unsigned first =
        parse_number(part(from, 0, dots), "the first page of a range", 0, limits::pages - 1);
    const word end = part(from, dots + 2);
    const unsigned last = parse_number(end, "the end of a range", 0, limits::pages);
    if (last <= first)
        unexpected(from.at, "a range whose end is above its first page", from.text);
    return {first, last};
}

invariant parse_invariant(word from) {
    constexpr unsigned count = static_cast<unsigned>(invariant_table.size());
    const std::string what = "an invariant, I1 to I" + std::to_string(count);
    unsigned number = 0;
    const char* const end = from.text.data() + from.text.size();
    if (from.text.size() < 2 || from.text.front() != 'I')
        unexpected(from.at, what, from.text);
    const auto [stopped, error] = std::from_chars(from.text.data() + 1, end, number);
    if (error != std::errc{} || stopped != end || number < 1 || number > count)
        unexpected(from.at, what, from.text);
    return invariant_numbered(static_cast<int>(number));
}

std::string parse_name(word from, std::string_view what) {
    constexpr std::size_t length_max = 64;
    const auto wrong = std::ranges::find_if_not(from.text, is_name_character);
    if (from.text.empty() || from.text.front() == '-' || from.text.front() == '.' || wrong != from.text.end())
        unexpected(from.at, std::string(what) + " of letters, digits, '_', '-' and '.'", from.text);
    if (from.text.size() > length_max)
        unexpected(from.at, std::string(what) + " of at most " + std::to_string(length_max) + " characters",
                   from.text);
    return std::string(from.text);
}

unsigned parse_choice(word from, std::string_view what, std::span<const std::string_view> known) {
    const auto found = std::ranges::find(known, from.text);
    if (found != known.end())
        return static_cast<unsigned>(found - known.begin());
    std::string listed;
    for (const std::string_view name : known.first(std::min(known.size(), names_listed_max)))
        listed.append(listed.empty() ? " (" : ", ").append(name);
    if (known.size() > names_listed_max)
        listed += ", ...";
    listed += listed.empty() ? " (none is declared)" : ")";
    unexpected(from.at, std::string(what) + listed, from.text, did_you_mean(from.text, known));
}

assignment parse_assignment(word from, std::string_view what) {
    const std::size_t equals = from.text.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == from.text.size())
        unexpected(from.at, what, from.text);
    return {part(from, 0, equals), part(from, equals + 1)};
}

void parse_operations(line& from, const program& names, std::vector<operation>& into) {
    do {
        if (into.size() == limits::operations)
            fail(from.peek().at,
                 "expected at most " + std::to_string(limits::operations) + " operations, got more");
        into.push_back(parse_operation(from, names));
    } while (from.take_if(";") && !from.at_end());
    from.expect_end("';' or end of line");
}

bool covers(const mm_config& mm, unsigned page) {
    return std::ranges::any_of(mm.areas, [page](const area_config& area) { return area.covers(page); });
}

} // namespace daxtorture::lex
