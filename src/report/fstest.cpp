#include "report/fstest.hpp"

#include "report/fstest_runtime.hpp"
#include "report/wrap.hpp"

#include "scenario/printer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace daxtorture {
namespace {

constexpr unsigned long base_page = 4096;
constexpr unsigned long huge_page = 2UL << 20;
/// Units that a file's table of written stamps has room for.
constexpr unsigned pages_max = 32;

std::vector<operation> all_operations(const program& of) {
    std::vector<operation> all = of.setup;
    for (const thread_program& one : of.threads)
        all.insert(all.end(), one.operations.begin(), one.operations.end());
    return all;
}

/// The call that performs an operation; empty: none does.
std::string call_of(const operation& one) {
    switch (one.kind) {
    case op::load:
        return fmt::format("load_page({}, {})", one.object, one.first);
    case op::store:
        return fmt::format("store_page({}, {})", one.object, one.first);
    case op::mmap:
        return fmt::format("map_mm({})", one.object);
    case op::munmap:
        return fmt::format("unmap_mm({})", one.object);
    case op::pin:
    case op::get:
        return fmt::format("hold_pages(self, {}, {}, {})", one.object, one.first, one.pages_end());
    case op::unpin:
    case op::put:
        return "release_pages(self)";
    case op::truncate:
        return fmt::format("truncate_file({}, {})", one.object, one.first);
    case op::punch:
    case op::brk:
        return fmt::format("punch_range({}, {}, {})", one.object, one.first, one.pages_end());
    case op::zero:
        return fmt::format("zero_range({}, {}, {})", one.object, one.first, one.pages_end());
    case op::collapse:
        return fmt::format("collapse_range({}, {}, {})", one.object, one.first, one.pages_end());
    case op::insert:
        return fmt::format("insert_range({}, {}, {})", one.object, one.first, one.pages_end());
    case op::reuse:
        return fmt::format("reuse_blocks({})", one.object);
    case op::writeback:
        return fmt::format("sync_file({})", one.object);
    case op::invalidate:
        return fmt::format("open_again({})", one.object);
    case op::reflink:
        return fmt::format("clone_file({}, {})", one.object, one.other);
    case op::write:
        return fmt::format("write_range({}, {}, {})", one.object, one.first, one.pages_end());
    case op::interrupt:
        return fmt::format("interrupt_thread({})", one.object);
    case op::mremap:
        return fmt::format("move_mm({})", one.object);
    case op::mlock:
        return fmt::format("lock_mm({})", one.object);
    case op::pagemap:
        return fmt::format("read_pagemap({})", one.object);
    default:
        return "";
    }
}

bool frees_or_shares(op kind) {
    switch (kind) {
    case op::truncate:
    case op::punch:
    case op::brk:
    case op::zero:
    case op::collapse:
    case op::insert:
    case op::reflink:
        return true;
    default:
        return false;
    }
}

/// Is what write() last wrote to be found at the end? Not when another thread may have freed, moved or written it.
bool writes_stay(const program& of) {
    unsigned writers = 0;
    for (const thread_program& thread : of.threads) {
        const auto& all = thread.operations;
        if (std::ranges::any_of(all, [](const operation& one) { return frees_or_shares(one.kind); }))
            return false;
        writers +=
            std::ranges::any_of(all, [](const operation& one) { return one.kind == op::write; }) ? 1 : 0;
    }
    const bool freed = std::ranges::any_of(
        of.setup, [](const operation& one) { return frees_or_shares(one.kind) && one.kind != op::reflink; });
    return writers == 1 && !freed;
}

unsigned long unit_of(const program& of) {
    const bool huge = std::ranges::any_of(of.world.files, &file_config::huge);
    return huge && of.world.shape.pmd_order != 0 ? huge_page >> of.world.shape.pmd_order : base_page;
}

unsigned span_of(const program& of) {
    unsigned end = 1;
    for (const mm_config& mm : of.world.mms)
        for (const area_config& area : mm.areas)
            end = std::max({end, area.at + area.pages(), area.or_at.value_or(0) + area.pages()});
    return end;
}

/// As the kernel's and fstests' sources are indented: a tab for four blanks at the beginning of a line.
std::string with_tabs(const std::string& text) {
    constexpr std::string_view level = "    ";
    std::string out;
    bool beginning = true;
    for (std::size_t at = 0; at < text.size();) {
        if (beginning && text.compare(at, level.size(), level) == 0) {
            out += '\t';
            at += level.size();
            continue;
        }
        beginning = text[at] == '\n';
        out += text[at++];
    }
    return out;
}

std::string comment(const std::vector<std::string>& paragraphs) {
    std::string text = "/*\n";
    for (const std::string& one : paragraphs) {
        for (const std::string& line : wrap(one, 76))
            text += " * " + line + "\n";
        text += " *\n";
    }
    text.resize(text.size() - 3);
    return text + " */\n";
}

std::string tables(const program& of) {
    std::string text = "static struct file files[FILES + 1] = {\n";
    for (const file_config& file : of.world.files)
        text += fmt::format("\t{{ .name = \"daxtorture-{}\", .pages = {} }},\n", file.name, file.pages);
    text += "};\n\nstatic struct area areas[AREAS + 1] = {\n";
    for (unsigned mm = 0; mm < of.world.mms.size(); ++mm)
        for (const area_config& area : of.world.mms[mm].areas)
            text +=
                fmt::format("\t{{ .mm = {}, .file = {}, .first = {}, .pages = {}, .at = {}, .other = {},\n"
                            "\t  .prot = PROT_READ{}, .flags = {} }},\n",
                            mm, area.file, area.first_page, area.pages(), area.at,
                            area.or_at.value_or(area.at), area.writable ? " | PROT_WRITE" : "",
                            !area.shared ? "MAP_PRIVATE"
                            : area.sync  ? "MAP_SHARED_VALIDATE | MAP_SYNC"
                                         : "MAP_SHARED");
    return text + "};\n\n";
}

/// A line for each operation: what it is called in the scenario, for the report of a hang, and the call.
std::string body(const program& of, const std::vector<operation>& operations) {
    std::string text;
    for (const operation& one : operations) {
        const std::string call = call_of(one);
        text += fmt::format("\tself->doing = \"{}\";\n", print(one, of));
        if (one.kind == op::dma_write)
            text += "\t/* A device writes what is pinned; the pipe only holds it. */\n";
        else
            text += "\t" + call + ";\n";
    }
    return text;
}

std::string functions(const program& of) {
    std::string text =
        "static void set_up(struct thread *self)\n{\n\t(void)self;\n" + body(of, of.setup) + "}\n\n";
    for (unsigned i = 0; i < of.threads.size(); ++i) {
        const auto& operations = of.threads[i].operations;
        const bool holds = std::ranges::any_of(
            operations, [](const operation& one) { return one.kind == op::pin || one.kind == op::get; });
        text += fmt::format("static void thread_{}(struct thread *self)\n{{\n\tstatic unsigned seed = {};\n\n"
                            "\tstart(&seed);\n{}{}}}\n\n",
                            i, i + 1, body(of, operations),
                            holds ? "\trelease_pages(self); /* what is still held ends with the thread */\n"
                                  : "");
    }
    text += "static struct thread threads[THREADS + 1] = {\n";
    for (unsigned i = 0; i < of.threads.size(); ++i)
        text += fmt::format("\t{{ .name = \"{}\", .run = thread_{} }},\n", of.threads[i].name, i);
    return text + "};\n\n";
}

/// Each helper once, in the order of the vocabulary.
std::string helpers(const program& of) {
    std::set<std::string_view> wanted;
    for (const operation& one : all_operations(of)) {
        wanted.insert(fstest_operation(one.kind));
        if (one.kind == op::pin || one.kind == op::get)
            wanted.insert(fstest_operation(op::unpin)); // at the end of its thread
    }
    std::string text;
    for (const operation_info& known : operation_table)
        if (const std::string_view helper = fstest_operation(known.kind);
            wanted.erase(helper) != 0 && !helper.empty())
            text += std::string(helper) + "\n";
    return text;
}

} // namespace

std::vector<std::string> not_in_userspace(const program& of) {
    std::vector<std::string> names;
    for (const operation& one : all_operations(of)) {
        const std::string name(info(one.kind).name);
        if (call_of(one).empty() && one.kind != op::dma_write &&
            std::ranges::find(names, name) == names.end())
            names.push_back(name);
    }
    for (const file_config& file : of.world.files)
        if (is_device(file.fs) || file.pages > pages_max)
            names.push_back(is_device(file.fs) ? "a device without a filesystem" : "a large file");
    return names;
}

std::string fstest_program(const program& of, const std::vector<std::string>& why) {
    std::size_t areas = 0;
    for (const mm_config& mm : of.world.mms)
        areas += mm.areas.size();
    std::vector<std::string> about = why;
    about.push_back(
        "Made by `daxtorture fstest` from the scenario '" + of.name +
        "'. It needs a directory of a filesystem that is mounted with DAX; elsewhere it shows only that it "
        "is itself sound.");
    std::string text = "// SPDX-License-Identifier: BSD-2-Clause\n" + comment(about);
    text += fmt::format(
        "#define UNIT {}UL /* bytes of one page of the scenario */\n#define FILES {}\n#define AREAS {}\n"
        "#define MMS {}\n#define THREADS {}\n#define SPAN {} /* units of an mm's range of addresses */\n"
        "#define CHECK_WRITES {} /* may nobody but write() change what it wrote? */\n\n",
        unit_of(of), of.world.files.size(), areas, of.world.mms.size(), of.threads.size(), span_of(of),
        writes_stay(of) ? 1 : 0);
    text += fstest_head;
    text += helpers(of) + tables(of) + functions(of);
    text += fstest_tail;
    return with_tabs(text);
}

std::string fstest_script(const program& of, const std::string& name) {
    const bool shares =
        std::ranges::any_of(all_operations(of), [](const operation& one) { return one.kind == op::reflink; });
    return with_tabs(fmt::format(R"(#! /bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# {0}: {1}
#
# In fstests: put {0}.c into src/ and this file among the tests. Alone: ./{0}.sh DIRECTORY [ROUNDS], with a directory
# of a filesystem that is mounted with -o dax=always. Exit code: 0 no failure, 1 the bug, 77 not run.

if [ ! -e ./common/preamble ]; then
    [ $# -ge 1 ] || {{ echo "usage: $0 DIRECTORY [ROUNDS]" >&2; exit 2; }}
    here=$(dirname "$0")
    program=$(mktemp) || exit 2
    trap 'rm -f "$program"' EXIT
    "${{CC:-gcc}}" -std=gnu11 -O2 -Wall -Werror -pthread -o "$program" "$here/{0}.c" || exit 2
    "$program" "$@"
    exit
fi

. ./common/preamble
_begin_fstest auto quick mmap dax{2}

. ./common/filter{3}

_require_scratch{4}
_require_scratch_dax_mountopt "dax=always"
_require_test_program "{0}"

_scratch_mkfs >> $seqres.full 2>&1
_scratch_mount "-o dax=always"

$here/src/{0} $SCRATCH_MNT >> $seqres.full || echo "see $seqres.full and the kernel's log"

echo "Silence is golden"
status=0
exit
)",
                                 name, of.title.empty() ? of.name : of.title, shares ? " clone" : "",
                                 shares ? "\n. ./common/reflink" : "", shares ? "_reflink" : ""));
}

} // namespace daxtorture
