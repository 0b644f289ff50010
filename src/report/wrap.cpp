#include "report/wrap.hpp"

#include <algorithm>

namespace daxtorture {
namespace {

/// How many characters of `text`, which is longer than `width`, stay on this line.
std::size_t break_at(std::string_view text, std::size_t width) {
    if (const std::size_t blank = text.rfind(' ', width); blank != std::string_view::npos && blank > 0)
        return blank;
    if (const std::size_t joint = text.find_last_of("_-/=", width - 1);
        joint != std::string_view::npos && joint > 0)
        return joint + 1;
    return width;
}

} // namespace

std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t indent) {
    std::vector<std::string> lines;
    width = std::max<std::size_t>(width, 8);
    indent = std::min(indent, width / 2);
    for (;;) {
        const std::size_t margin = lines.empty() ? 0 : indent;
        const std::size_t room = width - margin;
        if (text.size() <= room) {
            lines.push_back(std::string(margin, ' ') + std::string(text));
            return lines;
        }
        const std::size_t length = break_at(text, room);
        std::string_view part = text.substr(0, length);
        while (part.ends_with(' '))
            part.remove_suffix(1);
        lines.push_back(std::string(margin, ' ') + std::string(part));
        text.remove_prefix(length);
        while (text.starts_with(' '))
            text.remove_prefix(1);
    }
}

std::string paint(std::string_view text, style how, bool colour) {
    if (!colour || how == style::plain)
        return std::string(text);
    const char* code = "";
    switch (how) {
    case style::plain:
        break;
    case style::strong:
        code = "1";
        break;
    case style::good:
        code = "32";
        break;
    case style::bad:
        code = "31;1";
        break;
    case style::doubtful:
        code = "33";
        break;
    case style::faint:
        code = "2";
        break;
    }
    return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

} // namespace daxtorture
