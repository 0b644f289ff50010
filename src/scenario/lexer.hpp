/// Words of a scenario file, each with its place, and the error that every later step throws. Internal to scenario/.
///
/// A line is words separated by blanks; ';' and ':' are words of their own; '#' at the start of a word begins a comment.
/// Columns count bytes from 1.
#pragma once

#include "scenario/parser.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace daxtorture::lex {

struct place {
    unsigned line = 1;
    unsigned column = 1;
};

/// Carries a parse_error without its file name. Never leaves parse_scenario.
struct failure {
    place at;
    std::string message;
};
[[noreturn]] void fail(place at, std::string message);
/// "expected WHAT, got 'WORD'"
[[noreturn]] void unexpected(place at, std::string_view what, std::string_view got,
                             std::string_view hint = "");

struct word {
    std::string_view text;
    place at;
};

/// One line, taken word by word.
class line {
  public:
    line(std::string_view text, unsigned number);

    bool at_end() const { return next_ == words_.size(); }
    /// The next word; text empty at the end of the line.
    word peek() const { return at_end() ? word{{}, end_} : words_[next_]; }
    /// Fails with "expected WHAT, got end of line" when no word is left.
    word take(std::string_view what);
    bool take_if(std::string_view text);
    void expect(std::string_view text, std::string_view what);
    void expect_end(std::string_view what);
    /// All that follows the words taken so far, blanks trimmed; '#' is text here.
    word rest(std::string_view what);

    /// The first word, taken or not.
    std::string_view head() const { return words_.empty() ? std::string_view() : words_.front().text; }

  private:
    std::string_view text_;
    std::vector<word> words_;
    std::size_t next_ = 0;
    place end_;
};

/// The lines of a file, without CR and a byte order mark. Fails on control characters, on what is not UTF-8 and on oversized input.
std::vector<std::string_view> split_lines(std::string_view text);

/// A word for a message: quoted, unprintable bytes as \xNN, shortened.
std::string quoted(std::string_view text);

} // namespace daxtorture::lex
