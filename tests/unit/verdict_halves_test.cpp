// A list played through: what halving costs, and that each ends where it belongs.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "api/verdict.h"
#include "judged.h"

using namespace convoke;

namespace {

struct Played {
  std::map<std::uint64_t, Outcome> outcomes;  // by number
  int calls = 0;
  int most_asked = 0;  // how often one member was
};

// Asks until all is settled. `api` answers for the numbers of a call.
Played play(std::size_t count, const std::function<Answer(const std::vector<std::uint64_t>&)>& api) {
  Played played;
  std::deque<Chunk> due = {chunk_of(count)};
  std::map<MemberId, std::uint64_t> number_of;
  for (std::uint64_t number = 1; number <= count; ++number) number_of[member(number)] = number;
  std::map<std::uint64_t, int> asked;
  while (!due.empty()) {
    const Chunk chunk = due.front();
    due.pop_front();
    std::vector<std::uint64_t> numbers;
    for (const MemberId& one : chunk.ids) {
      numbers.push_back(number_of.at(one));
      played.most_asked = std::max(played.most_asked, ++asked[numbers.back()]);
    }
    REQUIRE(++played.calls < 10'000);
    Answer answer = api(numbers);
    const Verdict verdict = judge(answer, chunk, judgement());
    check_whole(verdict, chunk);
    for (const Piece& piece : verdict.pieces) {
      Chunk next = chunk;
      if (!piece.members.empty()) {
        next.ids.clear();
        for (const auto index : piece.members) next.ids.push_back(chunk.ids[index]);
      }
      next.attempts = piece.fate.attempts;
      next.tries = piece.fate.tries;
      next.missing = piece.fate.missing;
      next.quiet = piece.fate.quiet;
      if (piece.fate.outcome == Outcome::pending) {
        due.push_back(std::move(next));
        continue;
      }
      for (const MemberId& one : next.ids) {
        REQUIRE(played.outcomes.emplace(number_of.at(one), piece.fate.outcome).second);
      }
    }
  }
  REQUIRE(played.outcomes.size() == count);
  return played;
}

using Numbers = std::set<std::uint64_t>;

bool any_of(const std::vector<std::uint64_t>& numbers, const Numbers& wanted) {
  return std::any_of(numbers.begin(), numbers.end(), [&](auto number) { return wanted.contains(number); });
}

std::vector<MemberId> ids_of_numbers(const std::vector<std::uint64_t>& numbers, const Numbers& without = {}) {
  std::vector<MemberId> ids;
  for (const auto number : numbers)
    if (!without.contains(number)) ids.push_back(member(number));
  return ids;
}

void check_only_rejected(const Played& played, const Numbers& bad) {
  for (const auto& [id, outcome] : played.outcomes) {
    const auto& number = id;
    CAPTURE(number);
    CHECK(outcome == (bad.contains(number) ? Outcome::rejected : Outcome::invited));
  }
}

Numbers random_numbers(std::size_t count, std::uint64_t most, std::mt19937_64& random) {
  Numbers numbers;
  while (numbers.size() < count) numbers.insert(std::uniform_int_distribution<std::uint64_t>(1, most)(random));
  return numbers;
}

}  // namespace

TEST_CASE("a 400 is narrowed by halves; ids that the message quotes are split off first") {
  CHECK(judged(answered(400), chunk_of(1)) == "1 rejected 400 a1");
  CHECK(judged(answered(422), chunk_of(1)) == "1 rejected 422 a1");
  CHECK(judged(answered(400), chunk_of(2)) == "1 pending 400 a1, 1 pending 400 a1");
  CHECK(judged(answered(400), chunk_of(101)) == "51 pending 400 a1, 50 pending 400 a1");
  const auto quoting = [](const std::vector<std::uint64_t>& numbers) {
    std::string message = "no such members:";
    for (const auto number : numbers) message += " " + id(number);
    return answered(400, "{\"message\":\"" + message + "\"}");
  };
  CHECK(judged(quoting({7}), chunk_of(100)) == "1 pending 400 a1, 99 pending 400 a1");
  CHECK(judged(quoting({7, 9}), chunk_of(100)) == "1 pending 400 a1, 1 pending 400 a1, 98 pending 400 a1");
  CHECK(judged(quoting({777}), chunk_of(4)) == "2 pending 400 a1, 2 pending 400 a1");
  CHECK(judged(quoting({1, 2, 3, 4}), chunk_of(4)) == "2 pending 400 a1, 2 pending 400 a1");
  CHECK(judged(quoting({1}), chunk_of(1)) == "1 rejected 400 a1");
  // Beyond the excerpt that is kept, and in the other case.
  Answer far = answered(400, std::string(5000, ' ') + "00000000-0000-4000-8000-0000000000AB");
  CHECK(judged(far, chunk_of(8, 0xa8)) == "1 pending 400 a1, 7 pending 400 a1");
  // What a 413 quotes is not to blame.
  Answer large = answered(413, id(1));
  CHECK(judged(large, chunk_of(4)) == "2 pending 413 a1, 2 pending 413 a1 | shrink");
}

TEST_CASE("one bad id among 100 costs at most 14 extra calls, wherever it stands") {
  for (std::uint64_t bad = 1; bad <= 100; ++bad) {
    const Played played = play(100, [&](const auto& numbers) {
      return any_of(numbers, {bad}) ? answered(400) : answered(201, participants(ids_of_numbers(numbers)));
    });
    CHECK(played.calls - 1 <= 14);
    CHECK(played.most_asked <= 8);
    check_only_rejected(played, {bad});
  }
}

TEST_CASE(
    "a bad id that the message quotes costs two extra calls, in one that is misquoted no more than halving does") {
  const Played quoted = play(100, [&](const auto& numbers) {
    return any_of(numbers, {42}) ? answered(400, "unknown: " + id(42))
                                 : answered(201, participants(ids_of_numbers(numbers)));
  });
  CHECK(quoted.calls == 3);
  check_only_rejected(quoted, {42});
  const Played misquoted = play(100, [&](const auto& numbers) {
    return any_of(numbers, {42}) ? answered(400, "unknown: " + id(43))
                                 : answered(201, participants(ids_of_numbers(numbers)));
  });
  CHECK(misquoted.calls <= 1 + 14 + 2);
  check_only_rejected(misquoted, {42});
}

TEST_CASE("k bad ids among 100 cost at most what k halvings cost, and never a neighbour") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const std::size_t count = std::uniform_int_distribution<std::size_t>(0, 20)(random);
    const Numbers bad = random_numbers(count, 100, random);
    const Played played = play(100, [&](const auto& numbers) {
      return any_of(numbers, bad) ? answered(400) : answered(201, participants(ids_of_numbers(numbers)));
    });
    CHECK(played.calls - 1 <= static_cast<int>(14 * count));
    check_only_rejected(played, bad);
  }
  const Played all_bad = play(100, [](const auto&) { return answered(400); });
  CHECK(all_bad.calls == 199);
}

TEST_CASE("an API that takes few members a call is learned by halves, and refuses nobody") {
  const Played played = play(100, [&](const auto& numbers) {
    return numbers.size() > 10 ? answered(413) : answered(201, participants(ids_of_numbers(numbers)));
  });
  check_only_rejected(played, {});
  CHECK(played.calls == 31);  // 1 + 2 + 4 + 8 refused (100, 50, 25, 13 or 12), 16 answered
}

TEST_CASE("members invited before are told from the new in two calls, when the API leaves them out of its 201") {
  const Numbers before = {3, 50, 51, 99};
  const Played played = play(100, [&](const auto& numbers) {
    const auto fresh = ids_of_numbers(numbers, before);
    return fresh.empty() ? answered(200) : answered(201, participants(fresh));
  });
  CHECK(played.calls == 2);
  for (const auto& [number, outcome] : played.outcomes)
    CHECK(outcome == (before.contains(number) ? Outcome::already_invited : Outcome::invited));
}

TEST_CASE("who is in no answer is found by halves: unknown, invited before and new in one list") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const Numbers odd = random_numbers(std::uniform_int_distribution<std::size_t>(1, 12)(random), 100, random);
    Numbers unknown, before;
    for (const auto number : odd) (random() % 2 == 0 ? unknown : before).insert(number);
    Numbers invited = before;
    const Played played = play(100, [&](const auto& numbers) {
      std::vector<MemberId> fresh;
      for (const auto number : numbers)
        if (!unknown.contains(number) && invited.insert(number).second) fresh.push_back(member(number));
      // 200 only if everyone asked for is invited; the unknown are silently left out.
      const bool all_invited = std::all_of(numbers.begin(), numbers.end(), [&](auto n) { return before.contains(n); });
      return all_invited ? answered(200) : answered(201, participants(fresh));
    });
    for (const auto& [id, outcome] : played.outcomes) {
      const auto& number = id;
      CAPTURE(number);
      CHECK(outcome == (unknown.contains(number)  ? Outcome::rejected
                        : before.contains(number) ? Outcome::already_invited
                                                  : Outcome::invited));
    }
    // The first call, the rest apart, and then at most a tree of halves over the rest.
    CHECK(played.calls <= 2 + 2 * static_cast<int>(odd.size()));
  }
}
