// One run of one job, from its lock to its report.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cli/interruption.h"
#include "cli/progress.h"
#include "job/config.h"
#include "job/job.h"
#include "report/run_report.h"
#include "run/sending.h"

namespace convoke {

enum class Rehearse { no, yes };

struct RunOptions {
  std::optional<std::int64_t> max_members;
  ShowProgress progress = ShowProgress::never;
  std::vector<Outcome> retry;  ///< these are due again first
  bool accept_shrunk = false;
  std::optional<std::int64_t> assume_used;  ///< JobRunSettings::assume_used
  Rehearse rehearse = Rehearse::no;
};

/// Reads what is new, sends what is due, returns when it is settled or something stopped it. What ends a run early is
/// in the report; what makes it impossible is thrown. A rehearsal goes to a sandbox in this process, on a ledger of its
/// own beside the real one.
RunReport run_job(const Config& config, const Job& job, const RunOptions& options, const Interruption& interruption);

/// Where a rehearsal of what goes to `ledger` keeps its books.
std::filesystem::path rehearsal_ledger(const std::filesystem::path& ledger);

/// What stands for the job's source as it is now (source/fingerprint.h), for its target and for how many rows it must
/// have: another one is another reading of the same list.
std::string run_fingerprint(const Job& job);

/// Where the job came from, as the ledger keeps it: its file, or its list.
std::string origin_of(const Job& job);

/// The ledger, opened by who is about to send; a wait for its lock is warned of, and ends with the interruption. Throws
/// as Database::open() and check_api() do.
Database open_to_send(const std::filesystem::path& ledger, const std::string& address,
                      const Interruption& interruption);

/// Why a job cannot be run: another process does, which is named, with how far it is.
RunEnd busy_end(Database& database, JobId job);

/// How the config and `invite` say to send.
SendingSettings sending_settings(const Config& config, const ApiSettings& api, const InviteSettings& invite);

/// Where the API is, with the key, which may have to be fetched.
ApiSettings api_with_key(const Config& config, const Interruption& interruption);

}  // namespace convoke
