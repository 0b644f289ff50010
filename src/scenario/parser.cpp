#include "scenario/parser.hpp"

#include "arch/target/targets.hpp"
#include "base/suggest.hpp"
#include "protocol/presets.hpp"
#include "scenario/lexer.hpp"
#include "scenario/operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace daxtorture {
namespace {

using namespace lex;

constexpr std::array<std::string_view, 3> memory_names{"sc", "tso", "weak"};
constexpr std::array<std::string_view, 2> geometry_names{"tiny", "real"};
constexpr std::array<std::string_view, 8> fs_names{"ext4",   "xfs",     "fuse",     "ext2",
                                                   "devdax", "private", "coherent", "p2pdma"};
constexpr std::array<std::string_view, 3> verdict_names{"pass", "fail", "inconclusive"};

/// The file in the making. Lines that declare are read at once; lines that name what others declare wait in `later_`.
class builder {
  public:
    program build(std::string_view text);

  private:
    using handler = void (builder::*)(line&);
    struct keyword {
        std::string_view name;
        handler read;
        bool once;
    };
    static const std::array<keyword, 16> keywords;

    void read_line(line& from);
    void read_name(line& from) {
        program_.name = parse_name(from.take("a scenario name"), "a scenario name");
    }
    void read_title(line& from) { program_.title = from.rest("a title").text; }
    void read_claims(line& from);
    void read_protocol(line& from);
    void read_rules(line& from);
    void read_memory(line& from);
    void read_geometry(line& from);
    void read_arch(line& from);
    void read_file(line& from);
    void read_spare(line& from);
    void read_altmap(line& from);
    void read_expectation(line& from);
    void read_note(line& from);
    void read_thread(line& from);
    void wait_for_names(line& from) { later_.push_back(from); }

    void read_mm(line& from);
    void add_area(line& from, mm_config& mm);
    void resolve_lines();
    void check_alignments() const;
    void check_whole(unsigned lines);

    program program_;
    bool pmd_given_ = false;
    std::vector<std::pair<place, std::size_t>> aligned_; ///< where each file says its alignment
    std::vector<bool> seen_ = std::vector<bool>(keywords.size());
    std::vector<line> later_;         ///< mm and setup lines, the keyword taken
    std::vector<line> thread_bodies_; ///< what follows "thread NAME:"
};

const std::array<builder::keyword, 16> builder::keywords{{
    {"scenario", &builder::read_name, true},
    {"title", &builder::read_title, true},
    {"claim", &builder::read_claims, false},
    {"protocol", &builder::read_protocol, true},
    {"rule", &builder::read_rules, false},
    {"memory", &builder::read_memory, true},
    {"geometry", &builder::read_geometry, true},
    {"arch", &builder::read_arch, true},
    {"file", &builder::read_file, false},
    {"spare", &builder::read_spare, true},
    {"altmap", &builder::read_altmap, true},
    {"mm", &builder::wait_for_names, false},
    {"setup", &builder::wait_for_names, false},
    {"thread", &builder::read_thread, false},
    {"expect", &builder::read_expectation, false},
    {"note", &builder::read_note, false},
}};

template <class Named> void refuse_second(const std::vector<Named>& all, word name, std::string_view what) {
    for (const Named& one : all)
        if (one.name == name.text)
            unexpected(name.at, std::string("a new ") + std::string(what) + " name", name.text,
                       " a second time");
}

void refuse_more(std::size_t count, unsigned most, place at, std::string_view what) {
    if (count >= most)
        fail(at, "expected at most " + std::to_string(most) + " " + std::string(what) + ", got more");
}

void builder::read_line(line& from) {
    const word head = from.take("a keyword");
    const std::vector<std::string_view> names = names_of(keywords);
    const auto found = std::ranges::find(names, head.text);
    if (found == names.end())
        unexpected(head.at, "a keyword", head.text, did_you_mean(head.text, names));
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (keywords[index].once && seen_[index])
        fail(head.at, "expected one '" + std::string(head.text) + "' line, got a second");
    seen_[index] = true;
    (this->*keywords[index].read)(from);
    if (keywords[index].read != &builder::wait_for_names && keywords[index].read != &builder::read_thread)
        from.expect_end("end of line");
}

void builder::read_claims(line& from) {
    do {
        const word at = from.take("an invariant");
        const invariant claimed = parse_invariant(at);
        if (std::ranges::count(program_.claims, claimed) != 0)
            unexpected(at.at, "an invariant not claimed yet", at.text);
        program_.claims.push_back(claimed);
    } while (!from.at_end());
}

void builder::read_protocol(line& from) {
    const word at = from.take("a protocol");
    parse_choice(at, "a protocol", names_of(preset_table()));
    program_.protocol = at.text;
}

void builder::read_rules(line& from) {
    do {
        const assignment given = parse_assignment(from.take("RULE=VALUE"), "RULE=VALUE");
        const rule_info* rule = find_rule(given.key.text);
        if (rule == nullptr) {
            std::vector<std::string_view> names;
            for (const rule_info& one : rule_table())
                names.push_back(one.name);
            unexpected(given.key.at, "a rule", given.key.text, did_you_mean(given.key.text, names));
        }
        std::vector<std::string_view> values;
        for (const rule_value& value : rule->values)
            values.push_back(value.name);
        parse_choice(given.value, "a value of rule " + std::string(rule->name), values);
        for (const auto& [name, value] : program_.rules)
            if (name == given.key.text)
                unexpected(given.key.at, "a rule not set yet", given.key.text);
        program_.rules.emplace_back(given.key.text, given.value.text);
    } while (!from.at_end());
}

void builder::read_memory(line& from) {
    const word at = from.take("a memory model");
    program_.memory = memory_names[parse_choice(at, "a memory model", memory_names)];
}

void builder::read_geometry(line& from) {
    const word at = from.take("a geometry");
    program_.geometry = geometry_names[parse_choice(at, "a geometry", geometry_names)];
    program_.world.shape = program_.geometry == "tiny" ? geometry::tiny() : geometry::real();
    constexpr std::array<std::string_view, 3> keys{"pmd", "pud", "tlb"};
    constexpr std::string_view what = "pmd=ORDER, pud=ORDER, tlb=ENTRIES or end of line";
    while (!from.at_end()) {
        const assignment given = parse_assignment(from.take(""), what);
        geometry& shape = program_.world.shape;
        switch (parse_choice(given.key, what, keys)) {
        case 0:
            shape.pmd_order = parse_number(given.value, "the order of a PMD entry", 0, limits::pmd_order);
            pmd_given_ = true;
            break;
        case 1:
            shape.pud_order = parse_number(given.value, "the order of a PUD entry, above a PMD's",
                                           shape.pmd_order + 1, limits::pud_order);
            if (shape.pmd_order == 0)
                unexpected(given.key.at, "pmd=ORDER before pud=ORDER", given.key.text);
            break;
        default:
            shape.tlb_entries = parse_number(given.value, "a number of TLB entries", 1, limits::tlb_entries);
        }
    }
}

void builder::read_arch(line& from) {
    program_.world.machine =
        target_table[parse_choice(from.take("an architecture"), "an architecture", names_of(target_table))];
}

void builder::read_file(line& from) {
    const word name = from.take("a file name");
    file_config file;
    word dmap = name;
    file.name = parse_name(name, "a file name");
    refuse_second(program_.world.files, name, "file");
    refuse_more(program_.world.files.size(), limits::files, name.at, "files");
    place align_at;
    while (!from.at_end()) {
        constexpr std::array<std::string_view, 3> keys{"fs", "pages", "align"};
        constexpr std::array<std::string_view, 3> levels{"pte", "pmd", "pud"};
        constexpr std::string_view what = "fs=KIND, pages=NUMBER, align=LEVEL, huge or dmap";
        if (from.take_if("huge")) {
            file.huge = true;
            continue;
        }
        if (from.peek().text == "dmap") {
            dmap = from.take("");
            file.dmap = true;
            continue;
        }
        const assignment given = parse_assignment(from.take(""), what);
        switch (parse_choice(given.key, what, keys)) {
        case 0:
            file.fs = static_cast<fs_kind>(parse_choice(given.value, "a filesystem", fs_names));
            break;
        case 1:
            file.pages = parse_number(given.value, "a number of pages", 1, limits::pages);
            break;
        default:
            file.align = static_cast<page_align>(parse_choice(given.value, "a page-table level", levels));
            align_at = given.value.at;
        }
    }
    if (file.dmap && file.fs != fs_kind::fuse)
        unexpected(dmap.at, "a fuse file before 'dmap'", dmap.text);
    aligned_.emplace_back(align_at, program_.world.files.size());
    program_.world.files.push_back(std::move(file));
}

void builder::read_spare(line& from) {
    program_.world.spare_blocks =
        parse_number(from.take("a number of blocks"), "a number of blocks", 0, limits::pages);
}

void builder::read_altmap(line& from) {
    program_.world.altmap_pages =
        parse_number(from.take("a number of pages"), "a number of pages", 0, limits::pages);
}

void builder::read_expectation(line& from) {
    const word at = from.take("a verdict");
    expectation made;
    made.verdict = static_cast<verdict_kind>(parse_choice(at, "a verdict", verdict_names));
    while (made.verdict == verdict_kind::fail && !from.at_end() && from.peek().text != "under") {
        const word next = from.take("");
        made.broken.push_back(parse_invariant(next));
        if (std::ranges::count(made.broken, made.broken.back()) != 1)
            unexpected(next.at, "an invariant not expected yet", next.text);
    }
    if (!from.at_end()) {
        from.expect("under", "'under' or end of line (only 'fail' names invariants)");
        const word which = from.take("a protocol");
        parse_choice(which, "a protocol", names_of(preset_table()));
        made.under = which.text;
    }
    for (const expectation& other : program_.expectations)
        if (other.under == made.under)
            fail(at.at, "expected one 'expect' line " +
                            (made.under.empty() ? std::string("without 'under'") : "under " + made.under) +
                            ", got a second");
    program_.expectations.push_back(std::move(made));
}

void builder::read_note(line& from) {
    const word key = from.take("a note's key");
    std::string name = parse_name(key, "a note's key");
    for (const auto& [known, text] : program_.notes)
        if (known == name)
            unexpected(key.at, "a key not noted yet", key.text);
    program_.notes.emplace_back(std::move(name), from.rest("a note's text").text);
}

void builder::read_thread(line& from) {
    const word name = from.take("a thread name");
    thread_program made;
    made.name = parse_name(name, "a thread name");
    refuse_second(program_.threads, name, "thread");
    refuse_more(program_.threads.size(), limits::threads, name.at, "threads");
    from.expect(":", "':' after the thread's name");
    program_.threads.push_back(std::move(made));
    thread_bodies_.push_back(from);
}

void builder::read_mm(line& from) {
    const word name = from.take("an mm name");
    std::string text = parse_name(name, "an mm name");
    auto found = std::ranges::find(program_.world.mms, text, &mm_config::name);
    if (found == program_.world.mms.end()) {
        refuse_more(program_.world.mms.size(), limits::mms, name.at, "mms");
        program_.world.mms.push_back({std::move(text), {}});
        found = program_.world.mms.end() - 1;
    }
    refuse_more(found->areas.size(), limits::areas, name.at, "areas of an mm");
    add_area(from, *found);
}

/// Fails when one of the area's places touches another of the mm's.
void check_apart(const mm_config& mm, unsigned first, unsigned pages, place where) {
    const auto meets = [&](unsigned other, unsigned length) {
        return first < other + length && other < first + pages;
    };
    for (const area_config& other : mm.areas)
        if (meets(other.at, other.pages()) || (other.or_at && meets(*other.or_at, other.pages())))
            fail(where, "expected an area that overlaps no other of " + mm.name +
                            ", got one at virtual page " + std::to_string(first));
}

/// "maps FILE FIRST..END [at PAGE] [or PAGE] shared|private rw|ro [sync]"
void builder::add_area(line& from, mm_config& mm) {
    constexpr std::array<std::string_view, 2> sharing{"shared", "private"};
    constexpr std::array<std::string_view, 2> access{"rw", "ro"};
    from.expect("maps", "'maps FILE FIRST..END'");
    std::vector<std::string_view> files;
    for (const file_config& file : program_.world.files)
        files.push_back(file.name);
    area_config area;
    area.file = parse_choice(from.take("a file"), "a file", files);
    const file_config& file = program_.world.files[area.file];
    const word pages = from.take("a range of " + file.name + "'s pages");
    const page_range range = parse_range(pages);
    if (range.last > file.pages)
        unexpected(pages.at,
                   "a range of " + file.name + "'s pages (within 0.." + std::to_string(file.pages) + ")",
                   pages.text);
    area.first_page = range.first;
    area.last_page = range.last;
    area.at = range.first;
    place where = pages.at;
    if (from.take_if("at")) {
        const word at = from.take("a virtual page");
        area.at = parse_number(at, "a virtual page", 0, limits::pages - (range.last - range.first));
        where = at.at;
    }
    check_apart(mm, area.at, area.pages(), where);
    if (from.take_if("or")) {
        const word at = from.take("a virtual page");
        area.or_at = parse_number(at, "a virtual page", 0, limits::pages - area.pages());
        check_apart(mm, *area.or_at, area.pages(), at.at);
        if (*area.or_at < area.at + area.pages() && area.at < *area.or_at + area.pages())
            fail(at.at, "expected a second place apart from the first, got virtual page " +
                            std::to_string(*area.or_at));
    }
    area.shared = parse_choice(from.take("'shared' or 'private'"), "the sharing", sharing) == 0;
    area.writable = parse_choice(from.take("'rw' or 'ro'"), "the access", access) == 0;
    area.sync = area.shared && from.take_if("sync"); // MAP_SYNC needs MAP_SHARED_VALIDATE
    from.expect_end("end of line");
    mm.areas.push_back(area);
}

void builder::resolve_lines() {
    const auto is_setup =
        std::stable_partition(later_.begin(), later_.end(), [](line& one) { return one.head() == "mm"; });
    for (auto one = later_.begin(); one != is_setup; ++one)
        read_mm(*one);
    for (auto one = is_setup; one != later_.end(); ++one)
        parse_operations(*one, program_, program_.setup);
    for (std::size_t i = 0; i < thread_bodies_.size(); ++i)
        parse_operations(thread_bodies_[i], program_, program_.threads[i].operations);
}

/// A device of large pages is whole pages long, of a size that page tables have.
void builder::check_alignments() const {
    for (const auto& [at, index] : aligned_) {
        const file_config& file = program_.world.files[index];
        if (file.align == page_align::pte)
            continue;
        const unsigned order = program_.world.shape.order_of(file.align);
        if (file.fs != fs_kind::devdax || order == 0 || file.pages % (1U << order) != 0)
            fail(at, "expected align= of a devdax device of whole pages of a level that the geometry has, "
                     "got it of " +
                         file.name);
    }
}

void builder::check_whole(unsigned lines) {
    const place end{std::max(lines, 1u), 1};
    if (!seen_[0])
        fail({}, "expected a 'scenario NAME' line, got none");
    if (program_.threads.empty())
        fail(end, "expected at least one 'thread NAME: OPERATION; ...' line, got none");
    std::uint64_t pages = std::uint64_t{program_.world.altmap_pages} + program_.world.spare_blocks;
    for (const file_config& file : program_.world.files)
        pages += file.pages;
    if (pages > limits::pages)
        fail(end, "expected at most " + std::to_string(limits::pages) +
                      " pages in all files and spare blocks, got " + std::to_string(pages));
}

program builder::build(std::string_view text) {
    const std::vector<std::string_view> lines = split_lines(text);
    bool opening = true;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        line from(lines[i], static_cast<unsigned>(i + 1));
        if (!from.at_end()) {
            opening = false;
            read_line(from);
        } else if (opening && lines[i].starts_with('#')) {
            std::string_view comment = lines[i].substr(lines[i].starts_with("# ") ? 2 : 1);
            while (comment.ends_with(' ') || comment.ends_with('\t'))
                comment.remove_suffix(1);
            program_.comment.emplace_back(comment);
        }
    }
    if (program_.geometry == "real" && !pmd_given_)
        program_.world.shape.pmd_order = program_.world.machine.pmd_order;
    resolve_lines();
    check_alignments();
    check_whole(static_cast<unsigned>(lines.size()));
    note_uses(program_);
    if (const std::optional<std::string> wrong = resolve_rules(program_, "", {}))
        fail({}, *wrong);
    return std::move(program_);
}

} // namespace

void note_uses(program& what) {
    const auto uses = [&](bool (*concerned)(op)) {
        const auto is_concerned = [&](const operation& one) { return concerned(one.kind); };
        return std::ranges::any_of(what.setup, is_concerned) ||
               std::ranges::any_of(what.threads, [&](const thread_program& thread) {
                   return std::ranges::any_of(thread.operations, is_concerned);
               });
    };
    what.world.workers = static_cast<unsigned>(what.threads.size());
    what.world.unbinds = uses(concerns_devices);
    what.world.leases = uses(concerns_leases);
    what.world.power_cuts = uses(concerns_power);
    what.world.reflinks = uses(concerns_reflinks);
}

std::string parse_error::text() const {
    if (line == 0)
        return file + ": " + message;
    return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

parse_result parse_scenario(std::string_view text, std::string_view file_name) {
    try {
        parse_result made{builder().build(text), {}};
        made.value->source.name = file_name;
        return made;
    } catch (const lex::failure& wrong) {
        return {std::nullopt, {std::string(file_name), wrong.at.line, wrong.at.column, wrong.message}};
    }
}

std::optional<std::string> resolve_rules(program& what, std::string_view preset_name,
                                         std::span<const std::string> assignments) {
    const preset* base = find_preset(preset_name.empty() ? std::string_view(what.protocol) : preset_name);
    if (base == nullptr) {
        const std::vector<std::string_view> names = names_of(preset_table());
        const std::string got(preset_name.empty() ? std::string_view(what.protocol) : preset_name);
        return "unknown protocol '" + got + "'" + did_you_mean(got, names) +
               "; `daxtorture protocols` lists them";
    }
    protocol row = base->rules;
    for (const auto& [name, value] : what.rules)
        if (std::optional<std::string> wrong = set_rule(row, fmt::format("{}={}", name, value)))
            return wrong;
    const protocol own = row;
    for (const std::string& given : assignments)
        if (std::optional<std::string> wrong = set_rule(row, given))
            return wrong;
    for (const std::string& given : assignments) {
        const std::size_t equals = given.find('=');
        std::pair<std::string, std::string> rule{given.substr(0, equals), given.substr(equals + 1)};
        const auto known =
            std::ranges::find(what.rules, rule.first, [](const auto& one) { return one.first; });
        if (known == what.rules.end())
            what.rules.push_back(std::move(rule));
        else
            *known = std::move(rule);
    }
    if (row != own)
        what.expectations.clear();
    what.protocol = base->name;
    what.world.rules = row;
    return std::nullopt;
}

std::optional<expectation> expectation_of(const program& what) {
    for (const std::string_view under : {std::string_view(what.protocol), std::string_view()})
        for (const expectation& one : what.expectations)
            if (one.under == under)
                return one;
    return std::nullopt;
}

} // namespace daxtorture
