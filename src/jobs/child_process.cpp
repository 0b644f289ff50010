#include "jobs/child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace daxtorture::jobs {
namespace {

[[noreturn]] void failed(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// The input as a file that the child reads from the start: no pipe to fill, no deadlock.
int input_file(const std::string& text) {
    const int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        failed("cannot make the checker's input");
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = write(fd, text.data() + done, text.size() - done);
        if (n < 0)
            failed("cannot write the checker's input");
        done += static_cast<std::size_t>(n);
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

} // namespace

child_process::child_process(const std::filesystem::path& program, const std::string& input,
                             const std::vector<std::string>& arguments) {
    start(program, input_file(input), arguments);
}

child_process::child_process(const std::filesystem::path& program, open_input,
                             const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{}; // not a pipe: a child that is gone must not end this process by SIGPIPE
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        failed("cannot make a channel to the checker");
    input_ = ends[0];
    start(program, ends[1], arguments);
}

void child_process::start(const std::filesystem::path& program, int in,
                          const std::vector<std::string>& arguments) {
    std::array<int, 2> out{};
    if (pipe2(out.data(), O_CLOEXEC) != 0)
        failed("cannot make a pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string name = program.string();
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), name);
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const int error = posix_spawn(&pid_, name.c_str(), &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in);
    close(out[1]);
    if (error != 0) {
        close(out[0]);
        throw std::system_error(error, std::generic_category(), "cannot start " + name);
    }
    output_ = out[0];
    fcntl(output_, F_SETFL, O_NONBLOCK);
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)), unread_(std::move(other.unread_)) {}

child_process::~child_process() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        wait();
    }
    if (input_ >= 0)
        close(input_);
    if (output_ >= 0)
        close(output_);
}

void child_process::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = send(input_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n >= 0)
            text.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            return; // it is gone: its output says so
    }
}

bool child_process::read_more() {
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t n = read(output_, buffer.data(), buffer.size());
        if (n > 0)
            unread_.append(buffer.data(), static_cast<std::size_t>(n));
        else if (n == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN;
    }
}

std::optional<std::string> child_process::next_line() {
    const std::size_t end = unread_.find('\n');
    if (end == std::string::npos)
        return std::nullopt;
    std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
}

void child_process::stop() {
    if (pid_ > 0)
        kill(pid_, SIGTERM);
}

void child_process::kill_now() {
    if (pid_ > 0)
        kill(pid_, SIGKILL);
}

int child_process::wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace daxtorture::jobs
