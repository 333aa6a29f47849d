#include "api/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "api/error_body.h"
#include "base/text.h"

namespace convoke {
namespace {

using Members = std::vector<std::uint32_t>;

constexpr std::size_t most_quoted_alone = 8;

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

// The fate of members that were asked for once more and stay due, with a definite answer.
Fate due_again(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error) {
  Fate fate = Fate::due({chunk.attempts + 1, 0, chunk.missing, chunk.quiet, chunk.doubt}, how.now);
  fate.reason = reason;
  fate.http_status = http_status;
  fate.error = std::move(error);
  return fate;
}

// One fate for all of the chunk.
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

// A call that may have taken effect.
Verdict doubt(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error) {
  Verdict verdict = retry(chunk, how, http_status, reason, std::move(error));
  Fate& fate = verdict.pieces.front().fate;
  fate.doubt = true;
  if (how.on_doubt == OnDoubt::hold) {
    fate.outcome = Outcome::in_doubt;
    fate.not_before = {};
  }
  if (how.on_doubt == OnDoubt::ask_quietly) fate.quiet = true;
  return verdict;
}

// A doubt that says nothing of the chunk: it is due at once, and no try is used up.
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

// A 2xx that is not of the contract. Before anything was ever accepted, it is likely no answer of the API's.
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

// A 400 names no member: narrow it down, those the message quotes first.
Verdict narrow(const Chunk& chunk, const Judgement& how, int status, const std::string& body, std::string message) {
  const Reason reason = status == 413 ? Reason::too_large : Reason::refused;
  if (chunk.ids.size() == 1) return whole(Fate::settled(chunk, Outcome::rejected, status, reason, std::move(message)));
  Verdict verdict;
  verdict.reason = reason;
  verdict.call_error = message;
  const Fate fate = due_again(chunk, how, status, reason, std::move(message));
  const Members quoted = quoted_members(body, chunk.ids);
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

void add_missing(Verdict& verdict, const Chunk& chunk, const Judgement& how, const Members& missing) {
  if (chunk.missing > 0 && chunk.ids.size() == 1) {
    verdict.pieces.push_back({missing, Fate::settled(chunk, Outcome::rejected, 201, Reason::not_in_answers,
                                                     "not in the API's answers, not even when asked alone")});
    return;
  }
  Fate fate = due_again(chunk, how, 201, Reason::not_in_answers, "not in the answer: asked again");
  fate.missing = chunk.missing + 1;
  if (chunk.missing == 0) {
    verdict.pieces.push_back({missing, fate});
  } else {
    add_halves(verdict.pieces, missing, fate);
  }
}

Verdict judge_invited(Answer& answer, const Chunk& chunk, const Judgement& how) {
  auto participants = read_participants(answer.body, chunk.ids, how.keep_profile, how.course_id);
  std::string().swap(answer.body);  // all that counts of it is copied: it need not be held twice
  if (!participants) return odd_answer(chunk, how, 201, "a 201 whose body cannot be read");
  if (participants->named.empty() && participants->unreadable > 0)
    return odd_answer(chunk, how, 201, "a 201 whose participants cannot be read");
  // What became of them for the course that they were asked for, it does not say.
  if (participants->other_course > 0 && participants->named.empty())
    return odd_answer(chunk, how, 201, "a 201 for another course than the one asked for");
  Verdict verdict;
  verdict.accepted = !participants->named.empty();
  if (participants->is_odd()) {
    verdict.reason = Reason::odd_answer;
    verdict.alarm = fmt::format("an answer named {} members that were not asked for, {} twice and {} unreadably",
                                participants->foreign, participants->doubled, participants->unreadable);
    if (participants->other_course > 0)
      verdict.alarm += fmt::format("; {} of them of another course", participants->other_course);
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
  add_missing(verdict, chunk, how, missing);
  if (verdict.call_error.empty()) {
    verdict.reason = Reason::not_in_answers;
    verdict.call_error = fmt::format("{} of {} members not in the answer", missing.size(), chunk.ids.size());
  }
  return verdict;
}

// The chunk stays as due as it was, and pays with nothing: what is wrong is not its own.
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

// A course that was there is not given up on for one answer that says otherwise. Where others of it are accepted in
// between, it is not the course.
Verdict course_missing(const Chunk& chunk, const Judgement& how, int status, std::string message) {
  Verdict verdict = put_off(chunk, how, Effect::refuse_course, status, Reason::course_refused, std::move(message));
  if (!how.is_course_known) return verdict;
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

// api.md: no body. A proxy's page is no answer of the API's.
Verdict judge_already(const Answer& answer, const Chunk& chunk, const Judgement& how) {
  if (is_nothing(answer.body)) {
    Verdict verdict = whole(Fate::settled(chunk, Outcome::already_invited, answer.status));
    verdict.accepted = true;
    return verdict;
  }
  std::string words = fmt::format("a {} with a body: {}", answer.status, error_message(answer.body));
  // Before anything was accepted it is no answer of the API's at all: nobody was asked.
  if (!how.ever_accepted) return put_off(chunk, how, Effect::stop, answer.status, Reason::login_page, std::move(words));
  if (is_page(answer.body)) return retry(chunk, how, answer.status, Reason::login_page, std::move(words));
  return odd_answer(chunk, how, answer.status, std::move(words));
}

// The API refuses the members, or the size of the call.
Verdict judge_refusal(const Answer& answer, const Chunk& chunk, const Judgement& how, const std::string& message) {
  const int status = answer.status;
  if (status != 413) {
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
                               excerpt(answer.location)));
  }
  // Any other 4xx (405, 415, 421…) is about the call or the moment, not about whom it asked for: nobody is rejected for
  // it. As the first answer of all it is not the API's, as a rule.
  return how.ever_accepted || status == 409 ? retry(chunk, how, status, Reason::odd_status, message)
                                            : put_off(chunk, how, Effect::stop, status, Reason::odd_status, message);
}

Verdict judge_answer(Answer& answer, const Chunk& chunk, const Judgement& how) {
  const int status = answer.status;
  if (status == 201) return judge_invited(answer, chunk, how);
  if (status == 200 || status == 204) return judge_already(answer, chunk, how);
  const std::string said = error_message(answer.body);
  const std::string message = said.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, said);
  switch (status) {
    case 400:
    case 413:
    case 422:
      return judge_refusal(answer, chunk, how, message);
    case 401:
    case 403:
      return put_off(chunk, how, Effect::stop, status, Reason::key_refused, message);
    case 402:
      return put_off(chunk, how, Effect::stop, status, Reason::account_refused, message);
    case 407:
      return put_off(chunk, how, Effect::stop, status, Reason::proxy_refused, message);
    case 404:
    case 410:
      return course_missing(chunk, how, status, message);
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

}  // namespace

Duration back_off(const RetrySettings& retry, int tries, double chance) {
  const double doubled = static_cast<double>(retry.first.count()) * std::exp2(std::min(tries - 1, 60));
  const double most = std::min(doubled, static_cast<double>(retry.longest.count()));
  return Duration(static_cast<Duration::rep>(most * chance));
}

// That we were stopped says nothing about the API.
Verdict judge_interrupted(const Chunk& chunk, const Judgement& how) {
  return doubt_without_a_try(chunk, how, 0, Reason::interrupted, "convoke ended before the answer");
}

Verdict judge(Answer& answer, const Chunk& chunk, const Judgement& how) {
  if (answer.reached != Answer::Reached::answered && is_permanent(answer.reason))
    return put_off(chunk, how, Effect::stop, 0, answer.reason, answer.error);
  Verdict verdict = answer.reached == Answer::Reached::answered ? judge_answer(answer, chunk, how)
                    : answer.reached == Answer::Reached::maybe
                        ? doubt(chunk, how, answer.status, answer.reason, answer.error)
                        : retry(chunk, how, 0, answer.reason, answer.error);
  if (answer.reached == Answer::Reached::no) verdict.pieces.front().fate.attempts = chunk.attempts;  // nobody was asked
  spare(verdict, chunk, how);
  return verdict;
}

}  // namespace convoke
