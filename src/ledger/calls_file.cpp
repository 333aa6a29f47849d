#include "ledger/calls_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/numbers.h"

namespace convoke {
namespace {

// One line of one length: to write it over is one write within one block, so that it is there whole or not at all.
constexpr std::string_view heading = "convoke calls 1 ";
constexpr std::size_t id_size = 32;
constexpr std::size_t number_size = 20;
constexpr std::size_t line_size = heading.size() + id_size + 2 * (1 + number_size) + 1;

std::string line_of(const CallsBegun& begun) {
  return fmt::format("{}{} {:020} {:020}\n", heading, begun.ledger_id, begun.calls,
                     begun.latest.time_since_epoch().count());
}

std::optional<std::int64_t> number_in(std::string_view text) {
  const auto number = parse_number<std::int64_t>(text);
  return number && *number >= 0 ? number : std::nullopt;
}

std::optional<CallsBegun> begun_in(std::string_view line) {
  if (line.size() != line_size || !line.starts_with(heading) || line.back() != '\n') return std::nullopt;
  CallsBegun begun;
  begun.ledger_id = line.substr(heading.size(), id_size);
  const auto calls = number_in(line.substr(heading.size() + id_size + 1, number_size));
  const auto latest = number_in(line.substr(heading.size() + id_size + 2 + number_size, number_size));
  if (!calls || !latest) return std::nullopt;
  begun.calls = *calls;
  begun.latest = WallTime(std::chrono::milliseconds(*latest));
  return begun;
}

// What stands in it, one letter more than there should be at the most; empty: it cannot be read.
std::optional<std::string> text_in(int file) {
  std::string text(line_size + 1, '\0');
  const ssize_t size = ::pread(file, text.data(), text.size(), 0);
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Error calls_file_error(const char* what, const std::string& path) {
  return {Exit::disk, fmt::format("{}: {}", what, std::strerror(errno)), path,
          "the ledger's folder must be writable, and this a plain file in it"};
}

}  // namespace

CallsFile::CallsFile(const LedgerFile& ledger) : path_(ledger.beside("-calls")) {
  // No link that somebody put there, and no pipe that would never open.
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (file_ < 0) throw calls_file_error("cannot open the file of calls begun", path_);
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) throw calls_file_error("cannot read the file of calls begun", path_);
    ledger.check_beside(path_, status);
    // What root makes for a ledger of somebody else's is theirs, as SQLite has it with its files.
    if (::geteuid() == 0 && status.st_uid != ledger.owner() &&
        ::fchown(file_, ledger.owner(), static_cast<gid_t>(-1)) != 0)
      throw calls_file_error("cannot give the file of calls begun to the ledger's owner", path_);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

CallsFile::~CallsFile() {
  ::close(file_);
}

std::optional<CallsBegun> CallsFile::read() {
  const auto text = text_in(file_);
  if (!text) throw calls_file_error("cannot read the file of calls begun", path_);
  return begun_in(*text);
}

ForgottenCalls forgotten_calls(const CallsBegun& ledger, const std::optional<CallsBegun>& file, LedgerTime now,
                               WallTime wall, Duration unanswered) {
  ForgottenCalls forgotten;
  // A wall clock that was set back since makes no call later than now.
  if (file) forgotten.counted_until = now - std::max<Duration>(wall - file->latest, Duration::zero()) + unanswered;
  if (file && file->ledger_id == ledger.ledger_id) {
    forgotten.calls = std::max<std::int64_t>(file->calls - ledger.calls, 0);
  } else if (file || !ledger.ledger_id.empty()) {
    forgotten.unknown_until = now + unanswered;
  }
  return forgotten;
}

std::optional<CallsBegun> look_at_calls(const LedgerFile& ledger) {
  const int file = ::open(ledger.beside("-calls").c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  const auto text = text_in(file);  // (of a pipe, say: empty)
  ::close(file);
  return text ? begun_in(*text) : std::nullopt;
}

bool CallsFile::is_damaged() {
  struct stat status {};
  return ::fstat(file_, &status) == 0 && status.st_size > 0 && !read();
}

void CallsFile::begin(const CallsBegun& begun) {
  // Over what stands there, not after it is gone: a process that ends in between leaves one or the other.
  write(begun);
  if (::ftruncate(file_, line_size) != 0 || ::fsync(file_) != 0)
    throw calls_file_error("cannot write the file of calls begun", path_);
}

void CallsFile::note(const CallsBegun& begun) {
  const auto before = read();
  if (!before || before->ledger_id != begun.ledger_id) return write(begun);
  // A wall clock that was set back makes no call older.
  if (before->calls < begun.calls) write({begun.ledger_id, begun.calls, std::max(begun.latest, before->latest)});
}

void CallsFile::write(const CallsBegun& begun) {
  const std::string line = line_of(begun);
  ssize_t written = 0;
  do {
    written = ::pwrite(file_, line.data(), line.size(), 0);
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;
    throw calls_file_error("cannot write the file of calls begun", path_);
  }
}

}  // namespace convoke
