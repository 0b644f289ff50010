#include "scenario/lexer.hpp"

#include "scenario/utf8.hpp"

#include <utility>

namespace daxtorture::lex {
namespace {

constexpr std::size_t file_size_max = std::size_t{1} << 20;
constexpr std::size_t quoted_length_max = 40;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_separator(char c) { return c == ';' || c == ':'; }
bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

std::string hex_byte(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    return std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

void refuse_what_is_no_text(std::string_view text, unsigned number) {
    if (const auto at = not_utf8(text))
        fail({number, static_cast<unsigned>(*at + 1)}, "expected UTF-8, got byte " + hex_byte(text[*at]));
    for (std::size_t i = 0; i < text.size(); ++i)
        if (is_control(text[i]))
            fail({number, static_cast<unsigned>(i + 1)}, "expected text, got byte " + hex_byte(text[i]));
}

} // namespace

void fail(place at, std::string message) { throw failure{at, std::move(message)}; }

void unexpected(place at, std::string_view what, std::string_view got, std::string_view hint) {
    fail(at, "expected " + std::string(what) + ", got " + (got.empty() ? "end of line" : quoted(got)) +
                 std::string(hint));
}

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, quoted_length_max)) {
        if (is_control(c) || static_cast<unsigned char>(c) >= 0x80)
            out += hex_byte(c);
        else
            out += c;
    }
    return out + (text.size() > quoted_length_max ? "...'" : "'");
}

std::vector<std::string_view> split_lines(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.size() > file_size_max)
        fail({}, "expected at most " + std::to_string(file_size_max) + " bytes, got " +
                     std::to_string(text.size()));
    if (text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        lines.push_back(line);
        refuse_what_is_no_text(line, static_cast<unsigned>(lines.size()));
    }
    return lines;
}

line::line(std::string_view text, unsigned number) : text_(text) {
    std::size_t i = 0;
    while (i < text.size() && text[i] != '#') {
        if (is_blank(text[i])) {
            ++i;
            continue;
        }
        const std::size_t start = i++;
        if (!is_separator(text[start]))
            while (i < text.size() && !is_blank(text[i]) && !is_separator(text[i]))
                ++i;
        words_.push_back({text.substr(start, i - start), {number, static_cast<unsigned>(start + 1)}});
    }
    const std::size_t used = words_.empty() ? 0 : words_.back().at.column - 1 + words_.back().text.size();
    end_ = {number, static_cast<unsigned>(used + 1)};
}

word line::take(std::string_view what) {
    if (at_end())
        unexpected(end_, what, "");
    return words_[next_++];
}

bool line::take_if(std::string_view text) {
    if (at_end() || words_[next_].text != text)
        return false;
    ++next_;
    return true;
}

void line::expect(std::string_view text, std::string_view what) {
    if (!take_if(text))
        unexpected(peek().at, what, peek().text);
}

void line::expect_end(std::string_view what) {
    if (!at_end())
        unexpected(peek().at, what, peek().text);
}

word line::rest(std::string_view what) {
    const std::size_t from = next_ == 0 ? 0 : words_[next_ - 1].at.column - 1 + words_[next_ - 1].text.size();
    next_ = words_.size();
    const std::string_view text = trimmed(text_.substr(from));
    if (text.empty())
        unexpected(end_, what, "");
    return {text, {end_.line, static_cast<unsigned>(text.data() - text_.data() + 1)}};
}

} // namespace daxtorture::lex
