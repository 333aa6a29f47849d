#include "api/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "api/error_body.h"

namespace convoke::verdicts {

Members all_of(const Chunk& chunk) {
  Members members(chunk.ids.size());
  std::iota(members.begin(), members.end(), 0U);
  return members;
}

Members without(const Members& members, const Members& taken) {
  Members rest;
  std::set_difference(members.begin(), members.end(), taken.begin(), taken.end(), std::back_inserter(rest));
  return rest;
}

Fate due_again(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error) {
  Fate fate = Fate::due({chunk.attempts + 1, 0, chunk.missing, chunk.quiet, chunk.doubt}, how.now);
  fate.reason = reason;
  fate.http_status = http_status;
  fate.error = std::move(error);
  return fate;
}

Verdict whole(Fate fate) {
  Verdict verdict;
  verdict.reason = fate.reason;
  verdict.call_error = fate.error;
  verdict.pieces.push_back({{}, std::move(fate)});
  return verdict;
}

void add_halves(std::vector<Piece>& pieces, const Members& members, const Fate& fate) {
  const auto middle = members.begin() + static_cast<std::ptrdiff_t>((members.size() + 1) / 2);
  pieces.push_back({Members(members.begin(), middle), fate});
  if (middle != members.end()) pieces.push_back({Members(middle, members.end()), fate});
}

Verdict retry(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error) {
  Fate fate = due_again(chunk, how, http_status, reason, std::move(error));
  fate.tries = chunk.tries + 1;
  if (fate.tries >= how.retry.attempts) {
    fate.outcome = Outcome::failed;
  } else {
    fate.not_before += back_off(how.retry, fate.tries, how.chance);
  }
  Verdict verdict = whole(std::move(fate));
  verdict.sign = Sign::fails;
  return verdict;
}

Verdict doubt(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error) {
  Verdict verdict = retry(chunk, how, http_status, reason, std::move(error));
  if (how.step == Step::look_up || is_of_pages(how.step)) return verdict;
  if (how.step == Step::create) verdict.pieces.front().next_step = Step::look_up;
  Fate& fate = verdict.pieces.front().fate;
  fate.doubt = true;
  // Whether a member was made can be looked up.
  if (how.on_doubt == OnDoubt::hold && how.step == Step::invite) {
    fate.outcome = Outcome::in_doubt;
    fate.not_before = {};
  }
  if (how.on_doubt == OnDoubt::ask_quietly) fate.quiet = true;
  return verdict;
}

Verdict doubt_without_a_try(const Chunk& chunk, const Judgement& how, int http_status, Reason reason,
                            std::string error) {
  Verdict verdict = doubt(chunk, how, http_status, reason, std::move(error));
  Fate& fate = verdict.pieces.front().fate;
  if (fate.outcome == Outcome::in_doubt) return verdict;
  fate.outcome = Outcome::pending;
  fate.not_before = how.now;
  fate.tries = chunk.tries;
  return verdict;
}

Verdict odd_answer(const Chunk& chunk, const Judgement& how, int status, std::string error) {
  if (!how.ever_accepted) {
    Verdict verdict = doubt_without_a_try(chunk, how, status, Reason::odd_answer, std::move(error));
    verdict.effect = Effect::stop;
    verdict.sign = Sign::answers;
    return verdict;
  }
  Verdict verdict = doubt(chunk, how, status, Reason::odd_answer, std::move(error));
  verdict.alarm = verdict.call_error;
  verdict.sign = Sign::answers;
  return verdict;
}

std::string words_of_strange(const Answer& answer, const Judgement& how) {
  return fmt::format("a {} with a body: {}", answer.status, error_message(answer.body, how.keep_profile));
}

Verdict judge_strange(const Answer& answer, const Chunk& chunk, const Judgement& how) {
  std::string words = words_of_strange(answer, how);
  // Before anything was accepted it is no answer of the API's at all: nobody was asked.
  if (!how.ever_accepted) return put_off(chunk, how, Effect::stop, answer.status, Reason::login_page, std::move(words));
  if (is_page(answer.body)) return retry(chunk, how, answer.status, Reason::login_page, std::move(words));
  return odd_answer(chunk, how, answer.status, std::move(words));
}

Verdict put_off(const Chunk& chunk, const Judgement& how, Effect effect, int status, Reason reason,
                std::string message) {
  Fate fate = due_again(chunk, how, status, reason, std::move(message));
  const bool was_asked = status != 0 && status != 429;
  fate.attempts = chunk.attempts + (was_asked ? 1 : 0);
  fate.tries = chunk.tries;
  Verdict verdict = whole(std::move(fate));
  verdict.effect = effect;
  if (effect == Effect::pause) verdict.sign = Sign::refuses;
  return verdict;
}

}  // namespace convoke::verdicts
