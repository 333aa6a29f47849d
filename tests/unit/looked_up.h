// Chunks of addresses, answers that say whom they belong to, and what is made of them, in a line.
#pragma once

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "judged.h"

namespace convoke {

/// The address with this number: of the nth of a chunk's ids.
inline std::string address(std::uint64_t number) {
  return fmt::format("m{}@example.org", number);
}

inline std::vector<std::string> addresses(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 1; i <= count; ++i) all.push_back(address(i));
  return all;
}

/// The member with this number has the address with this number.
inline std::string spot_member(std::uint64_t number, std::string_view status = "Accepted") {
  return fmt::format(R"({{"id":"{}","spotId":"s","email":"{}","status":"{}","title":null}})", id(number),
                     address(number), status);
}

inline std::string list_of(const std::vector<std::string>& entries) {
  return fmt::format("[{}]", fmt::join(entries, ","));
}

/// The body of a look-up's 200 that names these.
inline std::string page(const std::vector<std::string>& items, std::string_view total = "0") {
  return fmt::format(R"({{"items":{},"total":{}}})", list_of(items), total);
}

inline std::string made(const std::vector<std::string>& created, const std::vector<std::string>& failed) {
  return fmt::format(R"({{"created":{},"failed":{}}})", list_of(created), list_of(failed));
}

inline Judgement of_step(Step step, OnDoubt on_doubt = OnDoubt::ask_again) {
  Judgement how = judgement(on_doubt);
  how.step = step;
  how.target_id = "c";
  return how;
}

/// Of a look-up, where members are made of addresses that nobody has.
inline Judgement that_creates() {
  Judgement how = of_step(Step::look_up);
  how.create_missing = true;
  return how;
}

/// Asked for four times before.
inline Chunk asked_before(std::size_t count, int tries, int missing, bool doubt) {
  Chunk chunk = chunk_of(count);
  chunk.attempts = 4;
  chunk.tries = tries;
  chunk.missing = missing;
  chunk.doubt = doubt;
  return chunk;
}

/// "1,3 pending a0 anew =1,3; 2 unknown 200 a1 | alarm": the whole verdict, with whom each piece is of.
inline std::string told(const Verdict& verdict, const Chunk& chunk) {
  check_whole(verdict, chunk);
  constexpr std::array<std::string_view, 3> steps = {"invite", "look_up", "create"};
  std::string text;
  for (const Piece& piece : verdict.pieces) {
    const Fate& fate = piece.fate;
    std::vector<std::uint32_t> numbers = piece.members;
    for (std::uint32_t i = 0; piece.members.empty() && i < chunk.ids.size(); ++i) numbers.push_back(i);
    for (auto& number : numbers) ++number;
    text += fmt::format("{}{} {} {} a{}", text.empty() ? "" : "; ", fmt::join(numbers, ","), name_of(fate.outcome),
                        fate.http_status, fate.attempts);
    if (fate.tries > 0) text += fmt::format(" t{}", fate.tries);
    if (fate.missing > 0) text += fmt::format(" m{}", fate.missing);
    if (fate.quiet) text += " quiet";
    if (fate.doubt) text += " doubt";
    if (fate.outcome == Outcome::pending && fate.not_before == LedgerTime{}) {
      text += " anew";
    } else if (fate.outcome == Outcome::pending && fate.not_before != answered_at) {
      text += fmt::format(" +{}s", (fate.not_before - answered_at) / std::chrono::seconds(1));
    }
    if (piece.next_step) text += fmt::format(" then {}", steps.at(static_cast<std::size_t>(*piece.next_step)));
    if (piece.resolved.empty()) continue;
    REQUIRE(piece.resolved.size() == numbers.size());
    for (const MemberId& one : piece.resolved)
      text += fmt::format("{}{}", &one == &piece.resolved.front() ? " =" : ",", one.bytes.back());
  }
  std::string effect;
  if (verdict.effect == Effect::stop) effect += " stop";
  if (verdict.effect == Effect::refuse_target) effect += " refuse_target";
  if (verdict.effect == Effect::pause) effect += " pause";
  if (verdict.effect == Effect::shrink) effect += " shrink";
  if (verdict.sign == Sign::fails) effect += " fails";
  if (verdict.sign == Sign::refuses) effect += " refuses";
  if (!verdict.alarm.empty()) effect += " alarm";
  return effect.empty() ? text : text + " |" + effect;
}

/// The verdict on a chunk of addresses.
inline Verdict verdict_of(Answer answer, const Chunk& chunk, Judgement how) {
  const std::vector<std::string> asked = addresses(chunk.ids.size());
  how.addresses = asked;
  return judge(answer, chunk, how);
}

inline std::string told(Answer answer, const Chunk& chunk, const Judgement& how) {
  return told(verdict_of(std::move(answer), chunk, how), chunk);
}

}  // namespace convoke
