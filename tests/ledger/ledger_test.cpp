// The ledger on a real SQLite file: lists taken in, chunks and their fates, books, views, files that are no ledger.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <stop_token>

#include "ledger/calls_file.h"
#include "ledger/course_numbers.h"
#include "ledger/export.h"
#include "ledger/job_lock.h"
#include "ledger/sorter.h"
#include "ledger/story.h"
#include "ledger/survey.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

const LedgerTime now = LedgerTime(1000h);
const WallTime wall(1'700'000'000s);

std::string describe(const Reading& reading) {
  return fmt::format("{} rows, {} invalid, {} duplicates, {} members, {} added, {} revived, {} gone, {} withdrawn",
                     reading.rows, reading.invalid, reading.duplicates, reading.members, reading.added, reading.revived,
                     reading.gone, reading.withdrawn);
}

/// Of this list on this ledger, or on none.
Survey survey_of(LedgerWorld* world, const std::vector<ListRow>& rows, const SurveyTerms& terms) {
  MadeRows source = source_of(rows);
  MemberList list(source, std::nullopt);
  if (world == nullptr) return survey(nullptr, std::nullopt, list, terms, "/tmp");
  return survey(&world->database, world->job, list, terms, world->folder.path());
}

Fate fate(Outcome outcome, int http_status = 0) {
  Fate fate;
  fate.outcome = outcome;
  fate.http_status = http_status;
  return fate;
}

Fate due_at(LedgerTime when, int tries) {
  Fate fate;
  fate.not_before = when;
  fate.attempts = tries;
  fate.tries = tries;
  fate.http_status = 503;
  fate.error = "HTTP 503";
  return fate;
}

Rows outcomes_of(LedgerWorld& world) {
  return world.rows(
      "SELECT substr(spot_member_id, 33) || '@' || course_id || ' ' || outcome || ' line ' || source_line FROM "
      "outcomes "
      "ORDER BY course_id, spot_member_id");
}

// Every member of the ledger is settled or due exactly once, and the books say so.
void check_all(LedgerWorld& world) {
  check_books(world.database, world.job);
  CHECK(world.rows("SELECT count(*) FROM (SELECT 1 FROM outcomes GROUP BY job, course_id, spot_member_id HAVING "
                   "count(*) > 1)") == Rows{"0"});
  CHECK(world.rows("SELECT count(*) FROM chunk WHERE length(ids) <> size * 16 OR json_array_length(lines) <> size") ==
        Rows{"0"});
}

struct Sent {
  explicit Sent(LedgerWorld& ledger)
      : world(ledger), log(ledger.database, ledger.job, wall), chunks(ledger.database, ledger.job) {
    // Their courses are known to be there: as many chunks may be in flight as one likes.
    world.database.handle().exec("UPDATE course SET accepted = 1");
  }

  // Claims the next chunk and gives it these pieces.
  Chunk settle(const std::vector<Piece>& pieces, int most = 10'000) {
    Chunk claimed;
    world.database.write([&](Transaction& transaction) {
      const auto chunk = chunks.due(transaction, now).claim(most);
      REQUIRE(chunk);
      claimed = *chunk;
      const CallId call = log.begin_call(transaction, claimed, wall);
      log.end_call(transaction, call, {50ms, pieces[0].fate.http_status, pieces[0].fate.reason, pieces[0].fate.error});
      chunks.record(transaction, claimed, pieces, log.run(), wall);
    });
    return claimed;
  }
  std::optional<Chunk> claim(int most = 10'000, Wanted wanted = {}, LedgerTime when = now) {
    return world.database.write(
        [&](Transaction& transaction) { return chunks.due(transaction, when).claim(most, wanted); });
  }
  void repack(int chunk_size) {
    world.database.write([&](Transaction& transaction) { chunks.repack(transaction, chunk_size); });
  }
  void record(const Chunk& chunk, const std::vector<Piece>& pieces) {
    world.database.write([&](Transaction& transaction) { chunks.record(transaction, chunk, pieces, log.run(), wall); });
  }
  std::int64_t make_due(const std::vector<Outcome>& outcomes, std::optional<RunId> only_of_run = {}) {
    return world.database.write(
        [&](Transaction& transaction) { return chunks.make_due(transaction, outcomes, only_of_run); });
  }

  LedgerWorld& world;
  RunLog log;
  Chunks chunks;
};

}  // namespace

// ---- Taking lists in.

TEST_CASE("a new list is taken in: members once, duplicates and invalid rows counted, all accounted for") {
  LedgerWorld world;
  const Reading reading = world.take({{3}, {1}, {0}, {1}, {2}, {0}, {1}});
  CHECK(describe(reading) == "7 rows, 2 invalid, 2 duplicates, 3 members, 3 added, 0 revived, 0 gone, 0 withdrawn");
  CHECK(outcomes_of(world) == Rows{"0001@c1 pending line 3", "0002@c1 pending line 6", "0003@c1 pending line 2"});
  CHECK(world.rows("SELECT * FROM invalid_rows") == Rows{"news|4|n/a|not_an_id", "news|7|n/a|not_an_id"});
  const Books books = books_of(world.database, world.job);
  CHECK(books.rows_read == 7);
  CHECK(books.of(Outcome::pending) == 3);
  CHECK(books.balance());
  check_all(world);
}

TEST_CASE("an empty list is a list") {
  LedgerWorld world;
  CHECK(world.take({}).rows == 0);
  check_all(world);
  CHECK(is_read(world.database, world.job, "f"));
}

TEST_CASE("the same member in two courses is two members, each with its own line") {
  LedgerWorld world;
  const Reading reading = world.take({{1, "b"}, {1, "a"}, {2, "a"}, {1, "b"}});
  CHECK(reading.members == 3);
  CHECK(reading.duplicates == 1);
  CHECK(outcomes_of(world) == Rows{"0001@a pending line 3", "0002@a pending line 4", "0001@b pending line 2"});
  CHECK(world.rows("SELECT count(*) FROM chunk") == Rows{"2"});  // a chunk is of one course
  check_all(world);
}

TEST_CASE("new courses are numbered where their members are written: no commit of their own") {
  LedgerWorld world;
  std::vector<ListRow> rows;
  for (std::uint64_t i = 1; i <= 2000; ++i) rows.push_back({i, fmt::format("course {}", (i * 7919) % 2000)});
  rows.push_back({1, "course 0"});
  int commits = 0;
  sqlite3_commit_hook(
      world.database.handle().getHandle(), [](void* count) { return ++*static_cast<int*>(count), 0; }, &commits);
  const Reading reading = world.take(rows);
  CHECK(reading.members == 2001);
  CHECK(commits < 10);
  CHECK(world.rows("SELECT count(*), count(DISTINCT course_no) FROM chunk") == Rows{"2000|2000"});
  CHECK(world.rows("SELECT count(*) FROM course") == Rows{"2000"});
  check_all(world);
  SUBCASE("they are known to the next reading") {
    rows.push_back({5000, "course 1"});
    rows.push_back({5001, "course new"});
    CHECK(describe(world.take(rows)) ==
          "2003 rows, 0 invalid, 0 duplicates, 2003 members, 2 added, 0 revived, 0 gone, 0 withdrawn");
    CHECK(world.rows("SELECT count(*) FROM course") == Rows{"2001"});
    check_all(world);
  }
  SUBCASE("and a reading that is not believed leaves none behind") {
    CHECK(error_of([&] { world.take({{1, "another"}}, 100, "f", {{}, false, "list.csv"}); }).starts_with("65 "));
    CHECK(world.rows("SELECT count(*) FROM course") == Rows{"2000"});
  }
}

TEST_CASE("members are packed in chunks of the size asked for, the last one smaller") {
  LedgerWorld world;
  world.take_members(250, 100);
  CHECK(world.rows("SELECT size FROM chunk ORDER BY chunk_id") == Rows{"100", "100", "50"});
}

TEST_CASE("a source that changed: added, withdrawn, revived, moved") {
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {4}});
  CHECK(describe(world.take({{5}, {2}, {4}, {1}})) ==
        "4 rows, 0 invalid, 0 duplicates, 4 members, 1 added, 0 revived, 1 gone, 1 withdrawn");
  CHECK(outcomes_of(world) == Rows{"0001@c1 pending line 5", "0002@c1 pending line 3", "0003@c1 withdrawn line 4",
                                   "0004@c1 pending line 4", "0005@c1 pending line 2"});
  check_all(world);
  CHECK(describe(world.take({{3}, {1}, {2}, {4}, {5}})) ==
        "5 rows, 0 invalid, 0 duplicates, 5 members, 0 added, 1 revived, 0 gone, 0 withdrawn");
  CHECK(outcomes_of(world)[2] == "0003@c1 pending line 2");
  check_all(world);
  CHECK(describe(world.take({})) ==
        "0 rows, 0 invalid, 0 duplicates, 0 members, 0 added, 0 revived, 5 gone, 5 withdrawn");
  check_all(world);
  CHECK(describe(world.take({})) ==
        "0 rows, 0 invalid, 0 duplicates, 0 members, 0 added, 0 revived, 5 gone, 0 withdrawn");
  check_all(world);
}

TEST_CASE("who is settled stays so, whether the source still has it or not") {
  LedgerWorld world;
  world.take_members(3);
  {
    Sent sent(world);
    sent.settle(
        {{{0}, fate(Outcome::invited, 201)}, {{1}, fate(Outcome::rejected, 400)}, {{2}, fate(Outcome::failed)}});
  }
  CHECK(world.take({{9}}).withdrawn == 0);
  CHECK(world.rows("SELECT outcome FROM outcomes ORDER BY spot_member_id") ==
        Rows{"invited", "rejected", "failed", "pending"});
  check_all(world);
  CHECK(world.take({{3}, {2}, {1}}).added == 0);
  CHECK(outcomes_of(world) ==
        Rows{"0001@c1 invited line 4", "0002@c1 rejected line 3", "0003@c1 failed line 2", "0009@c1 withdrawn line 2"});
  check_all(world);
}

TEST_CASE("members that stay due through a changed source keep their history") {
  LedgerWorld world;
  world.take_members(3);
  Sent sent(world);
  Fate lost = due_at(now + 1h, 4);
  lost.doubt = true;
  sent.settle({{{}, lost}});
  world.take({{1}, {3}});
  CHECK(
      world.rows("SELECT outcome, size, attempts, tries, not_before > 0, http_status, error FROM chunk ORDER BY ids") ==
      Rows{"pending|2|4|4|1|503|HTTP 503", "in_doubt|1|4|0|0|503|asked without an answer, and no longer in the list"});
  CHECK_FALSE(sent.claim());  // they wait as long as they were to
  Chunks later(world.database, world.job);
  world.database.write([&](Transaction& transaction) { later.forget_tries(transaction); });
  CHECK(world.rows("SELECT tries FROM chunk WHERE outcome = 'pending'") == Rows{"0"});
  // Never asked, and withdrawn: no run had anything to do with it.
  world.take({{1}, {3}, {4}});
  world.take({{1}, {3}});
  CHECK(world.rows("SELECT run_id FROM outcomes WHERE spot_member_id LIKE '%4'") == Rows{"-"});
}

TEST_CASE("a reading is remembered by its fingerprint only when it came to its end") {
  LedgerWorld world;
  world.take({{1}, {2}, {0}}, 100, "one");
  CHECK(is_read(world.database, world.job, "one"));
  CHECK_FALSE(is_read(world.database, world.job, "two"));
  CHECK_FALSE(is_read(world.database, world.job, ""));
  struct Broken {};
  const auto broken = [](std::uint64_t number) -> std::optional<MadeRow> {
    if (number < 2) return MadeRow{number + 2, number == 0 ? member(7).text() : "x"};
    throw Broken();
  };
  CHECK_THROWS_AS(world.take_made(MadeRows(broken), 100, "two"), Broken);
  CHECK(is_read(world.database, world.job, "one"));  // nothing of the other was taken in
  CHECK_FALSE(is_read(world.database, world.job, "two"));
  check_all(world);
  world.take({{7}, {1}}, 100, "two");
  CHECK(is_read(world.database, world.job, "two"));
  CHECK(books_of(world.database, world.job).balance());
  check_all(world);
  world.take({{7}, {1}}, 100, "");  // standard input has no fingerprint
  CHECK_FALSE(is_read(world.database, world.job, ""));
}

TEST_CASE("of a list that is asked to stop nobody is taken in, though there are more rows") {
  LedgerWorld world;
  world.take({{1}, {2}}, 100, "one");
  std::stop_source stop;
  MadeRows source([&](std::uint64_t number) -> std::optional<MadeRow> {
    if (number == 1) stop.request_stop();
    REQUIRE(number < 2);
    return MadeRow{number + 2, member(number + 5).text()};
  });
  MemberList list(source, std::nullopt, stop.get_token());
  CHECK_FALSE(take_in(world.database, world.job, list, 100, anything_goes, "two", WallTime{}));
  CHECK(is_read(world.database, world.job, "one"));
  CHECK(books_of(world.database, world.job).in_list() == 2);
  check_all(world);
}

TEST_CASE("long values of invalid rows are cut") {
  LedgerWorld world;
  const std::string value(5000, 'x');
  world.take_made(MadeRows({{2, value}}));
  CHECK(world.rows("SELECT length(value) FROM invalid_rows") == Rows{"200"});
}

TEST_CASE("invalid rows take no memory, however many they are") {
  LedgerWorld world;
  const std::string value(200, 'x');
  sqlite3_memory_highwater(1);
  world.take_made(MadeRows([&](std::uint64_t number) {
    return number < 150'000 ? std::optional(MadeRow{number + 2, value}) : std::nullopt;
  }));
  CHECK(troubles_of(world.database, world.job).at(0).count == 150'000);
  CHECK(sqlite3_memory_highwater(0) < 20'000'000);
}

TEST_CASE("courses keep their number in memory that does not grow with them, and get the ledger's when asked") {
  LedgerWorld world;
  const auto course = [](std::int64_t i) { return fmt::format("{:0>300}", i); };
  constexpr std::int64_t count = 100'000;
  CourseNumbers numbers(&world.database, world.job);
  const auto before = mallinfo2();
  for (std::int64_t i = 0; i < count; ++i) REQUIRE(numbers.number_of(course(i)) == CourseNumbers::first_new + i + 1);
  const auto after = mallinfo2();
  CHECK(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + 16'000'000);
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{7}, count - 1})
    CHECK(numbers.number_of(course(i)) == CourseNumbers::first_new + i + 1);
  world.database.write([&](Transaction& transaction) {
    CHECK(numbers.in_ledger(transaction, CourseNumbers::first_new + 8) == 1);
    CHECK(numbers.in_ledger(transaction, CourseNumbers::first_new + 8) == 1);
    CHECK(numbers.in_ledger(transaction, CourseNumbers::first_new + count) == 2);
  });
  CHECK(world.rows("SELECT course_no, ltrim(course_id, '0') FROM course") == Rows{"1|7", "2|99999"});
  CHECK(CourseNumbers(&world.database, world.job).number_of(course(7)) == 1);
}

TEST_CASE("several jobs on a ledger do not see each other's members") {
  LedgerWorld world;
  world.take_members(3);
  const JobId other = job_id(world.database, "other");
  CHECK(other != world.job);
  CHECK(job_id(world.database, "other") == other);
  CHECK(find_job(world.database, "other") == other);
  CHECK_FALSE(find_job(world.database, "none"));
  MadeRows source = source_of({{1}});
  MemberList list(source, std::nullopt);
  CHECK(take_in(world.database, other, list, 100, anything_goes, "", WallTime{})->added == 1);
  check_books(world.database, other);
  check_all(world);
  CHECK(books_of(world.database, other).all_members() == 1);
  CHECK(books_of(world.database, world.job).all_members() == 3);
}

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
        world.database.write([&](Transaction& transaction) { chunks.repack(transaction, terms.chunk_size); });
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
        const std::string course = sent.chunks.course(chunk->course_no);
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

TEST_CASE("more records than the memory allows are sorted like the rest") {
  struct Record {
    std::uint64_t key;
    std::uint64_t value;
    bool operator<(const Record& other) const { return std::tie(key, value) < std::tie(other.key, other.value); }
    bool operator==(const Record&) const = default;
  };
  const TempFolder folder;
  struct Row {
    std::size_t count, most_in_memory;
  };
  for (const Row& row : {Row{0, 10}, Row{1, 10}, Row{10, 10}, Row{11, 10}, Row{100, 10}, Row{101, 10}, Row{1000, 1},
                         Row{50'000, 7}, Row{200'000, 5000}, Row{20'000, 4096}, Row{20'481, 4096}}) {
    CAPTURE(row.count);
    CAPTURE(row.most_in_memory);
    std::mt19937_64 random(row.count);
    Sorter<Record> sorter(folder.path(), row.most_in_memory);
    std::vector<Record> expected;
    for (std::size_t i = 0; i < row.count; ++i) {
      expected.push_back({random() % (row.count / 2 + 1), i});
      sorter.add(expected.back());
    }
    std::sort(expected.begin(), expected.end());
    for (const std::size_t most : {row.count / 2, row.count, row.count}) {  // as often as one likes, to the end or not
      std::vector<Record> sorted;
      sorter.begin_reading();
      while (sorted.size() < most) sorted.push_back(*sorter.next());
      REQUIRE(std::equal(sorted.begin(), sorted.end(), expected.begin()));
      if (most == row.count) REQUIRE(sorter.next() == nullptr);
    }
  }
  CHECK(std::filesystem::is_empty(folder.path()));  // no file is left behind, nor ever has a name
  Sorter<Record> nowhere(folder.file("none"), 1);
  nowhere.add({1, 1});
  CHECK(contains(error_of([&] {
                   nowhere.add({2, 2});
                 }),
                 "74 " + folder.file("none") + ": cannot create a temporary file"));
}

TEST_CASE("a list longer than the sorter's memory is taken in and read again") {
  LedgerWorld world;
  constexpr std::uint64_t count = 700'000;  // more than 2^19 entries
  const auto row = [](std::uint64_t i) -> std::optional<MadeRow> {
    if (i > count) return std::nullopt;
    return MadeRow{i + 2, member(i < count ? i * 7'919 % count + 1 : 5).text()};
  };
  Reading reading = world.take_made(MadeRows(row), 1000);
  CHECK(reading.added == count);
  CHECK(reading.duplicates == 1);
  CHECK(world.rows("SELECT count(*) FROM chunk") == Rows{std::to_string(count / 1000)});
  check_books(world.database, world.job);
  reading = world.take_made(MadeRows(row), 1000);
  CHECK(reading.added == 0);
  CHECK(reading.members == count);
  CHECK(reading.gone == 0);
  check_books(world.database, world.job);
}

// ---- Chunks.

TEST_CASE("chunks are claimed once, what was asked before first, the rest in order") {
  LedgerWorld world;
  world.take_members(30, 10);
  Sent sent(world);
  const Chunk first = sent.settle({{{}, due_at(now - 1s, 1)}});
  CHECK(first.ids == members(10));
  const auto again = sent.claim();
  REQUIRE(again);
  CHECK(again->id == first.id);
  CHECK(again->tries == 1);
  CHECK(again->attempts == 1);
  CHECK(sent.claim()->ids.front() == member(11));
  CHECK(sent.claim()->ids.front() == member(21));
  CHECK_FALSE(sent.claim());
  CHECK_FALSE(sent.chunks.next_due());
  sent.chunks.put_back(first.id);
  CHECK(sent.chunks.next_due() == now - 1s);
  CHECK_FALSE(sent.claim(10, {.retries = false}));  // without retries
  CHECK(sent.claim(10)->id == first.id);
}

TEST_CASE("a chunk is not due before its time") {
  LedgerWorld world;
  world.take_members(1);
  Sent sent(world);
  sent.settle({{{}, due_at(now + 10s, 1)}});
  CHECK_FALSE(sent.claim(1, {}, now + 10s - 1us));
  CHECK(sent.chunks.next_due() == now + 10s);
  CHECK(sent.claim(1, {}, now + 10s));
}

TEST_CASE("a chunk larger than asked for is cut, and nobody is lost") {
  LedgerWorld world;
  world.take_members(10, 10);
  Sent sent(world);
  sent.settle({{{}, due_at(now - 1s, 3)}});
  const auto part = sent.claim(4);
  REQUIRE(part);
  CHECK(part->ids == members(4));
  CHECK(world.rows("SELECT size, attempts, tries, not_before, lines FROM chunk ORDER BY ids") ==
        Rows{fmt::format("4|3|3|{}|[2,3,4,5]", (now - 1s).time_since_epoch().count()),
             fmt::format("6|3|3|{}|[6,7,8,9,10,11]", (now - 1s).time_since_epoch().count())});
  CHECK(sent.claim(100)->ids == members(6, 5));
  check_all(world);
}

TEST_CASE("a cut keeps what is known of the members: why they are due again, and what was said of each") {
  LedgerWorld world;
  world.take_members(3, 3);
  Sent sent(world);
  Fate late = due_at(now - 1s, 1);
  late.reason = Reason::unavailable;
  late.participants.participant_id = R"(["p1","p2","p3"])";
  late.participants.participant_status = "Invited";
  sent.settle({{{}, late}});
  REQUIRE(sent.claim(1));
  CHECK(world.rows("SELECT source_line, reason, http_status, error, participant_id, participant_status, run_id, "
                   "updated_at IS NULL FROM outcomes ORDER BY 1") == Rows{"2|unavailable|503|HTTP 503|p1|Invited|1|0",
                                                                          "3|unavailable|503|HTTP 503|p2|Invited|1|0",
                                                                          "4|unavailable|503|HTTP 503|p3|Invited|1|0"});
}

TEST_CASE("an answer that tells members apart splits their chunk, lines and all") {
  LedgerWorld world;
  world.take_members(6);
  Sent sent(world);
  Fate invited = fate(Outcome::invited, 201);
  invited.participants.participant_id = R"(["p2","p4"])";
  invited.participants.participant_status = "Invited";
  invited.participants.completion_rate = "[0,50]";
  Fate rejected = fate(Outcome::rejected, 400);
  rejected.error = "HTTP 400: no";
  sent.settle({{{1, 3}, invited}, {{0}, rejected}, {{2, 4, 5}, due_at(now + 1s, 0)}});
  CHECK(
      world.rows("SELECT substr(spot_member_id, 36), outcome, http_status, error, participant_id, participant_status, "
                 "completion_rate, source_line FROM outcomes ORDER BY 1") ==
      Rows{"1|rejected|400|HTTP 400: no|-|-|-|2", "2|invited|201|-|p2|Invited|0|3", "3|pending|503|HTTP 503|-|-|-|4",
           "4|invited|201|-|p4|Invited|50|5", "5|pending|503|HTTP 503|-|-|-|6", "6|pending|503|HTTP 503|-|-|-|7"});
  check_all(world);
  LedgerWorld other;
  other.take_members(2);
  const auto overlap = [&] { Sent(other).settle({{{}, fate(Outcome::invited)}, {{1}, fate(Outcome::invited)}}); };
  CHECK(contains(error_of(overlap), "70 a chunk's pieces overlap"));
}

TEST_CASE("random splits keep every member, with its line, exactly once") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LedgerWorld world;
    world.take_members(40, 13);
    Sent sent(world);
    for (int call = 0; call < 12; ++call) {
      const auto chunk = sent.claim(std::uniform_int_distribution<int>(1, 13)(random));
      if (!chunk) break;
      std::map<std::uint64_t, Piece> pieces;
      for (std::uint32_t i = 0; i < chunk->ids.size(); ++i) {
        Piece& piece = pieces[random() % 4];
        piece.members.push_back(i);
        piece.fate = fate(all_outcomes[random() % 6]);
      }
      std::vector<Piece> list;
      for (auto& [key, piece] : pieces) list.push_back(std::move(piece));
      sent.record(*chunk, list);
    }
    check_all(world);
    Rows expected;
    for (int number = 1; number <= 40; ++number) expected.push_back(fmt::format("{:04x}|{}", number, number + 1));
    REQUIRE(world.rows("SELECT substr(spot_member_id, 33), source_line FROM outcomes ORDER BY 1") == expected);
  }
}

TEST_CASE("the members of a refused course stay due, and are passed over as long as the run lasts") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "b"}}, 1);
  Sent sent(world);
  const Chunk settled = sent.settle({{{}, fate(Outcome::invited, 201)}});
  const auto in_flight = sent.claim();
  sent.chunks.refuse_course(settled.course_no);
  CHECK(sent.claim()->ids == std::vector{member(4)});
  CHECK_FALSE(sent.claim());
  CHECK_FALSE(sent.chunks.next_due());
  sent.chunks.put_back(in_flight->id);
  CHECK_FALSE(sent.chunks.next_due());
  CHECK(sent.chunks.due_of_refused_courses() == std::map<std::int64_t, std::int64_t>{{settled.course_no, 2}});
  CHECK(world.rows("SELECT substr(spot_member_id, 36), course_id, outcome FROM outcomes ORDER BY 1") ==
        Rows{"1|a|invited", "2|a|pending", "3|a|pending", "4|b|pending"});
  Chunks next(world.database, world.job);  // another run asks again
  world.database.write(
      [&](Transaction& transaction) { CHECK(next.due(transaction, now).claim(1)->ids == std::vector{member(2)}); });
  check_all(world);
}

TEST_CASE("a course that was never accepted is asked for by one call at a time, until it is") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "b"}}, 1);
  RunLog log(world.database, world.job, wall);
  Chunks chunks(world.database, world.job);
  const auto claim = [&] {
    return world.database.write([&](Transaction& transaction) { return chunks.due(transaction, now).claim(1); });
  };
  const auto first = claim();
  CHECK(first->ids == std::vector{member(1)});
  CHECK(claim()->ids == std::vector{member(4)});  // of the other course
  CHECK_FALSE(claim());
  CHECK_FALSE(chunks.next_due());  // what is on trial is waited for by its answer
  world.database.write([&](Transaction& transaction) {
    chunks.record(transaction, *first, {{{}, due_at(now, 1)}}, log.run(), wall);
  });
  const auto second = claim();  // a failure proves nothing
  CHECK(second);
  CHECK_FALSE(claim());
  world.database.write([&](Transaction& transaction) {
    chunks.record(transaction, *second, {{{}, fate(Outcome::invited, 201)}}, log.run(), wall);
    chunks.accept_course(transaction, second->course_no);
  });
  CHECK(claim());
  CHECK(claim());
  Chunks later(world.database, world.job);
  CHECK(later.is_accepted(second->course_no));
}

TEST_CASE("who left the list says so, whatever their outcome, and is told apart in what was said of them") {
  LedgerWorld world;
  world.take_members(4, 4);
  Sent sent(world);
  Fate invited = fate(Outcome::invited, 201);
  invited.participants.participant_id = R"(["p1","p2\"","p3","p4"])";
  invited.participants.participant_status = "Invited";
  invited.participants.completion_rate = "[1,null,3,4]";
  sent.settle({{{}, invited}});
  world.take({{1}, {3}});
  CHECK(world.rows("SELECT substr(spot_member_id, 36), in_list, participant_id, participant_status, completion_rate, "
                   "source_line FROM outcomes ORDER BY 1") ==
        Rows{"1|1|p1|Invited|1|2", "2|0|p2\"|Invited|-|3", "3|1|p3|Invited|3|3", "4|0|p4|Invited|4|5"});
  const Books books = books_of(world.database, world.job);
  CHECK(books.in_list() == 2);
  CHECK(books.in_list_of(Outcome::invited) == 2);
  CHECK(books.of(Outcome::invited) == 4);
  check_all(world);
  world.take({{4}, {3}, {2}, {1}});
  CHECK(world.rows("SELECT substr(spot_member_id, 36), in_list, participant_id FROM outcomes ORDER BY 1") ==
        Rows{"1|1|p1", "2|1|p2\"", "3|1|p3", "4|1|p4"});
  check_all(world);
}

TEST_CASE("who may have been invited and leaves the list is in doubt, and due again when back") {
  LedgerWorld world;
  world.take_members(3, 1);
  Sent sent(world);
  Fate lost = due_at(now + 1h, 1);
  lost.doubt = true;
  lost.quiet = true;
  sent.settle({{{}, lost}});  // an answer that was lost,
  Fate refused = due_at(now + 1h, 1);
  refused.doubt = true;
  refused.reason = Reason::refused;  // and then a 400 for the call: the doubt is none the less for it
  sent.settle({{{}, refused}});
  const std::string outcomes = "SELECT substr(spot_member_id, 36), outcome, reason, in_list FROM outcomes ORDER BY 1";
  world.take({});
  CHECK(world.rows(outcomes) == Rows{"1|in_doubt|left_list|0", "2|in_doubt|left_list|0", "3|withdrawn|left_list|0"});
  world.take_members(3, 1);
  CHECK(world.rows(outcomes) == Rows{"1|pending|-|1", "2|pending|-|1", "3|pending|-|1"});
  CHECK(world.rows("SELECT quiet, doubt FROM chunk ORDER BY ids") == Rows{"1|1", "0|1", "0|0"});
  check_all(world);
}

TEST_CASE("a list that lost most of those who are due is not believed, and the job stays as it was") {
  LedgerWorld world;
  const IntakeBrakes brakes{{}, false, "list.csv"};
  const auto read = [&](std::uint64_t from, std::uint64_t to, const IntakeBrakes& how) {
    std::vector<ListRow> rows;
    for (std::uint64_t i = from; i <= to; ++i) rows.push_back({i});
    return world.take(rows, 10, std::to_string(from) + std::to_string(to), how);
  };
  read(1, 100, brakes);
  const Rows before = world.rows("SELECT * FROM chunk");
  for (const std::string& text : {error_of([&] { read(1, 49, brakes); }), error_of([&] { read(52, 200, brakes); })}) {
    CHECK(contains(text, "65 list.csv: has shrunk: 51 of the 100 members that are not settled yet"));
    CHECK(contains(text, "--accept-shrunk"));
  }
  CHECK(contains(error_of([&] { read(1, 0, brakes); }), "65 list.csv: is empty, and had 100 members before"));
  CHECK(world.rows("SELECT * FROM chunk") == before);
  CHECK(is_read(world.database, world.job, "1100"));
  check_all(world);
  CHECK(read(1, 50, brakes).withdrawn == 50);  // no more than half
  CHECK(read(1, 31, brakes).withdrawn == 19);  // fewer than 20: a small list is its owner's business
  CHECK(read(1, 3, anything_goes).withdrawn == 28);
  Sent sent(world);
  sent.settle({{{}, fate(Outcome::invited, 201)}});
  CHECK(read(500, 501, brakes).gone > 0);  // who is settled is not withdrawn
  check_all(world);
}

TEST_CASE("who is in the list for another course has not left it") {
  LedgerWorld world;
  const IntakeBrakes brakes{{}, false, "list.csv"};
  const auto read = [&](const std::string& course, std::uint64_t from) {
    std::vector<ListRow> rows;
    for (std::uint64_t i = from; i < from + 50; ++i) rows.push_back({i, course});
    return world.take(rows, 10, course, brakes);
  };
  read("typo", 1);
  CHECK(read("right", 1).withdrawn == 50);
  check_all(world);
  CHECK(read("typo", 1).revived == 50);  // and back again
  CHECK(contains(error_of([&] { read("right", 500); }), "has shrunk: 50 of the 50"));
  // One course of another's makes up for one of theirs, and not for four.
  std::vector<ListRow> rows;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    for (const char* course : {"a", "b", "c", "d"}) rows.push_back({i, course});
  }
  world.take(rows, 10, "four", brakes);
  CHECK(contains(error_of([&] { read("e", 1); }), "has shrunk: 150 of the 200"));
}

TEST_CASE("a first list with too few rows is not taken in at all") {
  LedgerWorld world;
  CHECK(contains(error_of([&] {
                   world.take({{1}, {2}}, 10, "f", IntakeBrakes{{3}, true, "list.csv"});
                 }),
                 "65 list.csv: has 2 rows, and source.min_rows asks for 3"));
  CHECK(world.rows("SELECT * FROM chunk").empty());
  CHECK(world.take({{1}, {2}, {3}}, 10, "f", {{3}, false, "list.csv"}).added == 3);
  check_all(world);
}

TEST_CASE("a ledger belongs to the API of its first call, and a job to where it came from") {
  LedgerWorld world;
  CHECK_NOTHROW(check_api(world.database, "https://a.example"));
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://a.example"); });
  CHECK_NOTHROW(check_api(world.database, "https://a.example"));
  // Nothing was said of anybody yet: an address that was wrong may be mended.
  world.take({{1}});
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://b.example"); });
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://a.example"); });
  {  // A call is under way: what it will say is of that API.
    RunLog log(world.database, world.job, wall);
    Chunks chunks(world.database, world.job);
    world.database.write([&](Transaction& transaction) {
      const CallId call = log.begin_call(transaction, *chunks.due(transaction, now).claim(1), wall);
      CHECK_THROWS_AS(check_api(world.database, "https://b.example"), Error);
      log.end_call(transaction, call, {});
    });
  }
  CHECK_NOTHROW(check_api(world.database, "https://b.example"));
  Sent sent(world);  // whose courses are accepted
  const std::string text = error_of([&] { check_api(world.database, "http://127.0.0.1:8080"); });
  CHECK(contains(text, "78 "));
  CHECK(contains(text, "https://a.example"));
  CHECK(contains(text, "--rehearse"));
  CHECK(contains(error_of([&] { start_rehearsal(world.database, world.job); }), "not a rehearsal's"));

  keep_origin(world.database, world.job, "news", "/x/list.csv");
  CHECK_NOTHROW(keep_origin(world.database, world.job, "news", "/x/list.csv"));
  CHECK(contains(error_of([&] { keep_origin(world.database, world.job, "news", "/y/list.csv"); }), "--name NAME"));
  const JobId other = job_id(world.database, "other");
  const std::string here = world.folder.write("a.toml", "");
  keep_origin(world.database, other, "other", "/x/unreadable.xlsx");
  keep_origin(world.database, other, "other", here);  // no list was ever read: there is nobody to withdraw
  world.database.write([&] {
    world.database.handle().exec(fmt::format("UPDATE chunk SET job_id = {} WHERE job_id = {}", other, world.job));
  });
  CHECK(contains(error_of([&] { keep_origin(world.database, other, "other", "/y/a.toml"); }), "name = "));
  std::filesystem::remove(here);  // it was moved
  CHECK_NOTHROW(keep_origin(world.database, other, "other", "/y/a.toml"));
}

TEST_CASE("the most frequent troubles come first, ids and numbers aside, each with an example") {
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {4}, {5}, {0}, {0}}, 1);
  Sent sent(world);
  const auto bad = [&](Outcome outcome, Reason reason, const std::string& error) {
    Fate fate_of = fate(outcome, 400);
    fate_of.reason = reason;
    fate_of.error = error;
    sent.settle({{{}, fate_of}});
  };
  bad(Outcome::rejected, Reason::not_in_answers, "not in the answers");
  bad(Outcome::rejected, Reason::refused, "no member " + member(2).text() + " in 17");
  bad(Outcome::rejected, Reason::refused, "no member " + member(3).text() + " in 4");
  bad(Outcome::failed, Reason::timed_out, "no answer within 30 s");
  std::string text;
  for (const Trouble& trouble : troubles_of(world.database, world.job)) {
    text += fmt::format("{} {} {} ({}) line {}\n", trouble.count, trouble.outcome, name_of(trouble.reason),
                        trouble.words, trouble.source_line);
  }
  CHECK(text ==
        "2 rejected refused (no member # in #) line 3\n"
        "1 rejected not_in_answers (not in the answers) line 2\n"
        "1 failed timed_out (no answer within # s) line 5\n"
        "2 invalid not_an_id () line 7\n");
  CHECK(troubles_of(world.database, world.job, 1).size() == 3);
}

TEST_CASE("members are made due again by outcome, as if never asked but for their attempts") {
  LedgerWorld world;
  world.take_members(4, 1);
  Sent sent(world);
  Fate failed = due_at({}, 6);
  failed.outcome = Outcome::failed;
  failed.missing = 2;
  failed.quiet = true;
  sent.settle({{{}, failed}});
  sent.settle({{{}, fate(Outcome::rejected, 400)}});
  sent.settle({{{}, fate(Outcome::invited, 201)}});
  CHECK(sent.make_due({Outcome::failed}) == 1);
  CHECK(
      world.rows(
          "SELECT outcome, attempts, tries, missing, quiet, not_before, http_status, error FROM chunk ORDER BY ids") ==
      Rows{"pending|6|0|0|1|-1|-|-", "rejected|0|0|0|0|0|400|-", "invited|0|0|0|0|0|201|-", "pending|0|0|0|0|0|-|-"});
  SUBCASE("or by the run that settled them") {
    RunLog other(world.database, world.job, wall);
    CHECK(sent.make_due({Outcome::rejected}, other.run()) == 0);
    CHECK(sent.make_due({Outcome::rejected}, sent.log.run()) == 1);
  }
  check_all(world);
}

TEST_CASE("due chunks are packed anew, settled ones and those that wait stay") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "a"}, {5, "a"}, {6, "a"}, {7, "a"}, {1, "b"}, {2, "b"}}, 2);
  Sent sent(world);
  sent.settle({{{0}, fate(Outcome::invited, 201)}, {{1}, due_at(now + 1h, 1)}});
  sent.repack(3);
  CHECK(world.rows("SELECT course_id, outcome, count(*) FROM outcomes GROUP BY 1, 2 ORDER BY 1, 2") ==
        Rows{"a|invited|1", "a|pending|6", "b|pending|2"});
  CHECK(world.rows("SELECT size FROM chunk WHERE outcome = 'pending' AND not_before = 0 ORDER BY course_no, ids") ==
        Rows{"3", "2", "2"});
  check_all(world);
  sent.repack(1);
  CHECK(world.rows("SELECT count(*), max(size) FROM chunk") == Rows{"9|1"});
  sent.repack(100);
  CHECK(world.rows("SELECT count(*) FROM chunk WHERE outcome = 'pending' AND not_before = 0") == Rows{"2"});
  check_all(world);
  Rows lines;
  for (int number = 1; number <= 7; ++number) lines.push_back(fmt::format("{}|{}", number, number + 1));
  CHECK(world.rows("SELECT substr(spot_member_id, 36), source_line FROM outcomes WHERE course_id = 'a' ORDER BY 1") ==
        lines);
}

TEST_CASE("who waits, for a pause that costs no try, say, is not packed with who does not") {
  LedgerWorld world;
  world.take_members(4, 2);
  Sent sent(world);
  Fate paused;
  paused.not_before = now + 1h;
  sent.settle({{{}, paused}});
  sent.repack(10);
  CHECK(world.rows("SELECT size, not_before > 0 FROM chunk ORDER BY 2") == Rows{"2|0", "2|1"});
}

TEST_CASE("lines are kept as a JSON array and read back") {
  for (const std::vector<std::uint64_t>& lines :
       std::vector<std::vector<std::uint64_t>>{{1}, {1, 2, 3}, {9'007'199'254'740'993, 1}, {4'000'000'000}}) {
    CHECK(decode_lines(encode_lines(lines)) == lines);
  }
  CHECK(encode_lines({7, 8, 12}) == "[7,8,12]");
}

// ---- Runs and calls.

TEST_CASE("calls that a dead process left open are found by the next run, and closed as interrupted") {
  LedgerWorld world;
  world.take_members(2, 1);
  RunId dead = 0;
  {
    Sent sent(world);
    dead = sent.log.run();
    world.database.write([&](Transaction& transaction) {
      sent.log.begin_call(transaction, *sent.chunks.due(transaction, now).claim(1), wall);
      CHECK(sent.log.open_calls().empty());  // its own are not lost
    });
  }
  Sent next(world);
  const auto open = next.log.open_calls();
  REQUIRE(open.size() == 1);
  CHECK(next.chunks.read(open[0].chunk).ids == members(1));
  world.database.write([&](Transaction& transaction) { next.log.close_interrupted(transaction, open[0].call); });
  CHECK(next.log.open_calls().empty());
  CHECK(world.rows("SELECT error, latency_ms, http_status FROM calls") == Rows{"convoke ended before the answer|-|-"});
  CHECK(world.rows(fmt::format("SELECT stopped_by, exit_code, ended_at IS NULL FROM runs WHERE run_id = {}", dead)) ==
        Rows{"killed|-|0"});
  CHECK_THROWS_AS(next.chunks.read(4711), Error);
}

TEST_CASE("a call that never went out leaves no trace") {
  LedgerWorld world;
  world.take_members(1);
  Sent sent(world);
  const auto chunk = sent.claim();
  world.database.write([&](Transaction& transaction) {
    const CallId call = sent.log.begin_call(transaction, *chunk, wall);
    sent.log.cancel_call(transaction, call, *chunk);
  });
  CHECK(sent.log.counts().calls == 0);
  CHECK(world.rows("SELECT count(*) FROM calls") == Rows{"0"});
}

TEST_CASE("a run's row has its counts and, at its end, the reading's") {
  LedgerWorld world;
  world.take({{1}, {1}, {0}});
  Sent sent(world);
  world.database.write([&](Transaction& transaction) {
    sent.log.count(Outcome::invited, 5);
    sent.log.count(Outcome::rejected, 2);
    sent.log.uncount(Outcome::rejected, 1);
    sent.log.count(Outcome::pending, 9);
    sent.log.end(transaction, 75, "signal", "interrupted", wall + 1500ms);
  });
  CHECK(sent.log.counts().handled() == 6);
  CHECK(world.rows("SELECT * FROM runs") ==
        Rows{"1|news|2023-11-14T22:13:20.000Z|2023-11-14T22:13:21.500Z|75|signal|interrupted|3|1|1|5|0|1|0|0|0|0"});
}

TEST_CASE("the views have the columns that people rely on, in that order") {
  LedgerWorld world;
  const auto columns = [&](const std::string& view) {
    return world.rows("SELECT group_concat(name, ', ') FROM pragma_table_info('" + view + "')");
  };
  const std::string outcomes =
      "job, course_id, spot_member_id, outcome, reason, http_status, error, attempts, participant_id, "
      "participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at, completion_rate, "
      "source_line, in_list, run_id, updated_at";
  CHECK(columns("outcomes") == Rows{outcomes});
  CHECK(columns("invalid_rows") == Rows{"job, source_line, value, reason"});
  CHECK(
      columns("runs") ==
      Rows{
          "run_id, job, started_at, ended_at, exit_code, stopped_by, message, rows_read, invalid, duplicates, invited, "
          "already_invited, rejected, failed, in_doubt, calls, retries"});
  CHECK(columns("calls") ==
        Rows{"call_id, run_id, job, course_id, sent_at, latency_ms, http_status, error, members, reason"});

  show_profiles(world.database);
  show_profiles(world.database);
  CHECK(columns("outcomes") == Rows{outcomes + ", participant_profile"});
  world.take_members(2);
  Sent sent(world);
  Fate invited = fate(Outcome::invited, 201);
  invited.participants.profile = R"([{"spotMemberEmail":"a@x"},{"spotMemberEmail":"b@x"}])";
  sent.settle({{{}, invited}});
  CHECK(world.rows("SELECT participant_profile FROM outcomes ORDER BY spot_member_id") ==
        Rows{R"({"spotMemberEmail":"a@x"})", R"({"spotMemberEmail":"b@x"})"});
}

TEST_CASE("a call's row says when, how long, and what came of it") {
  LedgerWorld world;
  world.take_members(3);
  Sent sent(world);
  sent.settle({{{}, due_at(now, 1)}});
  CHECK(world.rows("SELECT * FROM calls") == Rows{"1|1|news|c1|2023-11-14T22:13:20.000Z|50|503|HTTP 503|3|-"});
}

TEST_CASE("a member's story has its line, chunk, outcome and every call for it") {
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {2, "c2"}});
  Sent sent(world);
  sent.settle({{{}, due_at(now - 1s, 1)}});
  sent.settle({{{1}, fate(Outcome::rejected, 400)}, {{0, 2}, fate(Outcome::invited, 201)}});
  const auto stories = story_of(world.database, world.job, member(2));
  REQUIRE(stories.size() == 2);
  CHECK(stories[0].course_id == "c1");
  CHECK(stories[0].outcome == "rejected");
  CHECK(stories[0].source_line == 3);
  CHECK(stories[0].chunk_size == 1);
  REQUIRE(stories[0].calls.size() == 2);
  CHECK(stories[0].calls[0].http_status == 503);
  CHECK(stories[0].calls[1].http_status == 400);
  CHECK(stories[0].calls[1].members == 3);
  CHECK(stories[1].outcome == "pending");
  CHECK(stories[1].calls.empty());
  CHECK(story_of(world.database, world.job, member(9)).empty());
  // The bytes of two ids side by side may hold a third.
  LedgerWorld tricky;
  const std::string left = "00000000-0000-0000-0000-0000000000aa";
  const std::string right = "bb000000-0000-0000-0000-000000000000";
  const auto between = *MemberId::parse("aabb0000-0000-0000-0000-000000000000");
  tricky.take_made(MadeRows({{2, left}, {3, right}}));
  CHECK(story_of(tricky.database, tricky.job, between).empty());
  CHECK(story_of(tricky.database, tricky.job, *MemberId::parse(right)).size() == 1);
}

// What an API might have said of each member, in a ledger whose chunks are of this size.
void tell_of_members(LedgerWorld& world, std::uint64_t members, int chunk_size) {
  world.take_members(members, chunk_size);
  world.database.handle().exec(
      "UPDATE chunk SET participant_status = 'Invited', started_at = 'then', "
      "participant_id = (SELECT json_group_array('p\"' || value) FROM json_each(lines)), "
      "completed_at = (SELECT json_group_array(iif(value % 3 = 0, 'at ' || value, NULL)) FROM json_each(lines)), "
      "completion_rate = (SELECT json_group_array(value % 101) FROM json_each(lines)), "
      "profile = (SELECT json_group_array(json_object('spotMemberEmail', value || '@x')) FROM json_each(lines))");
}

TEST_CASE("the view shows the same of a member, however large the chunk") {
  const auto rows_of_chunks = [](int chunk_size) {
    LedgerWorld world;
    tell_of_members(world, 777, chunk_size);
    return world.rows(
        "SELECT spot_member_id, outcome, participant_id, participant_status, invited_at, started_at, completed_at, "
        "completion_rate, typeof(completion_rate), source_line, in_list, participant_profile FROM outcomes_of_chunks "
        "ORDER BY spot_member_id");
  };
  const Rows in_small = rows_of_chunks(100);
  CHECK(in_small.size() == 777);
  CHECK(in_small[1].find("|pending|p\"3|Invited|-|then|at 3|3|integer|3|1|{\"spotMemberEmail\":\"3@x\"}") !=
        std::string::npos);
  CHECK(rows_of_chunks(777) == in_small);
  CHECK(rows_of_chunks(500) == in_small);
}

TEST_CASE("a row costs about the same in a chunk of 10,000") {
  const auto cost = [](int chunk_size) {
    LedgerWorld world;
    tell_of_members(world, 10'000, chunk_size);
    const std::clock_t begin = std::clock();
    export_outcomes(world.database, world.job, {}, Gone::with, ExportFormat::csv, [](const std::string&) {});
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  // Two to three times, in a release; what is quadratic is hundreds of times.
  CHECK(cost(10'000) < 15 * cost(100) + 0.2);
}

TEST_CASE("an export is the view, as CSV that no spreadsheet runs, or as JSON lines") {
  LedgerWorld world;
  world.take_members(2);
  Sent sent(world);
  Fate rejected = fate(Outcome::rejected, 400);
  rejected.error = "=cmd(\"x\"), no";
  sent.settle({{{0}, rejected}, {{1}, fate(Outcome::invited, 201)}});
  const auto text = [&](const std::vector<Outcome>& outcomes, ExportFormat format) {
    std::string all;
    export_outcomes(world.database, world.job, outcomes, Gone::without, format,
                    [&](const std::string& piece) { all += piece; });
    return all;
  };
  const std::string csv = text({}, ExportFormat::csv);
  CHECK(csv.starts_with("job,course_id,spot_member_id,outcome,"));
  CHECK(contains(csv, "rejected,,400,\"'=cmd(\"\"x\"\"), no\",0,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
  const std::string jsonl = text({Outcome::rejected}, ExportFormat::jsonl);
  CHECK(contains(jsonl,
                 R"("outcome":"rejected","reason":null,"http_status":400,"error":"=cmd(\"x\"), no","attempts":0,)"));
  CHECK(std::count(jsonl.begin(), jsonl.end(), '\n') == 1);
  CHECK(text({Outcome::failed}, ExportFormat::jsonl).empty());
}

// ---- Books.

TEST_CASE("the schema sees to it that a chunk holds the members it counts") {
  for (const std::string change :
       {"UPDATE chunk SET size = size + 1", "UPDATE chunk SET ids = substr(ids, 17) WHERE chunk_id = 1",
        "UPDATE chunk SET lines = '[2]' WHERE chunk_id = 1", "UPDATE chunk SET lines = '[2,3,4]' WHERE chunk_id = 1",
        "UPDATE chunk SET lines = '{\"2\":3}'", "UPDATE chunk SET lines = '2'", "UPDATE chunk SET lines = '[2,3'",
        "UPDATE chunk SET lines = ''"}) {
    CAPTURE(change);
    LedgerWorld world;
    world.take({{1}, {2}, {3}, {0}, {1}}, 2);
    CHECK_THROWS_AS(world.database.handle().exec(change), SQLite::Exception);
  }
}

TEST_CASE("lines that a hand has made fewer than the members are a damaged ledger, and never read beyond") {
  for (const std::string lines : {"[]", "[2]", "[2,3]", "", "x", "[", "[[2,3,4,5],6]"}) {
    CAPTURE(lines);
    LedgerWorld world;
    world.take_members(3);
    world.database.handle().exec("PRAGMA ignore_check_constraints = 1");
    world.database.handle().exec("UPDATE chunk SET lines = '" + lines + "'");
    const std::string damaged = "74 " + world.path + ": the ledger is damaged: chunk 1 has 3 members and";
    Sent sent(world);
    CHECK(error_of([&] { sent.claim(1); }).starts_with(damaged));
    CHECK(error_of([&] {
            sent.settle({{{0}, fate(Outcome::invited, 201)}, {{1, 2}, due_at(now, 1)}});
          }).starts_with(damaged));
    CHECK(error_of([&] { sent.repack(2); }).starts_with(damaged));
    CHECK(error_of([&] { world.take_members(2); }).starts_with(damaged));
  }
}

TEST_CASE("an outcome that is none, and a chunk that is not there, are a damaged ledger") {
  LedgerWorld world;
  world.take_members(3);
  world.database.handle().exec("UPDATE chunk SET outcome = 'lost' WHERE chunk_id = 1");
  const std::string damaged = "74 " + world.path + ": the ledger is damaged: ";
  CHECK(error_of([&] { books_of(world.database, world.job); }).starts_with(damaged + "an outcome in it is none"));
  Sent sent(world);
  CHECK(error_of([&] { sent.chunks.read(9); }).starts_with(damaged + "chunk 9 is not in it"));
}

TEST_CASE("books that were tampered with are a defect, with the numbers") {
  for (const std::string change : {"UPDATE job SET rows_read = rows_read + 1", "UPDATE job SET invalid = 0",
                                   "UPDATE job SET duplicates = 5", "DELETE FROM chunk WHERE chunk_id = 1"}) {
    CAPTURE(change);
    LedgerWorld world;
    world.take({{1}, {2}, {3}, {0}, {1}}, 2);
    check_books(world.database, world.job);
    world.database.handle().exec(change);
    const std::string error = error_of([&] { check_books(world.database, world.job); });
    CHECK(error.starts_with("70 " + world.path));
  }
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {0}, {1}});
  world.database.handle().exec("UPDATE job SET rows_read = 9");
  CHECK(contains(error_of([&] { check_books(world.database, world.job); }),
                 "9 rows read, but 3 members in the list + 1 duplicates + 1 invalid rows"));
}

// ---- The file.

TEST_CASE("a ledger says what it is, and is opened again as it was") {
  LedgerWorld world;
  CHECK(world.rows("PRAGMA user_version") == Rows{"3"});
  CHECK(world.rows("PRAGMA journal_mode") == Rows{"wal"});
  Database durable = Database::open(world.path);
  CHECK(durable.handle().execAndGet("PRAGMA synchronous").getInt() == 2);
  CHECK(find_job(durable, "news") == world.job);
}

TEST_CASE("a file of calls that cannot be written over stays as it was") {
  const LedgerWorld world;
  CallsFile calls(world.database.file());
  calls.begin({std::string(32, 'a'), 7, WallTime{}});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &none);
  CHECK_THROWS_AS(calls.begin({std::string(32, 'b'), 9, WallTime{}}), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE(calls.read());
  CHECK(calls.read()->calls == 7);
}

TEST_CASE("what is no ledger of ours is refused, and left as it was") {
  const TempFolder folder;
  const auto bytes = [&](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto made_by = [&](const std::string& name, const std::string& sql) {
    const std::string path = folder.file(name);
    SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
    return path;
  };
  struct Row {
    std::string what;
    std::string path;
    std::string error;
  };
  const std::string newer = folder.file("newer.db");
  Database::open(newer).handle().exec("PRAGMA user_version = 99");
  for (const Row& row : std::vector<Row>{
           {"a newer one", newer, "78"},
           {"another's", made_by("crm.db", "CREATE TABLE contact (id); INSERT INTO contact VALUES (1)"), "74"},
           {"another's with a version", made_by("app.db", "CREATE TABLE contact (id); PRAGMA user_version = 1"), "74"},
           {"another's with a high version", made_by("big.db", "CREATE TABLE contact (id); PRAGMA user_version = 9"),
            "74"},
           {"text", folder.write("text.db", "id,name\n" + std::string(5000, 'x')), "74"},
           {"a broken head", folder.write("broken.db", "SQLite format 3" + std::string(5000, '\1')), "74"}}) {
    CAPTURE(row.what);
    const std::string before = bytes(row.path);
    const std::string to_write = error_of([&] { Database::open(row.path); });
    CHECK(to_write.starts_with(row.error + " " + row.path + ": "));
    const std::string to_read = error_of([&] { Database::open_to_read(row.path); });
    CHECK(to_read.starts_with(row.error + " " + row.path + ": "));
    CHECK(to_read.size() > to_read.find(" | ") + 3);  // with a hint
    CHECK(bytes(row.path) == before);
  }
  CHECK(error_of([&] { Database::open(folder.file("none/ledger.db")); }).starts_with("74 "));
  CHECK(error_of([&] { Database::open(folder.path()); }).starts_with("74 "));
  CHECK(error_of([&] { Database::open_to_read(folder.file("none.db")); }).starts_with("66 "));
  CHECK_FALSE(std::filesystem::exists(folder.file("none.db")));
}

TEST_CASE("a ledger damaged in its middle is a failure of the disk, not a defect of ours") {
  LedgerWorld world;
  world.take_members(5000, 10);
  world.database.handle().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = std::filesystem::file_size(world.path);
  {
    std::fstream file(world.path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t at = 8192; at + 100 < size; at += 4096) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(100, '\xA5');
    }
  }
  const std::string error = error_of([&] {
    Database again = Database::open(world.path);
    again.read([&] { check_books(again, world.job); });
    again.write([&](Transaction& transaction) {
      Chunks chunks(again, world.job);
      while (chunks.due(transaction, now).claim(100)) {
      }
    });
  });
  CHECK(error.starts_with("74 "));
  CHECK(contains(error, "restore it from a backup"));
}

TEST_CASE("reading leaves the ledger as it is, and waits for nobody") {
  LedgerWorld world;
  world.take_members(100);
  world.database.handle().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto bytes = [&] {
    std::ifstream file(world.path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = bytes();
  Database reader = Database::open_to_read(world.path);
  world.database.handle().exec("BEGIN IMMEDIATE");
  reader.read([&] { CHECK(books_of(reader, world.job).all_members() == 100); });
  world.database.handle().exec("ROLLBACK");
  CHECK(error_of([&] { reader.write([&] { reader.handle().exec("DELETE FROM chunk"); }); }).starts_with("7"));
  CHECK(bytes() == before);
}

TEST_CASE("a group of changes is on disk whole or not at all") {
  LedgerWorld world;
  struct Stop {};
  CHECK_THROWS_AS(world.database.write([&] {
    world.database.handle().exec("UPDATE job SET rows_read = 77");
    throw Stop();
  }),
                  Stop);
  CHECK(world.rows("SELECT rows_read FROM job") == Rows{"0"});
  // Statements that are wrong are our fault, and say so.
  CHECK(error_of([&] {
          world.database.write([&] { world.database.handle().exec("UPDATE nothing SET x = 1"); });
        }).starts_with("70 "));
  world.database.write([&] { world.database.handle().exec("UPDATE job SET rows_read = 0"); });  // and it works on
}

TEST_CASE("one holder of a job's lock at a time, within a process and between two") {
  LedgerWorld world;
  const LedgerFile& ours = world.database.file();
  const LedgerFile other(world.path, LedgerFile::Access::write);
  CHECK_FALSE(JobLock::is_held(ours, 1));
  {
    const auto lock = JobLock::take(other, 1);
    REQUIRE(lock);
    CHECK_FALSE(JobLock::take(ours, 1));
    CHECK(JobLock::is_held(ours, 1));
    CHECK(JobLock::is_any_held(ours));
    CHECK_FALSE(JobLock::is_held(ours, 2));
    CHECK(JobLock::take(ours, 2));  // another job
  }
  CHECK_FALSE(JobLock::is_held(ours, 1));
  CHECK_FALSE(JobLock::is_any_held(ours));

  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const LedgerFile file(world.path, LedgerFile::Access::write);
    const auto lock = JobLock::take(file, 1);
    const char held = lock ? 'y' : 'n';
    if (::write(ready[1], &held, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char held = 0;
  REQUIRE(::read(ready[0], &held, 1) == 1);
  CHECK(held == 'y');
  CHECK_FALSE(JobLock::take(ours, 1));
  CHECK(JobLock::is_held(ours, 1));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(JobLock::is_held(ours, 1));
  CHECK(JobLock::take(ours, 1));  // it died with its holder
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("the lock of an older convoke, on a file beside the ledger, is kept to while there is such a file") {
  LedgerWorld world;
  const std::string old_path = world.path + "-locks";
  CHECK(JobLock::take(world.database.file(), 1));
  CHECK_FALSE(std::filesystem::exists(old_path));
  const int old_file = ::open(old_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(old_file >= 0);
  struct flock byte {};
  byte.l_type = F_WRLCK;
  byte.l_start = 1;
  byte.l_len = 1;
  {
    const auto lock = JobLock::take(world.database.file(), 1);
    CHECK(lock);
    CHECK(::fcntl(old_file, F_OFD_SETLK, &byte) != 0);  // the older one does not get it
  }
  REQUIRE(::fcntl(old_file, F_OFD_SETLK, &byte) == 0);
  CHECK_FALSE(JobLock::take(world.database.file(), 1));
  CHECK(JobLock::is_held(world.database.file(), 1));
  CHECK(JobLock::take(world.database.file(), 2));
  ::close(old_file);
}

TEST_CASE("a ledger is made for its owner alone, and through no link that somebody laid out") {
  const TempFolder folder;
  const std::string path = folder.file("ledger.db");
  const mode_t before = ::umask(0);
  const Database database = Database::open(path);
  ::umask(before);
  for (const char* file : {"", "-wal", "-shm"}) {
    CAPTURE(file);
    const auto mode = std::filesystem::status(path + file).permissions();
    CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  }
  std::filesystem::create_symlink(folder.file("elsewhere.db"), folder.file("link.db"));
  CHECK(error_of([&] { Database::open(folder.file("link.db")); }).starts_with("74 "));
  CHECK_FALSE(std::filesystem::exists(folder.file("elsewhere.db")));
  std::filesystem::create_symlink(path, folder.file("other.db"));
  Database::open_to_read(folder.file("other.db"));  // a link to a ledger is a ledger
}

TEST_CASE("a ledger that has another name is refused: each name would have a log of its own") {
  LedgerWorld world;
  std::filesystem::create_hard_link(world.path, world.folder.file("other.db"));
  for (const std::string& path : {world.path, world.folder.file("other.db")}) {
    CHECK(contains(error_of([&] { Database::open(path); }), "78 "));
    CHECK(contains(error_of([&] { Database::open_to_read(path); }), "hard links"));
  }
  const auto lock = JobLock::take(world.database.file(), world.job);
  CHECK(error_of([&] { Database::open(world.folder.file("other.db")); }).starts_with("75 "));  // it is the same ledger
}

TEST_CASE("what is written to a ledger that is no longer in its place is an error, its log included") {
  for (const char* file : {"", "-wal", "-shm"}) {
    for (const bool is_replaced : {false, true}) {
      CAPTURE(file);
      CAPTURE(is_replaced);
      LedgerWorld world;
      world.database.write([] {});
      std::filesystem::rename(world.path + file, world.folder.file("moved"));
      if (is_replaced) std::filesystem::copy_file(world.folder.file("moved"), world.path + file);
      const std::string error = error_of([&] { world.database.write([] {}); });
      CHECK(error.starts_with("74 "));
      CHECK(contains(error, "moved, replaced or removed"));
      std::filesystem::rename(world.folder.file("moved"), world.path + file);
      world.database.write([] {});
    }
  }
}
