/// Scenario files: text in, program or one precise error out. The language: docs/scenario-language.md.
///
/// Never throws, whatever the input. Lines may come in any order: names are resolved when all lines are read.
#pragma once

#include "scenario/program.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace daxtorture {

struct parse_error {
    std::string file;
    unsigned line = 0;   ///< 0: the file as a whole (it cannot be read)
    unsigned column = 0; ///< in bytes, from 1
    std::string message; ///< "expected ..., got ..."

    /// "file:line:column: message"
    std::string text() const;
};

struct parse_result {
    std::optional<program> value;
    parse_error error; ///< meaningful when there is no value

    explicit operator bool() const { return value.has_value(); }
};

parse_result parse_scenario(std::string_view text, std::string_view file_name);

/// Sets what the world has by what its threads and operations are: how many workers, and what costs steps where nothing concerns it.
void note_uses(program& what);

/// What a program may hold. Engines rely on these.
namespace limits {
inline constexpr unsigned threads = 8;
inline constexpr unsigned files = 16;
inline constexpr unsigned mms = 16;
inline constexpr unsigned areas = 16;     ///< per mm
inline constexpr unsigned pmd_order = 13; ///< 512 MiB of 64 KiB pages
inline constexpr unsigned pud_order = 19; ///< 2 GiB of 4 KiB pages
inline constexpr unsigned tlb_entries = 4096;
inline constexpr unsigned operations = 256; ///< per thread, and in set-up
inline constexpr unsigned pages =
    1u << 20; ///< of all files and spare blocks together, and the virtual pages of an mm
} // namespace limits

/// Resolves the program's rules anew: the preset it names, or `preset` if that is not empty; then its own rule lines; then
/// `assignments` ("NAME=VALUE"), which join its rule lines. Returns what is wrong, or nothing.
///
/// What a file expects holds for the rules it names, so the expectations go when `assignments` change the outcome.
std::optional<std::string> resolve_rules(program& what, std::string_view preset,
                                         std::span<const std::string> assignments);

/// What the file expects under the protocol the program now has: the line that names it, else the line that names none.
std::optional<expectation> expectation_of(const program& what);

} // namespace daxtorture
