/// A parsed scenario: what to build, what each thread does, what it claims and what is expected of it.
///
/// Text form and parser: scenario/parser.hpp; the printer writes the canonical text, which parses back to an equal program.
#pragma once

#include "words/config.hpp"
#include "words/invariant.hpp"
#include "words/operation.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace daxtorture {

enum class verdict_kind : std::uint8_t {
    pass,
    fail,
    inconclusive,
    error ///< the tool failed; no scenario expects it
};

/// "expect fail I18" or "expect fail I8 I14 under v6.12": the first expectation that matches the protocol applies.
struct expectation {
    verdict_kind verdict = verdict_kind::pass;
    std::vector<invariant> broken; ///< which of them a failure may violate; empty: any
    std::string under;             ///< preset name; empty: whatever no other line names

    /// Is it a failure of this invariant that is expected?
    bool expects_failure_of(invariant id) const {
        return verdict == verdict_kind::fail &&
               (broken.empty() || std::find(broken.begin(), broken.end(), id) != broken.end());
    }

    friend bool operator==(const expectation&, const expectation&) = default;
};

/// The file a program was read from. It says nothing about the program, so programs that differ in it alone are equal.
struct source_file {
    std::string name;

    friend bool operator==(const source_file&, const source_file&) { return true; }
};

struct thread_program {
    std::string name;
    std::vector<operation> operations;

    friend bool operator==(const thread_program&, const thread_program&) = default;
};

struct program {
    source_file source;
    std::vector<std::string> comment; ///< the comment lines that open the file, without "# "
    std::string name;
    std::string title;                                      ///< one line, for lists; may be empty
    std::vector<invariant> claims;                          ///< what it is about
    std::string protocol = "v7.3";                          ///< preset the file names
    std::vector<std::pair<std::string, std::string>> rules; ///< "rule NAME=VALUE" lines on top of the preset
    std::string memory; ///< "", "sc", "tso" or "weak": what the file asks for
    std::string geometry = "tiny";
    world_config world; ///< files, mms, spare blocks; rules already resolved from protocol + rules
    std::vector<operation> setup;
    std::vector<thread_program> threads;
    std::vector<expectation> expectations;
    std::vector<std::pair<std::string, std::string>>
        notes; ///< "note KEY TEXT": museum metadata (bug, commit, story, needs, fixed)

    friend bool operator==(const program&, const program&) = default;
};

} // namespace daxtorture
