// What ends a run: one exception type, thrown where the context is known, caught once (cli), printed as
// `error: …` and `try: …`. Facts about members and calls are values and never travel this way.
#pragma once

#include <exception>
#include <string>

namespace convoke {

/// The exit codes (README.md, "Exit codes").
enum class Exit : int {
  ok = 0,                ///< everybody in the list is invited, or was already
  incomplete = 1,        ///< finished, and some who are in the list are not, or rows are invalid
  usage = 64,            ///< wrong command line
  bad_source = 65,       ///< the source cannot be read as what the job says it is
  no_input = 66,         ///< the source, job or config file is not there
  api_unavailable = 69,  ///< given up after the patience allows: what heals by itself and nothing else
  defect = 70,           ///< a defect of ours
  disk = 74,             ///< the disk or the ledger failed
  try_later = 75,        ///< work is left: a signal, a limit of the run, the quota, or another process on the job
  key_refused = 77,      ///< 401, 403 or 402
  bad_config = 78        ///< config or job is wrong, or the way to the API, or the course
};

class Error : public std::exception {
 public:
  /// `what`: the failure in a sentence; `where`: file, line, key or path it is about (may be empty);
  /// `hint`: what the operator may try (may be empty). None of them may hold the key or raw text of a server.
  Error(Exit exit, std::string what, std::string where = {}, std::string hint = {})
      : exit_(exit),
        where_(std::move(where)),
        hint_(std::move(hint)),
        message_(where_.empty() ? std::move(what) : where_ + ": " + what) {}

  const char* what() const noexcept override { return message_.c_str(); }  ///< "where: what"
  Exit exit() const { return exit_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }

 private:
  Exit exit_;
  std::string where_;
  std::string hint_;
  std::string message_;
};

/// What ends a command: an Error as it is; what the system would not give (open files, threads, memory, room) is
/// Error(disk), and all else is a defect of ours. (What a ledger would not give: at_ledger().)
Error as_error(const std::exception& failure);

}  // namespace convoke
