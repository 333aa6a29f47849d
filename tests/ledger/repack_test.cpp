// Due chunks packed anew.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("due chunks are packed anew, settled ones and those that wait stay") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "a"}, {5, "a"}, {6, "a"}, {7, "a"}, {1, "b"}, {2, "b"}}, 2);
  Sent sent(world);
  sent.settle({{{0}, fate(Outcome::invited, 201)}, {{1}, due_at(ledger_now + 1h, 1)}});
  sent.repack(3);
  CHECK(world.rows("SELECT course_id, outcome, count(*) FROM outcomes GROUP BY 1, 2 ORDER BY 1, 2") ==
        Rows{"a|invited|1", "a|pending|6", "b|pending|2"});
  CHECK(world.rows("SELECT size FROM chunk WHERE outcome = 'pending' AND not_before = 0 ORDER BY target_no, ids") ==
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
  world.take_members(6, 2);
  Sent sent(world);
  Fate paused;
  paused.not_before = ledger_now + 1h;
  sent.settle({{{}, paused}});
  sent.settle({{{}, paused}});
  sent.repack(10);
  CHECK(world.rows("SELECT size, not_before > 0 FROM chunk ORDER BY 2") == Rows{"2|0", "2|1", "2|1"});
}
