// Chance and lists played through: whatever the API makes of addresses, each has one fate, and that comes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "looked_up.h"

using namespace convoke;

namespace {

struct Due {
  Chunk chunk;
  Step step = Step::look_up;
  std::string error;
};

// Pages of few members, addresses that it makes no members of, some that it says nothing of, and calls that get lost.
class MemberApi {
 public:
  MemberApi(std::uint64_t seed, std::uint64_t count) : random_(seed), page_size_(1 + below(5)) {
    for (std::uint64_t number = 1; number <= count; ++number) {
      if (below(3) == 0) there.insert(number);
      if (below(4) == 0) stubborn.insert(number);
      if (below(6) == 0) silent_.insert(number);
    }
  }

  Answer answer(const Due& due) {
    Answer said = due.step == Step::look_up ? look_up(due.chunk) : create(due.chunk);
    return below(8) == 0 ? not_answered(Answer::Reached::maybe) : said;
  }

  std::set<std::uint64_t> there;     ///< members
  std::set<std::uint64_t> stubborn;  ///< addresses that no member is made of

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  Answer look_up(const Chunk& chunk) {
    std::vector<std::string> items;
    std::uint64_t total = 0;
    for (const MemberId& one : chunk.ids) {
      if (there.contains(one.bytes.back()) && ++total <= page_size_) items.push_back(spot_member(one.bytes.back()));
    }
    return answered(200, page(items, fmt::format("{}", total)));
  }

  Answer create(const Chunk& chunk) {
    std::vector<std::string> entries, failed;
    for (const MemberId& one : chunk.ids) {
      const std::uint64_t number = one.bytes.back();
      if (silent_.contains(number)) continue;
      if (there.contains(number) || stubborn.contains(number)) {
        failed.push_back('"' + address(number) + '"');
      } else if (below(2) == 0) {
        entries.push_back(spot_member(number));
        there.insert(number);
      }
    }
    return answered(201, made(entries, failed));
  }

  std::mt19937_64 random_;
  std::uint64_t page_size_;
  std::set<std::uint64_t> silent_;
};

// As the ledger and the runner do: what becomes of each, by number.
std::map<std::uint64_t, std::string> looked_up(MemberApi& api, std::uint64_t count) {
  std::map<std::uint64_t, std::string> ends;
  std::vector<Due> due = {{chunk_of(count), Step::look_up, ""}};
  for (int calls = 0; !due.empty(); ++calls) {
    REQUIRE(calls < 1000);
    const Due now = due.back();
    due.pop_back();
    std::vector<std::string> asked;
    for (const MemberId& one : now.chunk.ids) asked.push_back(address(one.bytes.back()));
    Judgement how = that_creates();
    how.step = now.step;
    how.addresses = asked;
    how.said_before = now.error;
    Answer answer = api.answer(now);
    const Verdict verdict = judge(answer, now.chunk, how);
    check_whole(verdict, now.chunk);
    for (const Piece& piece : verdict.pieces) {
      Due next{now.chunk, piece.next_step.value_or(now.step), piece.fate.error};
      static_cast<History&>(next.chunk) = piece.fate;
      if (!piece.members.empty()) {
        next.chunk.ids.clear();
        for (const auto member : piece.members) next.chunk.ids.push_back(now.chunk.ids[member]);
      }
      if (piece.fate.outcome == Outcome::pending && piece.resolved.empty()) {
        due.push_back(std::move(next));
        continue;
      }
      const std::string end = piece.resolved.empty() ? std::string(name_of(piece.fate.outcome)) : "found";
      for (const MemberId& one : next.chunk.ids) REQUIRE(ends.emplace(one.bytes.back(), end).second);
    }
  }
  return ends;
}

}  // namespace

TEST_CASE("whatever the answer, each address has one fate, and who is found is who has the address") {
  constexpr std::array<std::string_view, 5> statuses = {"Accepted", "Left", "Pending", "Deactivated", "Invited"};
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    const Chunk chunk =
        asked_before(1 + below(12), static_cast<int>(below(7)), static_cast<int>(below(2)), below(2) == 0);
    const bool is_creation = below(2) == 0;
    Judgement how = of_step(is_creation ? Step::create : Step::look_up, static_cast<OnDoubt>(below(3)));
    how.create_missing = below(2) == 0;
    how.ever_accepted = below(4) > 0;
    std::vector<std::string> entries, failed;
    for (std::uint64_t i = below(16); i > 0; --i) {
      const std::uint64_t number = 1 + below(14);
      const std::uint64_t kind = below(12);
      if (kind == 0) entries.push_back(fmt::format(R"({{"id":"x","email":"{}"}})", address(number)));
      if (kind == 1) entries.push_back(R"({"email":null})");
      if (kind == 2) failed.push_back(fmt::format(R"({{"email":"{}","message":"{}"}})", address(number), below(3)));
      if (kind > 2) entries.push_back(spot_member(number, statuses[below(statuses.size())]));
    }
    std::string body = is_creation ? made(entries, failed) : page(entries, fmt::format("{}", below(20)));
    if (below(20) == 0) body.resize(below(body.size()));
    const Verdict verdict = verdict_of(answered(200, body), chunk, how);
    CAPTURE(told(verdict, chunk));  // checks that pieces are disjoint, and together the whole chunk
    for (const Piece& piece : verdict.pieces) {
      const bool is_found = !piece.resolved.empty();
      CHECK(is_found == (piece.fate.not_before == LedgerTime{} && piece.fate.outcome == Outcome::pending));
      for (std::size_t i = 0; i < piece.resolved.size(); ++i)
        CHECK(piece.resolved[i] == chunk.ids[piece.members.empty() ? i : piece.members[i]]);
      if (is_found) CHECK((piece.fate.attempts == 0 && !piece.fate.doubt && !piece.next_step));
      if (piece.next_step) CHECK(*piece.next_step == (is_creation ? Step::look_up : Step::create));
      if (is_creation && !is_found) CHECK(piece.next_step);
      if (!is_found) CHECK(piece.fate.attempts == 5);
      if (piece.fate.outcome == Outcome::rejected) CHECK(chunk.missing > 0);
    }
  }
}

TEST_CASE("a list is played to its end, whatever the API makes of it: pages, failures, and answers that say nothing") {
  constexpr std::uint64_t count = 12;
  std::map<std::string, int> tally;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    MemberApi api(seed, count);
    const auto ends = looked_up(api, count);
    REQUIRE(ends.size() == count);
    for (const auto& [key, value] : ends) {
      const std::uint64_t number = key;
      const std::string& end = value;
      CAPTURE(number);
      ++tally[end];
      if (end == "found") CHECK(api.there.contains(number));
      if (end == "rejected") CHECK((api.stubborn.contains(number) && !api.there.contains(number)));
      CHECK(end != "unknown");
    }
  }
  CHECK(tally["found"] > 1500);
  CHECK(tally["rejected"] > 200);
  CHECK(tally["failed"] > 100);
}
