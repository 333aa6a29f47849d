#include "job/key_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "base/blanks.h"
#include "base/error.h"
#include "base/text.h"
#include "net/blot.h"
#include "source/member_source.h"

namespace convoke {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t longest_line = 64UL * 1024;
constexpr std::size_t longest_complaint = 4096;
constexpr int look_ms = 20;                      // between looks at whether the program has ended
constexpr auto grace = std::chrono::seconds(1);  // for a program that is told to end

[[noreturn]] void fail_to_start(const std::string& program, int code, const std::string& where) {
  const bool is_scarce = code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
  throw Error(
      is_scarce ? Exit::disk : Exit::bad_config,
      fmt::format("{} cannot be started: {}", excerpt(program), std::strerror(code)), where,
      is_scarce ? "let this process have more: ulimit -u, ulimit -n" : "a program and its arguments, each by itself");
}

/// What the program writes, as far as it is kept.
class Outlet {
 public:
  Outlet(const std::vector<std::string>& command, const std::string& where) {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail_to_start(command.front(), errno, where);
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Outlet() {
    close_end(0);
    close_end(1);
    wipe(text);
  }
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  int program_end() const { return ends_[1]; }
  void leave_to_program() { close_end(1); }
  pollfd to_wait_for() const { return {ends_[0], POLLIN, 0}; }

  /// Takes what there is, and of it what fits into `most` bytes.
  void take(std::size_t most) {
    std::array<char, 4096> bytes{};
    while (ends_[0] >= 0) {
      const ssize_t got = ::read(ends_[0], bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got == 0) close_end(0);
      if (got <= 0) break;
      // Room for all of it from the start: what grows leaves copies behind.
      if (text.capacity() < most) text.reserve(most);
      text.append(bytes.data(), std::min(static_cast<std::size_t>(got), most - text.size()));
    }
    ::explicit_bzero(bytes.data(), bytes.size());
  }

  std::string text;

 private:
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) ::close(std::exchange(ends_[end], -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

std::atomic<pid_t> running_program = 0;  // one at a time

/// The program while it runs; ended if it is left before its end.
class Program {
 public:
  Program(const std::vector<std::string>& command, const Outlet& out, const Outlet& err, const std::string& where) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out.program_end(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err.program_end(), STDERR_FILENO);
    // What we ignore for ourselves, and what a thread of ours holds back, is not for it.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    for (const int number : {SIGPIPE, SIGXFSZ}) sigaddset(&signals, number);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const int code = ::posix_spawnp(&id_, words[0], &files, &attributes, words.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (code != 0) fail_to_start(command.front(), code, where);
    running_program = id_;
  }
  ~Program() {
    // SIGTERM first: it may have set a terminal's echo off, and be about to set it on again.
    const auto end = Steady::now() + grace;
    if (!status_) ::kill(id_, SIGTERM);
    while (!this->end() && Steady::now() < end) ::poll(nullptr, 0, look_ms);
    if (!status_) ::kill(id_, SIGKILL);
    while (!status_ && ::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
    running_program = 0;
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// How it ended, as wait() says it; empty: it runs.
  std::optional<int> end() {
    int status = 0;
    if (!status_ && ::waitpid(id_, &status, WNOHANG) == id_) {
      status_ = status;
      running_program = 0;
    }
    return status_;
  }

 private:
  pid_t id_ = 0;
  std::optional<int> status_;
};

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

std::string line_of(const std::vector<std::string>& command) {
  std::string line = "by hand:";
  for (const std::string& word : command) line += " " + shell_quoted(word);
  return line;
}

/// The first line that a program complained in, without what it had said on standard output: that may be the key.
std::string complaint_of(const std::string& err, const std::string& out) {
  Blot blot;
  std::string_view rest = out;
  while (!rest.empty()) {
    const std::string_view line = trim_blanks(rest.substr(0, rest.find('\n')));
    if (!line.empty()) blot.add(std::string(line));
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  }
  std::string_view first = trim_blanks(err);
  std::string complaint(first.substr(0, first.find('\n')));
  blot(complaint);
  return excerpt(complaint);
}

}  // namespace

Secret first_line_of(const std::vector<std::string>& command, const std::string& where, Duration patience,
                     const std::stop_token& stop) {
  Outlet out(command, where);
  Outlet err(command, where);
  Program program(command, out, err, where);
  out.leave_to_program();
  err.leave_to_program();
  const std::string name = excerpt(command.front());
  const auto end = Steady::now() + patience;
  // Its own end is what counts: it may have started another (an agent, say) that keeps its outlets open.
  std::optional<int> status;
  while (!status) {
    status = program.end();
    out.take(longest_line);
    err.take(longest_complaint);
    if (status) break;
    if (stop.stop_requested()) throw ReadingStopped{};
    if (Steady::now() >= end) {
      throw Error(Exit::bad_config, fmt::format("{} did not end within {}", name, describe_duration(patience)), where,
                  line_of(command));
    }
    std::array<pollfd, 2> waiting = {out.to_wait_for(), err.to_wait_for()};
    ::poll(waiting.data(), waiting.size(), look_ms);
  }
  if (*status != 0) {
    const std::string complaint = complaint_of(err.text, out.text);
    throw Error(Exit::bad_config,
                fmt::format("{} {}{}{}", name, describe_end(*status), complaint.empty() ? "" : ": ", complaint), where,
                line_of(command));
  }
  std::string line = out.text.substr(0, out.text.find('\n'));
  if (line.ends_with('\r')) line.pop_back();
  Secret secret(line);
  wipe(line);
  return secret;
}

void kill_key_command() {
  if (const pid_t program = running_program; program != 0) ::kill(program, SIGKILL);
}

}  // namespace convoke
