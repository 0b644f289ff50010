#include "scenario/printer.hpp"

#include <fmt/format.h>

#include <iterator>

namespace daxtorture {

std::string_view fs_name(fs_kind kind) {
    switch (kind) {
    case fs_kind::ext4:
        return "ext4";
    case fs_kind::xfs:
        return "xfs";
    case fs_kind::fuse:
        return "fuse";
    case fs_kind::ext2:
        return "ext2";
    case fs_kind::devdax:
        return "devdax";
    case fs_kind::private_pages:
        return "private";
    case fs_kind::coherent:
        return "coherent";
    case fs_kind::p2pdma:
        return "p2pdma";
    }
    return "?";
}

namespace {

constexpr std::string_view align_text(page_align align) {
    return align == page_align::pud ? " align=pud" : align == page_align::pmd ? " align=pmd" : "";
}

/// Free text on one line: programs built by code may hold anything.
std::string one_line(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
            c = ' ';
    while (out.ends_with(' ') || out.ends_with('\t'))
        out.pop_back();
    return out.substr(std::min(out.find_first_not_of(" \t"), out.size()));
}

std::string keyword(std::string_view name) { return fmt::format("{:<9} ", name); }

std::string operations_text(const std::vector<operation>& all, const program& in) {
    std::string text;
    for (const operation& one : all) {
        text += (text.empty() ? "" : "; ") + print(one, in);
        if (one.purpose != outcome::done)
            text.append(" -> ").append(name(one.purpose));
    }
    return text;
}

std::string areas_text(const mm_config& mm, const std::vector<file_config>& files) {
    std::string text;
    for (const area_config& area : mm.areas) {
        text += fmt::format("{}{} maps {} {}..{}", keyword("mm"), mm.name, files[area.file].name,
                            area.first_page, area.last_page);
        if (area.at != area.first_page)
            text += fmt::format(" at {}", area.at);
        if (area.or_at)
            text += fmt::format(" or {}", *area.or_at);
        text += fmt::format(" {} {}{}\n", area.shared ? "shared" : "private", area.writable ? "rw" : "ro",
                            area.sync ? " sync" : "");
    }
    return text;
}

std::string head_text(const program& p) {
    std::string text;
    for (const std::string& line : p.comment)
        text += line.empty() ? "#\n" : "# " + line + "\n";
    text += keyword("scenario") + p.name + "\n";
    if (!p.title.empty())
        text += keyword("title") + one_line(p.title) + "\n";
    if (!p.claims.empty()) {
        std::string claims;
        for (const invariant claimed : p.claims)
            claims += (claims.empty() ? "" : " ") + name(claimed);
        text += keyword("claim") + claims + "\n";
    }
    text += keyword("protocol") + p.protocol + "\n";
    for (const auto& [name, value] : p.rules)
        text += fmt::format("{}{}={}\n", keyword("rule"), name, value);
    if (!p.memory.empty())
        text += keyword("memory") + p.memory + "\n";
    text += keyword("geometry") + p.geometry;
    const geometry usual = p.geometry == "tiny" ? geometry::tiny() : geometry::real();
    if (p.world.shape.pmd_order != usual.pmd_order)
        text += fmt::format(" pmd={}", p.world.shape.pmd_order);
    if (p.world.shape.pud_order != 0)
        text += fmt::format(" pud={}", p.world.shape.pud_order);
    if (p.world.shape.tlb_entries != 0)
        text += fmt::format(" tlb={}", p.world.shape.tlb_entries);
    text += "\n";
    if (!p.world.machine.name.empty())
        text += fmt::format("{}{}\n", keyword("arch"), p.world.machine.name);
    return text;
}

std::string world_text(const program& p) {
    std::string text;
    for (const file_config& file : p.world.files)
        text += fmt::format("{}{} fs={} pages={}{}{}{}\n", keyword("file"), file.name, fs_name(file.fs),
                            file.pages, align_text(file.align), file.huge ? " huge" : "",
                            file.dmap ? " dmap" : "");
    if (p.world.spare_blocks != 0)
        text += fmt::format("{}{}\n", keyword("spare"), p.world.spare_blocks);
    if (p.world.altmap_pages != 0)
        text += fmt::format("{}{}\n", keyword("altmap"), p.world.altmap_pages);
    for (const mm_config& mm : p.world.mms)
        text += areas_text(mm, p.world.files);
    return text;
}

/// Keeps the list of names out of print: clang 14 at -O1 with TSan let other operands run into its destructor.
std::string_view device_name(const world_config& world, unsigned device) {
    return device_names(world)[device];
}

} // namespace

std::string print(const operation& what, const world_config& world, std::span<const std::string> threads) {
    const operation_info& known = info(what.kind);
    std::string text(known.name);
    auto out = std::back_inserter(text);
    switch (known.takes) {
    case operands::none:
        break;
    case operands::mm:
        fmt::format_to(out, " {}", world.mms[what.object].name);
        break;
    case operands::mm_page:
        fmt::format_to(out, " {} {}", world.mms[what.object].name, what.first);
        break;
    case operands::mm_pages:
        fmt::format_to(out, " {} {}", world.mms[what.object].name, what.first);
        if (what.last != 0)
            fmt::format_to(out, "..{}", what.last);
        break;
    case operands::two_mms:
        fmt::format_to(out, " {} {}", world.mms[what.object].name, world.mms[what.other].name);
        break;
    case operands::file:
        fmt::format_to(out, " {}", world.files[what.object].name);
        break;
    case operands::file_size:
        fmt::format_to(out, " {} {}", world.files[what.object].name, what.first);
        break;
    case operands::file_range:
        fmt::format_to(out, " {} {}", world.files[what.object].name, what.first);
        if (what.last != what.first + 1)
            fmt::format_to(out, "..{}", what.last);
        break;
    case operands::device:
        fmt::format_to(out, " {}", device_name(world, what.object));
        break;
    case operands::device_page:
        fmt::format_to(out, " {} {}", device_name(world, what.object), what.first);
        break;
    case operands::thread:
        fmt::format_to(out, " {}", threads[what.object]);
        break;
    case operands::two_files:
        fmt::format_to(out, " {} {}", world.files[what.object].name, world.files[what.other].name);
        break;
    }
    for (const flag_info& one : flag_table)
        if (what.has(one.value))
            text.append(" ").append(one.name);
    return text;
}

std::string print(const operation& what, const program& in) {
    std::vector<std::string> threads;
    for (const thread_program& one : in.threads)
        threads.push_back(one.name);
    return print(what, in.world, threads);
}

std::string print_rules(const program& what) {
    std::string text;
    for (const auto& [name, value] : what.rules)
        text.append(text.empty() ? "" : " ").append(name).append("=").append(value);
    return text;
}

std::string print(const expectation& what) {
    std::string text = what.verdict == verdict_kind::pass   ? "pass"
                       : what.verdict == verdict_kind::fail ? "fail"
                                                            : "inconclusive";
    for (const invariant id : what.broken)
        text += " " + name(id);
    return what.under.empty() ? text : text + " under " + what.under;
}

std::string print(const program& p) {
    std::string text = head_text(p) + world_text(p);
    if (!p.setup.empty())
        text += keyword("setup") + operations_text(p.setup, p) + "\n";
    std::size_t widest = 0;
    for (const thread_program& one : p.threads)
        widest = std::max(widest, one.name.size() + 1);
    for (const thread_program& one : p.threads)
        text += fmt::format("{}{:<{}} {}\n", keyword("thread"), one.name + ":", widest,
                            operations_text(one.operations, p));
    for (const expectation& one : p.expectations)
        text += keyword("expect") + print(one) + "\n";
    for (const auto& [key, value] : p.notes)
        text += fmt::format("{}{} {}\n", keyword("note"), key, one_line(value));
    return text;
}

} // namespace daxtorture
