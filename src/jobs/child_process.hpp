/// A child process that is given one text on its standard input, or one after the other, and answers in lines on its standard output.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace daxtorture::jobs {

class child_process {
  public:
    /// Starts the program and hands it the input. Throws std::system_error when it cannot be started.
    child_process(const std::filesystem::path& program, const std::string& input,
                  const std::vector<std::string>& arguments = {});
    struct open_input {};
    /// Starts the program, whose input stays open for `write`.
    child_process(const std::filesystem::path& program, open_input,
                  const std::vector<std::string>& arguments);
    ~child_process(); ///< kills the child if it still runs
    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&&) = delete;
    child_process(const child_process&) = delete;

    void write(std::string_view text);     ///< to an open input; nothing when the child is gone
    int output() const { return output_; } ///< to poll for more lines
    /// Reads what is there without blocking. False when the child closed its output.
    bool read_more();
    /// The next whole line that was read, without its newline.
    std::optional<std::string> next_line();
    /// Asks the child to stop.
    void stop();
    void kill_now(); ///< wait() then returns soon, even if it was stopped or hung
    pid_t id() const { return pid_; }
    /// Waits for the child's end; its exit code, or 128 + signal.
    int wait();

  private:
    void start(const std::filesystem::path& program, int in, const std::vector<std::string>& arguments);

    pid_t pid_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::string unread_;
};

} // namespace daxtorture::jobs
