#include "base/error.h"

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>

namespace convoke {

Error as_error(const std::exception& failure) {
  if (const auto* known = dynamic_cast<const Error*>(&failure)) return *known;
  if (const auto* files = dynamic_cast<const std::filesystem::filesystem_error*>(&failure)) {
    return {Exit::disk, files->code().message(), files->path1().string(),
            "see that this user may get there, and that the name is right"};
  }
  int code = 0;
  if (const auto* standard = dynamic_cast<const std::system_error*>(&failure)) {
    code = standard->code().value();
  } else if (const auto* boosts = dynamic_cast<const boost::system::system_error*>(&failure)) {
    if (boosts->code().category() == boost::system::system_category()) code = boosts->code().value();
  } else if (dynamic_cast<const std::bad_alloc*>(&failure) != nullptr) {
    code = ENOMEM;
  }
  switch (code) {
    case EMFILE:
    case ENFILE:
      return {Exit::disk, "the system lets this process open no more files", {}, "ulimit -n; or fewer api.connections"};
    case EAGAIN:
      return {Exit::disk, "the system lets this process start no more threads", {}, "ulimit -u, or systemd's TasksMax"};
    case ENOMEM:
    case ENOBUFS:
      return {Exit::disk, "the system has no more memory for this process", {}, "ulimit -v, or systemd's MemoryMax"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Exit::disk, failure.what(), {}, "make room"};
    default:
      return {Exit::defect, failure.what(), {}, "report this, with the command that led to it"};
  }
}

}  // namespace convoke
