/// What the terminal can do: colours, its width and a live status line on a tty, plain lines on a pipe. NO_COLOR is honoured.
#pragma once

#include "report/ladder.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace daxtorture::jobs {

/// May results on stdout carry colours?
bool colours_on_stdout();

/// Narrower ladders and tables cannot be read.
inline constexpr unsigned width_min = 60;

/// How reports on stdout look: with its colours, as wide as the terminal, or as --width said. On a pipe they are as wide as in files.
ladder_options screen_look();
/// --width: whatever the terminal is.
void set_width(unsigned columns);

/// "[3/185, 4 min left] ": a place among things of which each takes about as long. The estimate comes when it can be made.
class estimate {
  public:
    explicit estimate(std::size_t things) : things_(things) {}
    std::string place(std::size_t done) const;

  private:
    std::size_t things_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

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
