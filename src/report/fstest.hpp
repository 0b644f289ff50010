/// A scenario as a test of a real kernel, in the manner of fstests: a C program that performs its operations as system calls, and the shell
/// script that runs it, inside fstests or alone.
///
/// What stands for what: an mm of the scenario is a mapping in a range of addresses of its own; a pin or a get is a page that vmsplice has
/// put into a pipe, which holds it until the pipe is read; a page of a huge file is the part of 2 MiB that the scenario's PMD has it for.
/// The program repeats set-up and threads, and fails when a thread hangs, or when a mapping shows other data than read() does. It
/// says when the file is not a DAX file: then it shows only that the test itself is sound. Checked by tests/tools/fstest_test.py.
#pragma once

#include "scenario/program.hpp"

#include <string>
#include <vector>

namespace daxtorture {

/// The operations that no system call of such a test performs, by name: with any, there is no test.
std::vector<std::string> not_in_userspace(const program& of);

/// `why`: what is tested, for the comment on top, one paragraph per line.
std::string fstest_program(const program& of, const std::vector<std::string>& why);
/// `name`: of both files, without their endings.
std::string fstest_script(const program& of, const std::string& name);

} // namespace daxtorture
