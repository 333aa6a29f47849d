#include "ledger/sorter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace convoke {
namespace {

[[noreturn]] void throw_disk_error(const char* action, const std::filesystem::path& folder) {
  throw Error(Exit::disk, fmt::format("cannot {} a temporary file: {}", action, std::strerror(errno)), folder.string(),
              "the ledger's folder must have room for about 32 bytes a member while a list is read");
}

}  // namespace

SpillFile::SpillFile(const std::filesystem::path& folder) : folder_(folder.empty() ? "." : folder) {
  file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) {  // a file system without O_TMPFILE
    std::string name = (folder_ / "convoke-XXXXXX").string();
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
  }
  if (file_ < 0) throw_disk_error("create", folder_);
}

SpillFile::~SpillFile() {
  if (file_ >= 0) ::close(file_);
}

void SpillFile::append(const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file_, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_disk_error("write", folder_);
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

void SpillFile::read(void* data, std::size_t size, std::size_t offset) const {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(file_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_disk_error("read", folder_);
    at += got;
    offset += static_cast<std::size_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace convoke
