#include "base/spill_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace convoke {

SpillFile::SpillFile(const std::filesystem::path& folder, std::string hint)
    : folder_(folder.empty() ? "." : folder), hint_(std::move(hint)) {
  file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) {  // a file system without O_TMPFILE
    std::string name = (folder_ / "convoke-XXXXXX").string();
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
  }
  if (file_ < 0) fail("create");
}

SpillFile::~SpillFile() {
  if (file_ >= 0) ::close(file_);
}

void SpillFile::append(const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file_, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

void SpillFile::read(void* data, std::size_t size, std::size_t offset) const {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(file_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("read");
    at += got;
    offset += static_cast<std::size_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

void SpillFile::fail(const char* action) const {
  throw Error(Exit::disk, fmt::format("cannot {} a temporary file: {}", action, std::strerror(errno)), folder_.string(),
              hint_);
}

}  // namespace convoke
