#include "api/taken.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "api/additions.h"
#include "api/endpoint.h"
#include "api/error_body.h"
#include "api/verdicts.h"

namespace convoke::verdicts {
namespace {

constexpr std::size_t most_failed_alone = 8;

// Of one who was asked alone. It is no refusal where an earlier call may have added the member, and the API names whom
// it failed to add: what it calls one who is in already is not known (api.md).
Fate refused_alone(const Chunk& chunk, const Judgement& how, int status, Reason reason, std::string words) {
  const bool names_all = endpoint_of(how.target_kind).answer == AnswerForm::added_and_failed;
  const bool may_be_in = names_all && (chunk.doubt || chunk.missing > 0);
  if (may_be_in) words += ", and an earlier call that did not say so may have added it";
  Fate fate = Fate::settled(chunk, may_be_in ? Outcome::in_doubt : Outcome::rejected, status, reason, std::move(words));
  fate.doubt = chunk.doubt || may_be_in;
  return fate;
}

void add_missing(Verdict& verdict, const Chunk& chunk, const Judgement& how, int status, const Members& missing) {
  if (verdict.call_error.empty()) {
    verdict.reason = Reason::not_in_answers;
    verdict.call_error = fmt::format("{} of {} members not in the answer", missing.size(), chunk.ids.size());
  }
  if (chunk.missing > 0 && chunk.ids.size() == 1) {
    verdict.pieces.push_back({missing, refused_alone(chunk, how, status, Reason::not_in_answers,
                                                     "not in the API's answers, not even when asked alone")});
    return;
  }
  Fate fate = due_again(chunk, how, status, Reason::not_in_answers, "not in the answer: asked again");
  fate.missing = chunk.missing + 1;
  if (chunk.missing == 0) {
    verdict.pieces.push_back({missing, fate});
  } else {
    add_halves(verdict.pieces, missing, fate);
  }
}

// Of what an answer named: an alarm if it is odd.
template <class Named>
Verdict with_alarm(const Named& named) {
  Verdict verdict;
  if (!named.is_odd()) return verdict;
  verdict.reason = Reason::odd_answer;
  verdict.alarm = fmt::format("an answer named {} members that were not asked for, {} twice and {} unreadably",
                              named.foreign, named.doubled, named.unreadable);
  verdict.call_error = verdict.alarm;
  return verdict;
}

// Failed in company is not yet refused: each is asked for alone.
void add_failed(Verdict& verdict, const Chunk& chunk, const Judgement& how, int status, const Members& failed) {
  const std::string words = "the API names the member as failed";
  if (chunk.ids.size() == 1) {
    verdict.pieces.push_back({{}, refused_alone(chunk, how, status, Reason::refused, words)});
  } else {
    const Fate fate = due_again(chunk, how, status, Reason::refused, words + ": asked again");
    if (failed.size() > most_failed_alone) {
      add_halves(verdict.pieces, failed, fate);
    } else {
      for (const auto member : failed) verdict.pieces.push_back({{member}, fate});
    }
  }
  if (!verdict.call_error.empty()) return;
  verdict.reason = Reason::refused;
  verdict.call_error = fmt::format("{} of {} members failed", failed.size(), chunk.ids.size());
}

}  // namespace

Verdict judge_invited(Answer& answer, const Chunk& chunk, const Judgement& how) {
  auto participants = read_participants(answer.body, chunk.ids, how.keep_profile,
                                        {endpoint_of(how.target_kind).target_key, how.target_id});
  std::string().swap(answer.body);  // all that counts of it is copied: it need not be held twice
  if (!participants) return odd_answer(chunk, how, 201, "a 201 whose body cannot be read");
  if (participants->named.empty() && participants->unreadable > 0)
    return odd_answer(chunk, how, 201, "a 201 whose participants cannot be read");
  // What became of them where they were asked for, it does not say.
  if (participants->other_target > 0 && participants->named.empty()) {
    return odd_answer(chunk, how, 201,
                      fmt::format("a 201 for another {} than the one asked for", words_of(how.target_kind)));
  }
  Verdict verdict = with_alarm(*participants);
  verdict.accepted = !participants->named.empty();
  if (participants->other_target > 0) {
    verdict.alarm += fmt::format("; {} of them of another {}", participants->other_target, words_of(how.target_kind));
    verdict.call_error = verdict.alarm;
  }
  Fate invited = Fate::settled(chunk, Outcome::invited, 201);
  invited.participants = std::move(participants->columns);
  if (participants->named.size() == chunk.ids.size()) {
    verdict.pieces.push_back({{}, std::move(invited)});
    return verdict;
  }
  const Members missing = without(all_of(chunk), participants->named);
  if (!participants->named.empty()) verdict.pieces.push_back({std::move(participants->named), std::move(invited)});
  add_missing(verdict, chunk, how, 201, missing);
  return verdict;
}

Verdict judge_already(const Answer& answer, const Chunk& chunk, const Judgement& how) {
  if (!is_nothing(answer.body)) return judge_strange(answer, chunk, how);
  Verdict verdict = whole(Fate::settled(chunk, Outcome::already_invited, answer.status));
  verdict.accepted = true;
  return verdict;
}

Verdict judge_added(Answer& answer, const Chunk& chunk, const Judgement& how) {
  if (is_nothing(answer.body)) return odd_answer(chunk, how, answer.status, "an answer that names nobody");
  auto additions = read_additions(answer.body, chunk.ids);
  if (!additions && is_page(answer.body)) return judge_strange(answer, chunk, how);
  // Whoever it is of, the call may have taken effect, and a channel says so only once.
  if (!additions) return odd_answer(chunk, how, answer.status, words_of_strange(answer, how));
  std::string().swap(answer.body);
  const Members& failed = additions->failed;
  if (additions->added.empty() && failed.empty() && additions->unreadable > 0)
    return odd_answer(chunk, how, answer.status, "an answer whose ids cannot be read");
  Verdict verdict = with_alarm(*additions);
  verdict.accepted = !additions->added.empty();
  const Members missing = without(without(all_of(chunk), additions->added), failed);
  Fate invited = Fate::settled(chunk, Outcome::invited, answer.status);
  if (additions->added.size() == chunk.ids.size()) {
    verdict.pieces.push_back({{}, std::move(invited)});
    return verdict;
  }
  if (!additions->added.empty()) verdict.pieces.push_back({additions->added, std::move(invited)});
  if (!failed.empty()) add_failed(verdict, chunk, how, answer.status, failed);
  if (!missing.empty()) add_missing(verdict, chunk, how, answer.status, missing);
  return verdict;
}

}  // namespace convoke::verdicts
