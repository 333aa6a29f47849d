// What a run does between its calls and their answers, by hand: chunks claimed, given their fates, packed anew.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/run_log.h"
#include "ledger_world.h"

namespace convoke {

inline constexpr LedgerTime ledger_now{std::chrono::hours(1000)};
inline constexpr WallTime wall_now{std::chrono::seconds(1'700'000'000)};

inline Fate fate(Outcome outcome, int http_status = 0) {
  Fate fate;
  fate.outcome = outcome;
  fate.http_status = http_status;
  return fate;
}

inline Fate due_at(LedgerTime when, int tries) {
  Fate fate;
  fate.not_before = when;
  fate.attempts = tries;
  fate.tries = tries;
  fate.http_status = 503;
  fate.error = "HTTP 503";
  return fate;
}

/// A run whose calls are made, and answered, by hand.
struct Sent {
  explicit Sent(LedgerWorld& ledger)
      : world(ledger), log(ledger.database, ledger.job, wall_now), chunks(ledger.database, ledger.job) {
    // Their courses are known to be there: as many chunks may be in flight as one likes.
    world.database.handle().exec("UPDATE target SET accepted = 1");
  }

  /// Claims the next chunk and gives it these pieces.
  Chunk settle(const std::vector<Piece>& pieces, int most = 10'000) {
    Chunk claimed;
    world.database.write([&](Transaction& transaction) {
      const auto chunk = chunks.due(transaction, ledger_now).claim({most});
      REQUIRE(chunk);
      claimed = *chunk;
      const CallId call = log.begin_call(transaction, claimed, wall_now);
      log.end_call(
          transaction, call,
          {std::chrono::milliseconds(50), pieces[0].fate.http_status, pieces[0].fate.reason, pieces[0].fate.error});
      chunks.record(transaction, claimed, pieces, log.run(), wall_now);
    });
    return claimed;
  }
  std::optional<Chunk> claim(int most = 10'000, Wanted wanted = {}, LedgerTime when = ledger_now) {
    return world.database.write(
        [&](Transaction& transaction) { return chunks.due(transaction, when).claim({most}, wanted); });
  }
  void repack(int chunk_size) {
    world.database.write([&](Transaction& transaction) { chunks.repack(transaction, {chunk_size}); });
  }
  void record(const Chunk& chunk, const std::vector<Piece>& pieces) {
    world.database.write(
        [&](Transaction& transaction) { chunks.record(transaction, chunk, pieces, log.run(), wall_now); });
  }
  std::int64_t make_due(const std::vector<Outcome>& outcomes, std::optional<RunId> only_of_run = {}) {
    return world.database.write(
        [&](Transaction& transaction) { return chunks.make_due(transaction, outcomes, only_of_run); });
  }

  LedgerWorld& world;
  RunLog log;
  Chunks chunks;
};

}  // namespace convoke
