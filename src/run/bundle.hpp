/// A failure as a directory that says everything about itself, so that `replay` repeats it on any machine.
///
///   scenario.dax  the scenario, canonical text, with the protocol and rules that ran
///   bundle.json   version, command line, protocol, rules, memory, search, source hash, failure with schedule and events
///   report.txt    what the user saw
///   trace.json    of real threads: the recorded events, for Perfetto
///
/// Written beside its place and renamed into it: a bundle is whole or not there. An older bundle of the same name is replaced, also when
/// somebody else writes it at the same time; anything else of that name is refused.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace daxtorture {

struct bundle {
    static constexpr int format_version = 1;

    program what;                     ///< shrunk if the search shrank it; its rules are those that ran
    std::vector<std::string> command; ///< the command line that found it
    std::string memory = "weak";      ///< sc, tso or weak
    std::string engine = "check";     ///< check, stress or kernel
    /// Real threads found it: what they did cannot be repeated. An empty schedule alone does not say so, as a failure may need no decision.
    bool of_real_threads() const { return engine == "stress"; }
    bool of_kernel() const { return engine == "kernel"; }
    std::string scheduler;
    std::uint64_t seed = 0;
    std::uint64_t execution = 0; ///< number of the failing execution, or round
    std::string source_hash;     ///< of the model, or of the kernel's files, that it was found in
    std::string tree;            ///< of the kernel: its directory; else empty
    failure found;
};

/// Returns what went wrong ("DIR: Permission denied"), or nothing. An empty trace makes no file.
std::optional<std::string> write_bundle(const std::filesystem::path& directory, const bundle& what,
                                        std::string_view report, std::string_view trace = {});

struct bundle_result {
    std::optional<bundle> value;
    std::string error; ///< one line with file and place

    explicit operator bool() const { return value.has_value(); }
};

bundle_result read_bundle(const std::filesystem::path& directory);

} // namespace daxtorture
