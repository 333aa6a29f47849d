// What a run would make of a list, said beforehand: as the run then does, and as a simple model has it.
#include "ledger/survey.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

namespace {

/// Of this list on this ledger, or on none.
Survey survey_of(LedgerWorld* world, const std::vector<ListRow>& rows, const SurveyTerms& terms) {
  MadeRows source = source_of(rows);
  MemberList list(source, {});
  if (world == nullptr) return survey(nullptr, std::nullopt, list, terms, "/tmp");
  return survey(&world->database, world->job, list, terms, world->folder.path());
}

}  // namespace

TEST_CASE(
    "over several readings of random lists the ledger agrees with a simple model, and survey says it beforehand") {
  struct Known {
    Outcome outcome;
    std::uint64_t line;
  };
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    LedgerWorld world;
    std::map<std::pair<std::string, std::uint64_t>, Known> model;
    for (int reading_no = 0; reading_no < 5; ++reading_no) {
      std::vector<ListRow> rows;
      const int count = pick(0, 40);
      for (int i = 0; i < count; ++i) {
        ListRow row;
        if (pick(0, 9) > 0) row.member = static_cast<std::uint64_t>(pick(1, 30));
        row.course = pick(0, 3) > 0 ? "a" : "b";
        rows.push_back(row);
      }
      Reading expected;
      std::set<std::pair<std::string, std::uint64_t>> seen;
      std::uint64_t line = 1;
      for (const ListRow& row : rows) {
        ++line;
        ++expected.rows;
        if (row.member == 0) {
          ++expected.invalid;
          continue;
        }
        const auto key = std::make_pair(row.course, row.member);
        if (!seen.insert(key).second) {
          ++expected.duplicates;
          continue;
        }
        ++expected.members;
        const auto [known, is_new] = model.try_emplace(key, Known{Outcome::pending, line});
        known->second.line = line;
        if (is_new) ++expected.added;
        if (known->second.outcome == Outcome::withdrawn) {
          known->second.outcome = Outcome::pending;
          ++expected.revived;
        }
      }
      for (auto& [key, known] : model) {
        if (seen.contains(key)) continue;
        ++expected.gone;
        if (known.outcome != Outcome::pending) continue;
        known.outcome = Outcome::withdrawn;
        ++expected.withdrawn;
      }
      SurveyTerms terms;
      terms.chunk_size = pick(1, 7);
      terms.brakes = anything_goes;
      const Survey surveyed = survey_of(&world, rows, terms);
      const Reading reading = world.take(rows, terms.chunk_size, "");
      REQUIRE(surveyed.reading);
      CHECK(describe(*surveyed.reading) == describe(reading));
      REQUIRE(describe(reading) == describe(expected));
      check_all(world);
      {
        // What a run would load, it would send in so many calls.
        Chunks chunks(world.database, world.job);
        world.database.write([&](Transaction& transaction) { chunks.repack(transaction, {terms.chunk_size}); });
        check_all(world);
        CHECK(surveyed.due == books_of(world.database, world.job).of(Outcome::pending));
        CHECK(
            world.rows(fmt::format("SELECT ifnull(sum((size + {0} - 1) / {0}), 0) FROM chunk WHERE outcome = 'pending'",
                                   terms.chunk_size)) == Rows{std::to_string(surveyed.calls)});
      }

      // Between the readings some are settled, cut, retried.
      Sent sent(world);
      for (int call = pick(0, 6); call > 0; --call) {
        const auto chunk = sent.claim(pick(1, 7));
        if (!chunk) break;
        std::vector<Piece> pieces(3);
        pieces[0].fate = fate(Outcome::invited, 201);
        pieces[1].fate = fate(Outcome::rejected, 400);
        pieces[2].fate = fate(Outcome::pending, 503);
        pieces[2].fate.tries = 1;
        for (std::uint32_t i = 0; i < chunk->ids.size(); ++i)
          pieces[static_cast<std::size_t>(pick(0, 2))].members.push_back(i);
        const std::string course = sent.chunks.target(chunk->target_no).id;
        for (const Piece& piece : pieces) {
          for (const auto index : piece.members)
            model.at({course, std::stoull(chunk->ids[index].text().substr(24), nullptr, 16)}).outcome =
                piece.fate.outcome;
        }
        std::erase_if(pieces, [](const Piece& piece) { return piece.members.empty(); });
        sent.record(*chunk, pieces);
        check_all(world);
      }
      if (pick(0, 2) == 0) {
        sent.repack(pick(1, 9));
        check_all(world);
      }
      Rows modelled;
      for (const auto& [key, known] : model)
        modelled.push_back(
            fmt::format("{:04x}@{} {} line {}", key.second, key.first, name_of(known.outcome), known.line));
      REQUIRE(outcomes_of(world) == modelled);
    }
  }
}

TEST_CASE("a survey changes nothing, and needs no ledger") {
  LedgerWorld world;
  world.take({{1}, {2}});
  const Rows before = world.rows("SELECT * FROM chunk");
  const std::vector<ListRow> rows = {{2}, {3}, {4}, {4}, {1, "c2"}};
  SurveyTerms terms;
  terms.chunk_size = 1;
  terms.brakes = anything_goes;
  Survey surveyed = survey_of(&world, rows, terms);
  CHECK(surveyed.due == 4);
  CHECK(surveyed.calls == 4);
  CHECK(describe(surveyed.reading.value()) ==
        "5 rows, 0 invalid, 1 duplicates, 4 members, 3 added, 0 revived, 1 gone, 1 withdrawn");
  CHECK(world.rows("SELECT * FROM chunk") == before);
  terms.chunk_size = 100;
  surveyed = survey_of(nullptr, rows, terms);
  CHECK(surveyed.calls == 2);
  CHECK(describe(surveyed.reading.value()) ==
        "5 rows, 0 invalid, 1 duplicates, 4 members, 4 added, 0 revived, 0 gone, 0 withdrawn");
}
