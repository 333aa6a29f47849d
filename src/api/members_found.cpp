#include "api/members_found.h"

#include <fmt/format.h>

#include "api/error_body.h"
#include "api/spot_members.h"
#include "api/verdicts.h"

namespace convoke::verdicts {
namespace {

// A piece of all members says so by naming none.
void add_piece(Verdict& verdict, const Chunk& chunk, Piece piece) {
  if (piece.members.empty()) return;
  if (piece.members.size() == chunk.ids.size()) piece.members.clear();
  verdict.pieces.push_back(std::move(piece));
}

// What the call's row says, unless there is worse.
void say(Verdict& verdict, Reason reason, std::string words) {
  if (!verdict.call_error.empty()) return;
  verdict.reason = reason;
  verdict.call_error = std::move(words);
}

void raise_alarm(Verdict& verdict, std::string words) {
  if (verdict.alarm.empty()) say(verdict, Reason::odd_answer, words);
  verdict.alarm += (verdict.alarm.empty() ? "" : "; ") + words;
}

// With what an answer says of anybody.
Verdict with_found(MembersByAddress& members, const Chunk& chunk) {
  Verdict verdict;
  verdict.accepted = true;
  if (members.foreign > 0) {
    raise_alarm(verdict, fmt::format("an answer named {} members whose addresses were not asked for", members.foreign));
  }
  if (!members.unreadable.empty()) {
    raise_alarm(verdict,
                fmt::format("an answer named {} members by ids that cannot be read", members.unreadable.size()));
  }
  // They begin anew: as members, nobody has asked for them.
  add_piece(verdict, chunk, {std::move(members.found), Fate::due({}), std::move(members.ids)});
  return verdict;
}

// An answer that is none of the two calls'.
Verdict judge_unreadable(const Answer& answer, const Chunk& chunk, const Judgement& how) {
  if (is_nothing(answer.body)) return odd_answer(chunk, how, answer.status, "an answer that names nobody");
  if (is_page(answer.body)) return judge_strange(answer, chunk, how);
  return odd_answer(chunk, how, answer.status, words_of_strange(answer, how));
}

// Due now, after an answer that says nothing definite of them. While a creation is in doubt its tries go on: they are
// what ends it.
Fate asked_on(const Chunk& chunk, const Judgement& how, int status, Reason reason, std::string error) {
  Fate fate = due_again(chunk, how, status, reason, std::move(error));
  if (chunk.doubt) fate.tries = chunk.tries;
  return fate;
}

// Of addresses that nobody has.
Piece nobody(const Chunk& chunk, const Judgement& how, int status, Members members) {
  if (chunk.missing > 0) {
    const bool is_said = !how.said_before.empty();
    return {std::move(members),
            Fate::settled(chunk, Outcome::rejected, status, Reason::not_made,
                          std::string(is_said ? how.said_before : words_of(Reason::not_made).meaning))};
  }
  const std::string words(words_of(Reason::no_member).meaning);
  if (!how.create_missing) {
    Fate fate = Fate::settled(chunk, Outcome::unknown, status, Reason::no_member, words);
    fate.doubt = chunk.doubt;  // a member may yet come of it
    return {std::move(members), std::move(fate)};
  }
  Piece piece{std::move(members), asked_on(chunk, how, status, Reason::no_member, words + ": to be made")};
  piece.next_step = Step::create;
  if (chunk.doubt && chunk.tries >= how.retry.attempts) {
    piece.fate.outcome = Outcome::failed;
    piece.fate.reason = Reason::not_in_answers;
    piece.fate.error = "no answer says whether a member was made, and nobody has the address";
    piece.next_step.reset();
  }
  return piece;
}

}  // namespace

Verdict judge_found(Answer& answer, const Chunk& chunk, const Judgement& how) {
  const int status = answer.status;
  auto members = read_members_found(answer.body, how.addresses);
  if (!members) return judge_unreadable(answer, chunk, how);
  std::string().swap(answer.body);
  const std::string unreadable = "an answer whose member ids cannot be read";
  if (members->unreadable.size() == chunk.ids.size()) return odd_answer(chunk, how, status, unreadable);
  const Members odd = members->unreadable;
  const Members rest = without(without(all_of(chunk), members->found), odd);
  const bool is_any_found = !members->found.empty();
  Verdict verdict = with_found(*members, chunk);
  // Somebody has these, and nobody else pays for it that it cannot be said who.
  if (!odd.empty())
    add_piece(verdict, chunk, {odd, retry(chunk, how, status, Reason::odd_answer, unreadable).pieces.front().fate});
  if (rest.empty()) return verdict;
  const bool is_of_others = members->foreign > 0 && !is_any_found;  // an answer to another question
  if (!members->is_partial && !is_of_others) {
    say(verdict, Reason::no_member,
        fmt::format("{} of {} addresses that no spot member has", rest.size(), chunk.ids.size()));
    add_piece(verdict, chunk, nobody(chunk, how, status, rest));
  } else if (is_any_found) {
    // So pages are followed: who is not on this one is asked for again, apart.
    add_piece(verdict, chunk, {rest, asked_on(chunk, how, status, Reason::none, {})});
  } else {
    const std::string words = is_of_others ? "an answer that names other members than those asked for"
                                           : "an answer that says there are more members than it names, and names none";
    raise_alarm(verdict, words);
    add_piece(verdict, chunk, {rest, retry(chunk, how, status, Reason::odd_answer, words).pieces.front().fate});
  }
  return verdict;
}

Verdict judge_created(Answer& answer, const Chunk& chunk, const Judgement& how) {
  const int status = answer.status;
  auto made = read_members_made(answer.body, how.addresses, how.keep_profile);
  if (!made) return judge_unreadable(answer, chunk, how);
  std::string().swap(answer.body);
  Members rest = without(all_of(chunk), made->found);
  Verdict verdict = with_found(*made, chunk);
  const std::size_t named = rest.size();
  for (auto& failed : made->failed) {
    rest = without(rest, failed.members);
    std::string words(words_of(Reason::not_made).meaning);
    if (!failed.words.empty()) words += ": " + failed.words;
    // It may have failed since somebody has the address already: whoever has it is looked up once more.
    Piece piece{std::move(failed.members), due_again(chunk, how, status, Reason::not_made, std::move(words))};
    piece.fate.missing = 1;
    piece.next_step = Step::look_up;
    add_piece(verdict, chunk, std::move(piece));
  }
  const std::size_t failed = named - rest.size();
  if (failed > 0) {
    say(verdict, Reason::not_made,
        fmt::format("{} of {} addresses that no member was made of", failed, chunk.ids.size()));
  }
  if (rest.empty()) return verdict;
  say(verdict, Reason::not_in_answers,
      fmt::format("{} of {} addresses not in the answer", rest.size(), chunk.ids.size()));
  // It may have made members of them all the same, and costs a try: else it could go on like this for ever.
  Piece piece{rest, due_again(chunk, how, status, Reason::not_in_answers, "not in the answer: looked up")};
  piece.fate.tries = chunk.tries + 1;
  piece.fate.doubt = true;
  piece.next_step = Step::look_up;
  add_piece(verdict, chunk, std::move(piece));
  return verdict;
}

}  // namespace convoke::verdicts
