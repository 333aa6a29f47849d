// Files that a command writes for people: whole, or what they were before, and never in the place of what a job lives
// by.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "job/config.h"
#include "ledger/jobs.h"

namespace convoke {

/// Written under a name of its own beside its place, for its owner alone, which nobody else can have laid out, and of
/// which each process has another. All throw Error(disk).
class WholeFile {
 public:
  explicit WholeFile(std::string place);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void write(std::string_view text);
  void put_in_place();

 private:
  [[noreturn]] void fail();

  std::string place_;
  std::string name_;
  int file_;
};

struct WrittenKind {
  const char* one;                                         ///< "an export"
  const char* what;                                        ///< "export"
  const char* option;                                      ///< that names the file
  std::function<bool(std::string_view beginning)> is_one;  ///< whether a file that begins so is one: it may be replaced
};

/// Throws Error if `output` is no regular file, or what stands there is not one of these, but something else: the
/// ledger, the config, the job's file or its list.
void refuse_to_lose(const std::string& output, const WrittenKind& kind, const Database& database, const KnownJob& job,
                    const Config& config);

}  // namespace convoke
