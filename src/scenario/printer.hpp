/// Canonical text of a program: parse_scenario(print(p)) equals p, and printing that gives the same text again.
#pragma once

#include "scenario/program.hpp"

#include <span>
#include <string>
#include <string_view>

namespace daxtorture {

std::string print(const program& what);

/// "truncate A 0". Names come from the program that the operation belongs to, or from its world and the names of its threads.
std::string print(const operation& what, const program& in);
std::string print(const operation& what, const world_config& world, std::span<const std::string> threads);

/// "xfs"
std::string_view fs_name(fs_kind kind);

/// "fail I7 under v6.12"
std::string print(const expectation& what);

/// The rules on top of the preset: "NAME=VALUE", separated by spaces.
std::string print_rules(const program& what);

} // namespace daxtorture
