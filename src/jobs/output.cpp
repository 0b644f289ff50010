#include "jobs/output.hpp"

#include "jobs/usage_error.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace daxtorture::jobs {
namespace {

/// A device or a pipe is written as it is: a rename would replace it.
bool written_beside(const std::string& where) {
    std::error_code unknown;
    return !std::filesystem::exists(where, unknown) || std::filesystem::is_regular_file(where, unknown);
}

[[noreturn]] void fail_errno(const std::string& path) {
    throw usage_error("cannot write " + path + ": " + std::strerror(errno));
}

} // namespace

void require_writable(const std::string& where) {
    if (where.empty() || where == "-")
        return;
    if (!written_beside(where)) {
        // Not opened: a pipe would wait for its reader.
        errno = EISDIR;
        if (std::filesystem::is_directory(where) || ::access(where.c_str(), W_OK) != 0)
            fail_errno(where);
        return;
    }
    const std::string path = where + ".new";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        fail_errno(path);
    ::close(fd);
    ::unlink(path.c_str());
}

void write_result(const std::string& where, const std::string& text) {
    if (where == "-") {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fputc('\n', stdout);
        return;
    }
    const bool regular = written_beside(where);
    const std::string path = regular ? where + ".new" : where;
    errno = 0;
    std::ofstream file(path, std::ios::binary);
    file << text << '\n';
    file.close();
    if (!file) {
        const int why = errno;
        if (regular)
            ::unlink(path.c_str());
        errno = why;
        fail_errno(path);
    }
    if (regular && std::rename(path.c_str(), where.c_str()) != 0)
        fail_errno(where);
}

void write_result(const std::string& where, const nlohmann::json& document) {
    // File names and command lines may hold any bytes.
    write_result(where, document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace daxtorture::jobs
