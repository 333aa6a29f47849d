// Answers by hand, and what is made of them, in a line.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/verdict.h"
#include "members.h"

namespace convoke {

inline const LedgerTime answered_at(std::chrono::hours(1000));

inline Judgement judgement(OnDoubt on_doubt = OnDoubt::ask_again) {
  Judgement judgement;
  judgement.on_doubt = on_doubt;
  judgement.now = answered_at;
  judgement.retry.first = std::chrono::seconds(1);
  judgement.chance = 1;
  return judgement;
}

inline Answer answered(int status, std::string body = {}) {
  Answer answer;
  answer.reached = Answer::Reached::answered;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

inline Answer not_answered(Answer::Reached reached) {
  Answer answer;
  answer.reached = reached;
  answer.error = "connect: refused";
  return answer;
}

/// Pieces must be disjoint, ascending, and together the whole chunk; "all" may only stand alone.
inline void check_whole(const Verdict& verdict, const Chunk& chunk) {
  REQUIRE(!verdict.pieces.empty());
  std::vector<std::uint32_t> members;
  for (const Piece& piece : verdict.pieces) {
    if (piece.members.empty()) {
      REQUIRE(verdict.pieces.size() == 1);
      return;
    }
    REQUIRE(std::is_sorted(piece.members.begin(), piece.members.end()));
    members.insert(members.end(), piece.members.begin(), piece.members.end());
  }
  std::sort(members.begin(), members.end());
  REQUIRE(members.size() == chunk.ids.size());
  for (std::size_t i = 0; i < members.size(); ++i) REQUIRE(members[i] == i);
}

/// "2 invited 201 a1, 1 pending 201 a1 m1 | shrink fails alarm": the whole verdict in one line.
inline std::string describe(const Verdict& verdict, const Chunk& chunk) {
  check_whole(verdict, chunk);
  std::string text;
  for (const Piece& piece : verdict.pieces) {
    const Fate& fate = piece.fate;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {} {} a{}", piece.members.empty() ? chunk.ids.size() : piece.members.size(),
                        name_of(fate.outcome), fate.http_status, fate.attempts);
    if (fate.tries > 0) text += fmt::format(" t{}", fate.tries);
    if (fate.missing > 0) text += fmt::format(" m{}", fate.missing);
    if (fate.quiet) text += " quiet";
    if (fate.outcome == Outcome::pending && fate.not_before != answered_at)
      text += fmt::format(" +{}s", (fate.not_before - answered_at) / std::chrono::seconds(1));
  }
  std::string beyond;
  if (verdict.effect == Effect::stop) beyond += " stop";
  if (verdict.effect == Effect::refuse_target) beyond += " refuse_target";
  if (verdict.effect == Effect::pause) beyond += " pause";
  if (verdict.effect == Effect::shrink) beyond += " shrink";
  if (verdict.sign == Sign::fails) beyond += " fails";
  if (verdict.sign == Sign::refuses) beyond += " refuses";
  if (!verdict.alarm.empty()) beyond += " alarm";
  return beyond.empty() ? text : text + " |" + beyond;
}

inline std::string judged(Answer answer, const Chunk& chunk = chunk_of(3), const Judgement& by = judgement()) {
  return describe(judge(answer, chunk, by), chunk);
}

/// The id with this number, as bodies and messages write it.
inline std::string id(std::uint64_t number) {
  return member(number).text();
}

}  // namespace convoke
