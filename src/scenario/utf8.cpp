#include "scenario/utf8.hpp"

namespace daxtorture {
namespace {

/// The bytes of a character that begins with `first`, and what its second byte may be: no overlong forms, no surrogates, nothing above
/// U+10FFFF.
struct form {
    std::size_t length = 0; ///< 0: no character begins so
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
};

form form_of(unsigned char first) {
    if (first < 0x80)
        return {1};
    if (first < 0xc2 || first > 0xf4)
        return {};
    if (first < 0xe0)
        return {2};
    if (first < 0xf0)
        return {3, static_cast<unsigned char>(first == 0xe0 ? 0xa0 : 0x80),
                static_cast<unsigned char>(first == 0xed ? 0x9f : 0xbf)};
    return {4, static_cast<unsigned char>(first == 0xf0 ? 0x90 : 0x80),
            static_cast<unsigned char>(first == 0xf4 ? 0x8f : 0xbf)};
}

} // namespace

std::optional<std::size_t> not_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t at = 0; at < text.size();) {
        const form shape = form_of(byte(at));
        if (shape.length == 0 || at + shape.length > text.size())
            return at;
        for (std::size_t i = 1; i < shape.length; ++i) {
            const bool second = i == 1;
            if (byte(at + i) < (second ? shape.low : 0x80) || byte(at + i) > (second ? shape.high : 0xbf))
                return at;
        }
        at += shape.length;
    }
    return std::nullopt;
}

} // namespace daxtorture
