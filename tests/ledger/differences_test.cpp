// A list that changed: who is new, who moved to another line, who left and who is back, and what is kept of each.
#include "ledger/differences.h"

#include <doctest/doctest.h>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

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
  Fate lost = due_at(ledger_now + 1h, 4);
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
  Fate lost = due_at(ledger_now + 1h, 1);
  lost.doubt = true;
  lost.quiet = true;
  sent.settle({{{}, lost}});  // an answer that was lost,
  Fate refused = due_at(ledger_now + 1h, 1);
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
