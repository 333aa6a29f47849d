#include "source/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace convoke {
namespace {

std::string describe(int code) {
  return std::generic_category().message(code);
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
      throw Error(Exit::disk, fmt::format("reading failed: {}", describe(errno)), name);
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
  if (code == ENOENT || code == ENOTDIR) throw Error(Exit::no_input, "there is no such file", path);
  throw Error(Exit::no_input, fmt::format("cannot be opened: {}", describe(code)), path);
}

InputFile::InputFile(const std::string& path)
    : name_(path == "-" ? "standard input" : path),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw_not_opened(path, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && S_ISDIR(status.st_mode)) {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    throw Error(Exit::bad_source, "is a folder, not a file", name_);
  }
}

InputFile::~InputFile() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::size_t InputFile::read(char* out, std::size_t size) {
  return read_fully(name_, size, [&](std::size_t filled) { return ::read(descriptor_, out + filled, size - filled); });
}

std::size_t InputFile::read_at(char* out, std::size_t size, std::size_t offset) {
  return read_fully(name_, size, [&](std::size_t filled) {
    return ::pread(descriptor_, out + filled, size - filled, static_cast<off_t>(offset + filled));
  });
}

}  // namespace convoke
