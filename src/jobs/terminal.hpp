/// What the terminal can do: colours and a live status line on a tty, plain lines on a pipe. NO_COLOR is honoured.
#pragma once

#include <string_view>

namespace daxtorture::jobs {

/// May results on stdout carry colours?
bool colours_on_stdout();

/// One line on stderr that is overwritten in place; nothing on a pipe, where progress would only be noise.
class status_line {
  public:
    status_line();
    ~status_line() { clear(); }
    status_line(const status_line&) = delete;
    status_line& operator=(const status_line&) = delete;

    void show(std::string_view text);
    void clear(); ///< before anything else is printed

  private:
    bool live_;
    bool shown_ = false;
};

} // namespace daxtorture::jobs
