#include "cli/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "job/job.h"
#include "source/member_source.h"

namespace convoke {

WholeFile::WholeFile(std::string place) : place_(std::move(place)), name_(place_ + ".XXXXXX") {
  file_ = ::mkostemp(name_.data(), O_CLOEXEC);
  if (file_ < 0) fail();
}

WholeFile::~WholeFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(name_.c_str());
}

void WholeFile::write(std::string_view text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    done += static_cast<std::size_t>(written);
  }
}

void WholeFile::put_in_place() {
  if (::fsync(file_) != 0 || ::rename(name_.c_str(), place_.c_str()) != 0) fail();
  ::close(std::exchange(file_, -1));
}

void WholeFile::fail() {
  throw Error(Exit::disk, fmt::format("cannot write: {}", std::strerror(errno)), place_,
              "see that its folder can be written and has room");
}

void refuse_to_lose(const std::string& output, const WrittenKind& kind, const Database& database, const KnownJob& job,
                    const Config& config) {
  const auto refuse = [&](const std::string& what) {
    throw Error(Exit::bad_config, fmt::format("{} would take the place of {}", kind.one, what), output,
                fmt::format("name another file with {}", kind.option));
  };
  const auto is_at = [&](const std::filesystem::path& file) {
    std::error_code none;
    return std::filesystem::equivalent(output, file, none);
  };
  std::error_code none;
  if (std::filesystem::exists(output, none) && !std::filesystem::is_regular_file(output, none))
    throw Error(Exit::usage, "not a regular file", output, "leave it out, or name a file");
  if (database.file().is_part(output)) refuse("the ledger, or of a file that belongs to it");
  if (config.file && is_at(*config.file)) refuse("the config");
  if (std::filesystem::is_regular_file(std::filesystem::symlink_status(output, none))) {
    std::array<char, 64> beginning{};
    std::ifstream file(output, std::ios::binary);
    file.read(beginning.data(), beginning.size());
    if (!file.is_open() || !kind.is_one({beginning.data(), static_cast<std::size_t>(file.gcount())}))
      refuse(fmt::format("a file that is no {}", kind.what));
  }
  if (is_at(job.origin)) refuse("the job's own file");
  if (!job.origin.ends_with(".toml")) return;
  std::optional<Job> known;
  try {
    known = load_job(job.origin, config, {});
  } catch (const Error&) {
    return;  // it is not there any more, or has no list that could be lost
  }
  if (is_at(describe_source(known->source))) refuse("the job's own list");
}

}  // namespace convoke
