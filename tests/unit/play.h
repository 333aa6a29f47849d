// A run by hand, for its rules.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "members.h"
#include "run/run_policy.h"

namespace convoke {

/// Calls of three members each, answered one by one.
struct Play {
  explicit Play(SendSettings settings = {}, std::int64_t due = 1000, bool ever_accepted = true)
      : policy(settings, 1, now.at) {
    policy.begin({}, due, ever_accepted);
  }

  Next next() { return policy.next(now); }
  /// What `count` claimed calls of `size` members leave to do.
  Next claim(int count, std::size_t size = 3, Claims claims = {}) {
    for (int i = 0; i < count; ++i) {
      Claimed call;
      call.chunk = chunk_of(size);
      call.chunk.id = ++chunks;
      call.target.id = "c";
      call.claimed_at = now.at;
      call.is_target_accepted = is_target_accepted;
      call.pick = pick;
      seats.push_back(policy.seat(call));
      calls.push_back(call);
    }
    return policy.claimed(claims, now);
  }
  /// The oldest call that is out is answered, and that is recorded.
  Verdict answer(int status, std::string body = {}, std::optional<Duration> retry_after = {}) {
    Answer answer;
    answer.reached = status == 0 ? Answer::Reached::maybe : Answer::Reached::answered;
    answer.status = status;
    answer.body = std::move(body);
    answer.error = "no answer";
    return back(std::move(answer), retry_after);
  }
  Verdict back(Answer answer, std::optional<Duration> retry_after = {}) {
    const Claimed call = calls.front();
    calls.erase(calls.begin());
    CallReport report;
    report.read_at = now.at;
    report.end.latency = std::chrono::milliseconds(100);
    report.retry_after = retry_after;
    Judgement how = policy.judgement(call, now.at - std::chrono::milliseconds(100), now.at);
    how.retry_after = retry_after;
    report.verdict = judge(answer, call.chunk, how);
    last = policy.answered(call, report, now);
    Recorded recorded;
    for (const Piece& piece : report.verdict.pieces) {
      if (piece.fate.outcome != Outcome::pending) counts.of(piece.fate.outcome) += piece.size_of(call.chunk);
    }
    ++counts.calls;
    recorded.counts = counts;
    policy.recorded(call, report, recorded);
    policy.goes_on(last);
    seats.erase(seats.begin());
    return report.verdict;
  }
  void pass(Duration time) {
    now.at += time;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
  }
  StoppedBy stopped_by() { return policy.end({}).by; }

  Moment now{LedgerTime(std::chrono::hours(1000)), WallTime(std::chrono::hours(1000))};
  RunPolicy policy;
  std::vector<Claimed> calls;
  std::vector<Seat> seats;
  RunCounts counts;
  PutBack last = PutBack::nothing;
  ChunkId chunks = 0;
  bool is_target_accepted = true;
  Pick pick = Pick::asked_before_first;
};

inline SendSettings limited() {
  SendSettings settings;
  settings.calls.connections = 8;
  return settings;
}

inline std::string all_invited() {
  return participants(members(3));
}

}  // namespace convoke
