#include "api/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/endpoint.h"
#include "api/error_body.h"
#include "api/members_found.h"
#include "api/pages.h"
#include "api/taken.h"
#include "api/verdicts.h"
#include "base/text.h"

namespace convoke {
namespace {

using namespace verdicts;

constexpr std::size_t most_quoted_alone = 8;

// 414: the addresses of a look-up stand in its target.
bool is_about_size(int status) {
  return status == 413 || status == 414;
}

// A 400 names no member: narrow it down, those the message quotes first.
Verdict narrow(const Chunk& chunk, const Judgement& how, int status, const std::string& body, std::string message) {
  const Reason reason = is_about_size(status) ? Reason::too_large : Reason::refused;
  if (chunk.ids.size() == 1) return whole(Fate::settled(chunk, Outcome::rejected, status, reason, std::move(message)));
  Verdict verdict;
  verdict.reason = reason;
  verdict.call_error = message;
  const Fate fate = due_again(chunk, how, status, reason, std::move(message));
  // What stands for addresses is quoted by nobody.
  const Members quoted = how.step == Step::invite ? quoted_members(body, chunk.ids) : Members();
  if (quoted.empty() || quoted.size() == chunk.ids.size()) {
    add_halves(verdict.pieces, all_of(chunk), fate);
    return verdict;
  }
  // Quoted is not proven: each is asked for alone, and refused only then. Many are likely an echo of the request.
  if (quoted.size() > most_quoted_alone) {
    verdict.pieces.push_back({quoted, fate});
  } else {
    for (const auto member : quoted) verdict.pieces.push_back({{member}, fate});
  }
  verdict.pieces.push_back({without(all_of(chunk), quoted), fate});
  return verdict;
}

// Without these calls addresses lead nowhere, whichever they are.
Verdict step_missing(const Chunk& chunk, const Judgement& how, int status) {
  const std::string_view what = how.step == Step::look_up ? "look-up" : "creation";
  return put_off(chunk, how, Effect::stop, status, Reason::odd_status,
                 fmt::format("HTTP {}: the API has no {} of spot members at this base_url", status, what));
}

// A target that was there is not given up on for one answer that says otherwise. Where others of it are accepted in
// between, it is not the target.
Verdict target_missing(const Chunk& chunk, const Judgement& how, int status, std::string message) {
  Verdict verdict = put_off(chunk, how, Effect::refuse_target, status, Reason::course_refused, std::move(message));
  if (!how.is_target_known) return verdict;
  verdict.effect = Effect::none;
  Fate& fate = verdict.pieces.front().fate;
  fate.not_before = how.now + how.retry.first;
  if (++fate.tries >= std::max(how.retry.attempts, 2)) fate.outcome = Outcome::failed;
  return verdict;
}

// A 503 that says when to ask again.
Verdict wait_as_told(const Chunk& chunk, const Judgement& how, int status, std::string message) {
  Verdict verdict = retry(chunk, how, status, Reason::unavailable, std::move(message));
  verdict.effect = Effect::pause;
  Fate& fate = verdict.pieces.front().fate;
  fate.not_before = std::max(fate.not_before, how.now + *how.retry_after);
  return verdict;
}

// What the whole API fails at costs the chunk nothing: a probe of one that is down; the last try, when it goes down
// with it; and the last try at one that never answered yet, unless the chunk failed in an earlier run, too, when others
// were answered: it is patience that ends this. (What the API says of itself in the middle of a run, it may say of this
// chunk alone.)
void spare(Verdict& verdict, const Chunk& chunk, const Judgement& how) {
  if (verdict.sign != Sign::fails || verdict.effect == Effect::stop) return;
  Fate& fate = verdict.pieces.front().fate;
  if (fate.outcome == Outcome::in_doubt) return;
  const bool is_last_try = fate.outcome == Outcome::failed;
  const bool is_outage = how.health.is_down && verdict.effect != Effect::pause;
  if (how.health.was_down || (is_last_try && is_outage)) {
    fate.not_before = how.now;
  } else if (is_last_try && how.health.is_silent && !how.failed_before) {
    fate.not_before = how.now + back_off(how.retry, chunk.tries + 1, how.chance);
  } else {
    return;
  }
  fate.outcome = Outcome::pending;
  fate.tries = chunk.tries;
}

// The API refuses the members, or the size of the call.
Verdict judge_refusal(const Answer& answer, const Chunk& chunk, const Judgement& how, const std::string& message) {
  const int status = answer.status;
  if (!is_about_size(status)) {
    // A page is not the API's: a front that wants a certificate, say, and blames no member.
    if (!how.ever_accepted && is_page(answer.body))
      return put_off(chunk, how, Effect::stop, status, Reason::odd_status, message);
    return narrow(chunk, how, status, answer.body, message);
  }
  const bool is_alone = chunk.ids.size() == 1;
  // Where nothing was ever accepted, that a call of one is too large speaks of the way, not of the member.
  if (is_alone && !how.ever_accepted) return put_off(chunk, how, Effect::stop, status, Reason::too_large, message);
  Verdict verdict = narrow(chunk, how, status, {}, message);
  if (!is_alone) verdict.effect = Effect::shrink;
  return verdict;
}

// A status without a rule of its own.
Verdict judge_other(const Answer& answer, const Chunk& chunk, const Judgement& how, const std::string& message) {
  const int status = answer.status;
  // What a server did before it failed, nobody knows; one that says it is unavailable did nothing.
  if (status >= 500) return doubt(chunk, how, status, Reason::unavailable, message);
  // Not an answer of the contract, and not a refusal either.
  if (status < 300) return odd_answer(chunk, how, status, message);
  // Not followed: the key goes to the configured address only.
  if (status < 400) {
    return put_off(chunk, how, Effect::stop, status, Reason::redirect,
                   fmt::format("HTTP {}: a redirect{}{}", status, answer.location.empty() ? "" : " to ",
                               words_for_people(answer.location, how.keep_profile)));
  }
  // Any other 4xx (405, 415, 421…) is about the call or the moment, not about whom it asked for: nobody is rejected for
  // it. As the first answer of all it is not the API's, as a rule.
  return how.ever_accepted || status == 409 ? retry(chunk, how, status, Reason::odd_status, message)
                                            : put_off(chunk, how, Effect::stop, status, Reason::odd_status, message);
}

// The answer takes the call as it is. Empty: it does not.
std::optional<Verdict> judge_taken(Answer& answer, const Chunk& chunk, const Judgement& how) {
  const int status = answer.status;
  switch (endpoint_of(how.target_kind, how.step).answer) {
    case AnswerForm::participants:
      if (status == 201) return judge_invited(answer, chunk, how);
      if (status == 200 || status == 204) return judge_already(answer, chunk, how);
      break;
    case AnswerForm::added_and_failed:
      if (status == 200 || status == 201) return judge_added(answer, chunk, how);
      break;
    case AnswerForm::spot_members:
      if (status == 200) return judge_found(answer, chunk, how);
      break;
    case AnswerForm::created_and_failed:
      if (status == 200 || status == 201) return judge_created(answer, chunk, how);
      break;
    case AnswerForm::page:
      if (status == 200) return judge_page(answer, chunk, how);
      break;
  }
  return std::nullopt;
}

Verdict judge_answer(Answer& answer, const Chunk& chunk, const Judgement& how) {
  const int status = answer.status;
  if (auto taken = judge_taken(answer, chunk, how)) return std::move(*taken);
  const std::string said = error_message(answer.body, how.keep_profile);
  const std::string message = said.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, said);
  if (is_of_pages(how.step)) {
    if (auto verdict = judge_no_page(status, chunk, how, message)) return std::move(*verdict);
  }
  switch (status) {
    case 400:
    case 413:
    case 422:
      return judge_refusal(answer, chunk, how, message);
    case 414:
      return how.step == Step::invite ? judge_other(answer, chunk, how, message)
                                      : judge_refusal(answer, chunk, how, message);
    case 401:
    case 403:
      return put_off(chunk, how, Effect::stop, status, Reason::key_refused, message);
    case 402:
      return put_off(chunk, how, Effect::stop, status, Reason::account_refused, message);
    case 407:
      return put_off(chunk, how, Effect::stop, status, Reason::proxy_refused, message);
    case 404:
    case 410:
      return is_of_addresses(how.step) ? step_missing(chunk, how, status) : target_missing(chunk, how, status, message);
    case 429:
      return put_off(chunk, how, Effect::pause, status, Reason::rate_limited, message);
    case 502:
    case 504:  // a gateway lost its server, or gave up waiting: what was under way there may have gone on
      return doubt(chunk, how, status, Reason::gateway, message);
    case 503:
      if (how.retry_after) return wait_as_told(chunk, how, status, message);
      [[fallthrough]];
    case 408:
    case 425:
      return retry(chunk, how, status, Reason::unavailable, message);
    default:
      return judge_other(answer, chunk, how, message);
  }
}

// Those asked for are known as they are, whatever stands around them.
void cut_out_addresses(std::string& words, const Judgement& how) {
  if (how.keep_profile == KeepProfile::yes) return;
  std::string folded = lower_case(words);
  for (const std::string& address : how.addresses) {
    for (auto at = folded.find(address); at != std::string::npos; at = folded.find(address, at + 1)) {
      words.replace(at, address.size(), "…");
      folded.replace(at, address.size(), "…");
    }
  }
}

// What holds of the words of every verdict.
void finish(Verdict& verdict, const Chunk& chunk, const Judgement& how) {
  const auto blot = [&](std::string& words) {
    cut_out_addresses(words, how);
    words = words_for_people(words, how.keep_profile, words.size());
  };
  blot(verdict.call_error);
  blot(verdict.alarm);
  for (Piece& piece : verdict.pieces) {
    Fate& fate = piece.fate;
    // Why no member was made of them is what will have to be said if nobody has them, whatever comes in between.
    const bool is_said = how.step == Step::look_up && chunk.missing > 0 && !how.said_before.empty();
    if (is_said && fate.missing > 0 && fate.outcome == Outcome::pending) {
      fate.reason = Reason::not_made;
      fate.error = how.said_before;
    }
    blot(fate.error);
  }
}

}  // namespace

Duration back_off(const RetrySettings& retry, int tries, double chance) {
  const double doubled = static_cast<double>(retry.first.count()) * std::exp2(std::min(tries - 1, 60));
  const double most = std::min(doubled, static_cast<double>(retry.longest.count()));
  return Duration(static_cast<Duration::rep>(most * chance));
}

// That we were stopped says nothing about the API.
Verdict judge_interrupted(const Chunk& chunk, const Judgement& how) {
  Verdict verdict = doubt_without_a_try(chunk, how, 0, Reason::interrupted, "convoke ended before the answer");
  finish(verdict, chunk, how);
  return verdict;
}

Verdict judge(Answer& answer, const Chunk& chunk, const Judgement& how) {
  Verdict verdict = answer.reached == Answer::Reached::answered ? judge_answer(answer, chunk, how)
                    : is_permanent(answer.reason) ? put_off(chunk, how, Effect::stop, 0, answer.reason, answer.error)
                    : answer.reached == Answer::Reached::maybe
                        ? doubt(chunk, how, answer.status, answer.reason, answer.error)
                        : retry(chunk, how, 0, answer.reason, answer.error);
  if (answer.reached == Answer::Reached::no) verdict.pieces.front().fate.attempts = chunk.attempts;  // nobody was asked
  spare(verdict, chunk, how);
  finish(verdict, chunk, how);
  return verdict;
}

}  // namespace convoke
