#include "jobs/terminal.hpp"

#include "report/near_misses.hpp"

#include <fmt/format.h>

#include <algorithm>
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

std::size_t columns(int fd) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

unsigned chosen_width = 0; ///< by --width; 0: none

constexpr double estimate_after_seconds = 2;

} // namespace

bool colours_on_stdout() {
    const char* no_color = std::getenv("NO_COLOR");
    return (no_color == nullptr || *no_color == '\0') && tty(STDOUT_FILENO);
}

void set_width(unsigned columns) { chosen_width = columns; }

ladder_options screen_look() {
    ladder_options look;
    look.colour = colours_on_stdout();
    if (chosen_width != 0)
        look.width = chosen_width;
    else if (tty(STDOUT_FILENO))
        look.width = std::max(width_min, static_cast<unsigned>(columns(STDOUT_FILENO)));
    return look;
}

std::string estimate::place(std::size_t done) const {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    std::string left;
    if (done != 0 && spent.count() >= estimate_after_seconds)
        left = fmt::format(", {} left", duration_text(spent.count() / static_cast<double>(done) *
                                                      static_cast<double>(things_ - done)));
    return fmt::format("[{}/{}{}] ", done + 1, things_, left);
}

status_line::status_line() : live_(tty(STDERR_FILENO)) {}

void status_line::show(std::string_view text) {
    if (!live_)
        return;
    const std::string_view fits = text.substr(0, columns(STDERR_FILENO) - 1);
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
