// What the API lists of a course, held against the ledger: read page by page, and written all at once.
#include "ledger/verification.h"

#include "calls_by_hand.h"

using namespace convoke;

namespace {

// A list of six that was run, and is being verified by hand.
struct VerifyWorld {
  LedgerWorld ledger;
  Sent sent{(ledger.take_members(6), ledger)};
  Pages pages{ledger.database, ledger.job, sent.chunks};
  std::vector<std::string> told;

  VerifyWorld() {
    Fate failed = fate(Outcome::failed, 503);
    failed.attempts = 6;
    sent.settle({{{0, 1, 2, 3}, fate(Outcome::invited, 201)}, {{4}, failed}, {{5}, fate(Outcome::rejected, 400)}});
  }
  void begin() {
    ledger.database.write(
        [&](Transaction& transaction) { pages.ask_participants(transaction, sent.log.run(), wall_now); });
  }
  // What is asked for next is answered with these members, in this status.
  void answer(const std::vector<std::uint64_t>& members, std::int64_t total, const std::string& status = "Invited") {
    const auto turn = sent.claim();
    REQUIRE(turn);
    CHECK(turn->ids.empty());
    Page page;
    page.total = total;
    page.entries = static_cast<std::int64_t>(members.size());
    page.mark = members.empty() ? 0 : members.front();
    for (const auto number : members) {
      page.participants.push_back(
          {member(number), fmt::format(R"(["p{}","{}",null,null,null,null,null,0])", number, status)});
    }
    ledger.database.write([&](Transaction& transaction) {
      sent.chunks.record(transaction, *turn, {{{}, Fate::due({})}}, sent.log.run(), wall_now);
      pages.record(transaction, *turn, page, wall_now);
    });
  }
  Verification held() {
    return {ledger.database, ledger.job, sent.chunks, pages.listings(), ledger.folder.path(), wall_now};
  }
  CourseSeen write() {
    told.clear();
    Verification verification = held();
    return ledger.database.write([&](Transaction& transaction) {
      pages.end(transaction);
      auto courses = verification.write(transaction, [&](const Seen& seen) {
        told.push_back(fmt::format("{} {}", seen.member.text().substr(34), static_cast<int>(seen.is)));
      });
      pages.forget_read(transaction);
      check_books(ledger.database, ledger.job);
      return courses.at(0);
    });
  }
  Rows outcomes() {
    return ledger.rows(
        "SELECT substr(spot_member_id, 36), outcome, participant_status, participant_id FROM outcomes ORDER BY 1");
  }
};

}  // namespace

TEST_CASE("who is there is invited, in the status they have; who is not is told of, and stays as the ledger has him") {
  VerifyWorld world;
  world.begin();
  world.answer({1, 2, 3, 5, 6, 9}, 6);
  CHECK(!world.sent.claim());  // all is read
  const CourseSeen seen = world.write();
  CHECK(seen.is_sure);
  CHECK(seen.participants == 6);
  CHECK(seen.as_known == 3);
  CHECK(seen.settled == 2);
  CHECK(seen.absent == 1);
  CHECK(seen.extra == 1);
  CHECK(world.outcomes() == Rows{"1|invited|Invited|p1", "2|invited|Invited|p2", "3|invited|Invited|p3",
                                 "4|invited|-|-", "5|invited|Invited|p5", "6|invited|Invited|p6"});
  std::sort(world.told.begin(), world.told.end());
  CHECK(world.told == std::vector<std::string>{"01 0", "02 0", "03 0", "04 3", "05 2", "06 2", "09 4"});
  CHECK(world.ledger.rows("SELECT count(*) FROM participant") == Rows{"0"});
  CHECK(world.ledger.rows("SELECT count(*) FROM chunk WHERE size = 0") == Rows{"0"});

  // Again, some of them in another status: that is what changed.
  world.begin();
  world.answer({1, 2, 3, 5, 6}, 5, "Completed");
  const CourseSeen later = world.write();
  CHECK(later.changed == 5);
  CHECK(later.statuses == std::map<std::string, std::int64_t>{{"Completed", 5}});
  CHECK(world.outcomes()[0] == "1|invited|Completed|p1");
  CHECK(world.ledger.rows("SELECT DISTINCT attempts FROM outcomes WHERE spot_member_id LIKE '%5'") == Rows{"6"});
}

TEST_CASE("what a process that is no more had read is gone on with, unless the job ran since") {
  VerifyWorld world;
  world.begin();
  world.answer({1, 2}, 4);
  {
    Chunks chunks(world.ledger.database, world.ledger.job);
    Pages pages(world.ledger.database, world.ledger.job, chunks);
    world.ledger.database.write([&](Transaction& transaction) {
      pages.forget_asked(transaction);
      pages.ask_participants(transaction, 2, wall_now);
    });
    const auto listings = pages.listings();
    REQUIRE(listings.size() == 1);
    CHECK(listings[0].paging.asked.number == 1);
    CHECK(listings[0].paging.read == 2);
    CHECK(listings[0].paging.total == 4);
  }
  const RunLog run(world.ledger.database, world.ledger.job, wall_now);
  Chunks chunks(world.ledger.database, world.ledger.job);
  Pages pages(world.ledger.database, world.ledger.job, chunks);
  world.ledger.database.write([&](Transaction& transaction) {
    pages.forget_asked(transaction);
    pages.ask_participants(transaction, 3, wall_now);
  });
  CHECK(pages.listings().at(0).paging.read == 0);
  CHECK(world.ledger.rows("SELECT count(*) FROM participant") == Rows{"0"});
}

TEST_CASE("a list that moved is unsure; the last time that it rested counts alone, else whoever was seen at all") {
  VerifyWorld world;
  world.begin();
  world.answer({1, 2}, 4);
  world.answer({3, 9}, 5);
  world.answer({8}, 5);
  auto unsure = world.held().unsure();
  REQUIRE(unsure.size() == 1);
  const auto again = [&] {
    world.ledger.database.write([&](Transaction& transaction) {
      world.pages.end(transaction);
      world.pages.ask_again(transaction, unsure, wall_now);
    });
  };
  SUBCASE("it rests") {
    again();
    world.answer({1, 2, 3, 8}, 4);
    CHECK(world.held().unsure().empty());
    const CourseSeen seen = world.write();
    CHECK(seen.is_sure);
    CHECK(seen.participants == 4);
    CHECK(seen.extra == 1);
    CHECK(seen.absent == 1);
    CHECK(seen.passes == 2);
  }
  SUBCASE("it never does") {
    for (int pass = 2; pass <= 3; ++pass) {
      again();
      world.answer({1, 2}, 4);
      world.answer({4, 9}, 5);
      world.answer({}, 5);
    }
    CHECK(world.held().unsure().empty());  // three times is enough
    const CourseSeen seen = world.write();
    CHECK(!seen.is_sure);
    CHECK(seen.participants == 6);
    CHECK(seen.absent == 0);
    CHECK(seen.extra == 2);
  }
}

TEST_CASE("while lists are read nothing else of the job is claimed, and afterwards all of it is") {
  LedgerWorld ledger;
  ledger.take_members(3);
  Sent sent(ledger);
  Pages pages(ledger.database, ledger.job, sent.chunks);
  ledger.database.write([&](Transaction& transaction) { pages.ask_courses(transaction, {"C1", "c2"}); });
  const auto turn = sent.claim();
  REQUIRE(turn);
  CHECK(turn->ids.empty());
  CHECK(!sent.claim());
  Page page;
  page.entries = 2;
  page.total = 2;
  page.courses = {{"c1", "Draft"}, {"x", "Published"}};
  ledger.database.write([&](Transaction& transaction) {
    sent.chunks.record(transaction, *turn, {{{}, Fate::due({})}}, sent.log.run(), wall_now);
    pages.record(transaction, *turn, page, wall_now);
    pages.end(transaction);
  });
  const auto states = pages.search().states();
  REQUIRE(states.size() == 2);
  CHECK(states[0].course == "C1");
  CHECK(states[0].is == CourseState::Is::draft);
  CHECK(states[1].is == CourseState::Is::missing);
  const auto members = sent.claim();
  REQUIRE(members);
  CHECK(members->ids.size() == 3);
}
