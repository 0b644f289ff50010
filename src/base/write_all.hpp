/// Writing to a file descriptor until nothing is left.
#pragma once

#include <cerrno>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace daxtorture {

/// Throws std::system_error; a part of the text may be written then.
inline void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            throw std::system_error(errno, std::generic_category());
    }
}

} // namespace daxtorture
