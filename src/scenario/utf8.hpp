/// Is a text UTF-8? Whatever reads a text that a user wrote or moved asks here, and names the place.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace daxtorture {

/// The place of the first byte that begins no character of UTF-8 (RFC 3629); nothing when all do.
std::optional<std::size_t> not_utf8(std::string_view text);

} // namespace daxtorture
