#include "source/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "source/member_source.h"

namespace convoke {
namespace {

constexpr int step_ms = 100;  // how long a stop may go unheard

std::string describe(int code) {
  return std::generic_category().message(code);
}

[[noreturn]] void throw_not_read(const std::string& name, int code) {
  throw Error(Exit::disk, fmt::format("reading failed: {}", describe(code)), name);
}

template <class ReadSome>
std::size_t read_fully(const std::string& name, std::size_t size, ReadSome read_some) {
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = read_some(filled);
    if (got == 0) break;
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw_not_read(name, errno);
    }
  }
  return filled;
}

}  // namespace

void throw_not_opened(const std::string& path, int code) {
  if (code == EACCES || code == EPERM) {
    throw Error(Exit::no_input, "may not be read: permission denied", path,
                fmt::format("let this user read it: chmod, or run as its owner (now user id {})", ::geteuid()));
  }
  if (code == EMFILE || code == ENFILE)
    throw Error(Exit::disk, fmt::format("cannot be opened: {}", describe(code)), path,
                "let this process open more files: ulimit -n");
  if (code == ENOENT || code == ENOTDIR) throw Error(Exit::no_input, "there is no such file", path);
  throw Error(Exit::no_input, fmt::format("cannot be opened: {}", describe(code)), path);
}

// O_NONBLOCK: a named pipe without a writer is opened at once; what waits is read(), which can be stopped.
InputFile::InputFile(const std::string& path, std::stop_token stop)
    : name_(path == "-" ? "standard input" : path),
      stop_(std::move(stop)),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) throw_not_opened(path, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return;
  mode_ = status.st_mode;
  if (S_ISDIR(status.st_mode)) {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    throw Error(Exit::bad_source, "is a folder, not a file", name_);
  }
  if (S_ISREG(status.st_mode)) {
    // Standard input may be a file that somebody has read the head of.
    const off_t begin = std::max<off_t>(::lseek(descriptor_, 0, SEEK_CUR), 0);
    size_ = static_cast<std::uint64_t>(std::max<off_t>(status.st_size - begin, 0));
  }
}

InputFile::~InputFile() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::size_t InputFile::read(char* out, std::size_t size) {
  if (stop_.stop_requested()) throw ReadingStopped{};
  if (size_) {
    const std::size_t filled =
        read_fully(name_, size, [&](std::size_t begin) { return ::read(descriptor_, out + begin, size - begin); });
    taken_ += filled;
    return filled;
  }
  for (;;) {
    wait_until_readable(std::chrono::steady_clock::time_point::max());
    const ssize_t got = ::read(descriptor_, out, size);
    if (got < 0 && errno != EINTR && errno != EAGAIN) throw_not_read(name_, errno);
    if (got < 0) continue;
    taken_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
}

std::size_t InputFile::read_at(char* out, std::size_t size, std::size_t offset) {
  return read_fully(name_, size, [&](std::size_t filled) {
    return ::pread(descriptor_, out + filled, size - filled, static_cast<off_t>(offset + filled));
  });
}

bool InputFile::wait_until_readable(std::chrono::steady_clock::time_point latest) const {
  // Linux reports the end of a named pipe only after somebody has written into it: one without a writer yet is waited
  // for, where read() would take it for empty.
  pollfd waiting{descriptor_, POLLIN, 0};
  for (int ready = 0; ready == 0 || (ready < 0 && errno == EINTR);) {
    if (stop_.stop_requested()) throw ReadingStopped{};
    if (ready == 0 && std::chrono::steady_clock::now() >= latest) return false;
    ready = ::poll(&waiting, 1, step_ms);
  }
  return true;
}

}  // namespace convoke
