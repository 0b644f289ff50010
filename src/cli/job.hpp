/// Job files: long options of `stress`, one per line, for runs that are started again and again.
///
/// A line is `NAME VALUE`, `NAME = VALUE` or, for a flag, `NAME`; dashes before the name may be written. `scenario NAME` names a
/// scenario. '#' begins a comment. What the command line says too, it decides alone. Bad lines throw usage_error with file:line.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace daxtorture::cli {

/// What is wrong with one option of `stress`, given its name and the words it becomes; empty: nothing.
using option_check =
    std::function<std::string(const std::string& name, const std::vector<std::string>& words)>;

/// The words of a command line (without the program) with the contents of `--job FILE` put before its options.
std::vector<std::string> with_job_file(const std::vector<std::string>& words, const option_check& check);

} // namespace daxtorture::cli
