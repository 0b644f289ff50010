/// The frame of a self-contained page: style, title and sections; light and dark, from 390 px upwards. Nothing is fetched.
///
/// Whatever is wider than a phone scrolls inside its own box (class "wide"), never the page.
#pragma once

#include <string>
#include <string_view>

namespace daxtorture {

/// A whole document. `title` is plain text, `body` is markup.
std::string html_page(std::string_view title, const std::string& body);

/// A command that is to be copied: one click selects all of it.
std::string html_command(std::string_view command);

} // namespace daxtorture
