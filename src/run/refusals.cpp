#include "run/refusals.h"

#include <fmt/format.h>

#include "ledger/troubles.h"
#include "run/run_words.h"

namespace convoke {
namespace {

// So many single members refused with the same words, of them so many from the end of the list, speak for the whole
// list.
constexpr int alike_to_doubt = 3;
constexpr int alike_to_stop = 5;
constexpr int alike_at_end_to_stop = 2;
constexpr std::int64_t members_worth_stopping_for = 100;
// Of a target that was accepted in an earlier run it may well be the members: it takes more of them to speak for the
// job.
constexpr std::int64_t members_worth_stopping_for_later = 1000;
constexpr int too_large_alone_to_stop = 5;
constexpr int strange_to_stop = 5;

}  // namespace

bool Refusals::ask_at_the_end() const {
  return alike_ >= alike_to_doubt;
}

bool Refusals::is_target_known(const Claimed& call) const {
  if (!call.is_target_accepted) return false;
  const auto missed = missed_.find(call.chunk.target_no);
  return missed == missed_.end() || call.claimed_at <= missed->second;
}

std::optional<RunEnd> Refusals::saw(const Claimed& call, const Verdict& verdict, std::int64_t others, LedgerTime now) {
  if (verdict.accepted) {
    is_accepted_in_run_ = true;
    alike_ = alike_at_end_ = too_large_alone_ = strange_in_a_row_ = 0;
    missed_.erase(call.chunk.target_no);
    return std::nullopt;
  }
  if (verdict.reason == Reason::course_refused && call.is_target_accepted) missed_.emplace(call.chunk.target_no, now);
  if (auto end = saw_strange(verdict, call.target.step)) return end;
  if (call.chunk.ids.size() != 1) return std::nullopt;
  if (verdict.reason == Reason::too_large && ++too_large_alone_ >= too_large_alone_to_stop) {
    return RunEnd{StoppedBy::misconfigured,
                  fmt::format("even calls of one member are too large: {}", verdict.call_error),
                  {},
                  Reason::too_large};
  }
  return saw_alike(call, verdict, others);
}

// One page for people, one answer that cannot be understood is an accident of the way. Several in a row, and nothing
// accepted in between, are what answers in place of the API.
std::optional<RunEnd> Refusals::saw_strange(const Verdict& verdict, Step step) {
  const bool is_strange = verdict.reason == Reason::login_page || verdict.reason == Reason::odd_answer;
  if (!is_strange || ++strange_in_a_row_ < strange_to_stop) return std::nullopt;
  return RunEnd{StoppedBy::misconfigured,
                words_of_strange_answers(verdict.reason, step, strange_in_a_row_, verdict.call_error),
                {},
                verdict.reason};
}

// It takes some from the end of the list, too: ids are asked for in order, and neighbours may well all be bad.
std::optional<RunEnd> Refusals::saw_alike(const Claimed& call, const Verdict& verdict, std::int64_t others) {
  if (is_accepted_in_run_ || verdict.effect != Effect::none || verdict.pieces.front().fate.outcome != Outcome::rejected)
    return std::nullopt;
  std::string words = without_ids(verdict.call_error);
  if (words != words_) alike_ = alike_at_end_ = 0;
  words_ = std::move(words);
  ++alike_;
  if (call.pick == Pick::last_of_list) ++alike_at_end_;
  const auto worth = call.is_target_accepted ? members_worth_stopping_for_later : members_worth_stopping_for;
  if (alike_ < alike_to_stop || alike_at_end_ < alike_at_end_to_stop || others < worth) return std::nullopt;
  return RunEnd{
      StoppedBy::refused_alike,
      fmt::format("every call of this run was refused alike, down to single members: {}", verdict.call_error)};
}

}  // namespace convoke
