/// The parts of a reproducer's C program that do not depend on the scenario. Plain C, for gcc -std=gnu11.
#pragma once

#include "words/operation.hpp"

#include <string_view>

namespace daxtorture {

/// Headers, tables of files, areas and threads, and what every program calls.
extern const std::string_view fstest_head;
/// The function that performs an operation, empty for those that no system call performs.
std::string_view fstest_operation(op kind);
/// main(), and the checks after each round.
extern const std::string_view fstest_tail;

} // namespace daxtorture
