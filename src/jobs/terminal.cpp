#include "jobs/terminal.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace daxtorture::jobs {
namespace {

bool tty(int fd) {
    const char* term = std::getenv("TERM");
    return isatty(fd) != 0 && (term == nullptr || std::string_view(term) != "dumb");
}

std::size_t columns() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

} // namespace

bool colours_on_stdout() {
    const char* no_color = std::getenv("NO_COLOR");
    return (no_color == nullptr || *no_color == '\0') && tty(STDOUT_FILENO);
}

status_line::status_line() : live_(tty(STDERR_FILENO)) {}

void status_line::show(std::string_view text) {
    if (!live_)
        return;
    const std::string_view fits = text.substr(0, columns() - 1);
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(fits.size()), fits.data());
    std::fflush(stderr);
    shown_ = true;
}

void status_line::clear() {
    if (!shown_)
        return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    shown_ = false;
}

} // namespace daxtorture::jobs
