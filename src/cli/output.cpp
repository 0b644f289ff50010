#include "cli/output.hpp"

#include "cli/commands.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace daxtorture::cli {

void write_result(const std::string& where, const std::string& text) {
    if (where == "-") {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fputc('\n', stdout);
        return;
    }
    // A device or a pipe is written as it is: a rename would replace it.
    std::error_code unknown;
    const bool regular = !std::filesystem::exists(where) || std::filesystem::is_regular_file(where, unknown);
    const std::string path = regular ? where + ".new" : where;
    errno = 0;
    std::ofstream file(path, std::ios::binary);
    file << text << '\n';
    file.close();
    if (!file)
        throw usage_error("cannot write " + path + ": " + std::strerror(errno));
    if (regular && std::rename(path.c_str(), where.c_str()) != 0)
        throw usage_error("cannot write " + where + ": " + std::strerror(errno));
}

} // namespace daxtorture::cli
