// Addresses in the ledger: known by a hash, turned into members, each of them once.
#include "calls_by_hand.h"
#include "ledger/address_texts.h"
#include "ledger/listed_members.h"
#include "ledger_world.h"
#include "run/batch_size.h"

using namespace convoke;

namespace {

constexpr const char* ann = "ann@example.org";
constexpr const char* bob = "bob@example.org";
constexpr const char* eve = "eve@example.org";

// A list with addresses: read, and looked up by hand.
struct AddressWorld {
  LedgerWorld ledger;
  Chunks chunks{ledger.database, ledger.job};
  Resolution resolution{ledger.database, ledger.job, chunks};

  Reading take(std::vector<MadeRow> rows) {
    MadeRows source(std::move(rows));
    MemberList list(source, {});
    resolution.begin(100);
    return take_in(ledger.database, ledger.job, list, resolution, 100, anything_goes, "f", WallTime{}).value();
  }
  // The one chunk of addresses that is due, and who they turn out to be.
  template <class Who>
  std::vector<std::string> resolve(const Who& who) {
    std::vector<std::string> asked;
    ledger.database.write([&](Transaction& transaction) {
      const auto chunk = chunks.due(transaction, ledger_now).claim({100, 100});
      REQUIRE(chunk);
      REQUIRE(chunks.target(chunk->target_no).step == Step::look_up);
      asked = resolution.addresses(*chunk);
      std::vector<MemberId> members;
      for (const std::string& address : asked) members.push_back(who(address));
      chunks.put_back(chunk->id);
      resolution.settle(transaction, chunk->id, members, 100);
    });
    return asked;
  }
  Rows outcomes() {
    check_books(ledger.database, ledger.job);
    return ledger.rows(
        "SELECT ifnull(substr(spot_member_id, 34), '-'), outcome, source_line, in_list FROM outcomes "
        "ORDER BY source_line, 1");
  }
};

const auto by_name = [](const std::string& address) { return member(address == ann ? 1 : address == bob ? 2 : 3); };

}  // namespace

TEST_CASE("an address is known by a hash of the ledger's own, which no other ledger has") {
  LedgerWorld world;
  AddressBook book(&world.database);
  CHECK(book.key_of(ann) == AddressBook(&world.database).key_of(ann));
  CHECK(book.key_of(ann) != book.key_of(bob));
  LedgerWorld other;
  CHECK(book.key_of(ann) != AddressBook(&other.database).key_of(ann));
  CHECK_FALSE(book.find(book.key_of(ann)));
  world.database.write([&](Transaction& transaction) { book.note(transaction, book.key_of(ann), member(7)); });
  CHECK(book.find(book.key_of(ann)) == member(7));
  CHECK(AddressBook(&world.database).find(book.key_of(ann)) == member(7));
  CHECK_FALSE(AddressBook(nullptr).find(book.key_of(ann)));
}

TEST_CASE("what the API takes at once only ever becomes less, and the next run knows it") {
  LedgerWorld world;
  AddressBook book(&world.database);
  CHECK(book.batch() == 100);
  world.database.write([&](Transaction& transaction) {
    book.set_batch(transaction, 25);
    book.set_batch(transaction, 50);
  });
  CHECK(book.batch() == 25);
  CHECK(AddressBook(&world.database).batch() == 25);
}

TEST_CASE("addresses are found by their lines, whatever stands between them") {
  TempFolder folder;
  AddressTexts texts(folder.path());
  const std::string longest(254, 'x');
  for (std::uint64_t line = 2; line < 200'000; line += 3)
    texts.add(line, line == 50'000 ? longest : std::to_string(line));
  texts.end_adding();
  CHECK(texts.at(2) == "2");
  CHECK(texts.at(50'000) == longest);
  CHECK(texts.at(199'997) == "199997");
  CHECK_FALSE(texts.at(0));
  CHECK_FALSE(texts.at(3));
  CHECK_FALSE(texts.at(199'998));
  CHECK_FALSE(texts.at(1'000'000));
}

TEST_CASE("members are told apart by all of their ids and by their targets, however alike they are") {
  ListedMembers listed;
  MemberId high = member(1);
  high.bytes[0] = 0x80;
  MemberId low_bit = member(1);
  low_bit.bytes[7] = 1;
  for (const std::int64_t target : {1, 2}) {
    for (const MemberId& one : {member(1), member(2), high, low_bit}) {
      CHECK(listed.add(target, one, Presence::listed) == Presence::absent);
      CHECK(listed.add(target, one, Presence::listed) == Presence::listed);
    }
  }
  CHECK(listed.add(3, member(1), Presence::gone) == Presence::absent);
  CHECK(listed.add(3, member(1), Presence::listed) == Presence::gone);
  listed.bring_back(3, member(1));
  CHECK(listed.add(3, member(1), Presence::listed) == Presence::listed);
}

TEST_CASE("rows whose addresses lead to one member are that member and its duplicates") {
  AddressWorld world;
  const Reading reading = world.take({{2, "", "c1", ann},
                                      {3, "", "c1", "ANN@example.org"},
                                      {4, "", "c1", bob},
                                      {5, member(2).text(), "c1", ""},
                                      {6, "", "c1", eve}});
  CHECK(reading.rows == 5);
  CHECK(reading.addresses == 4);
  CHECK(reading.duplicates == 1);
  CHECK(world.outcomes() == Rows{"-|pending|2|1", "-|pending|4|1", "002|pending|5|1", "-|pending|6|1"});
  world.resolve(by_name);
  CHECK(world.outcomes() == Rows{"001|pending|2|1", "002|pending|5|1", "003|pending|6|1"});
  CHECK(books_of(world.ledger.database, world.ledger.job).duplicates == 2);
  // Read again, nothing is to be looked up, and all is as it was.
  CHECK(is_read(world.ledger.database, world.ledger.job, "f"));
  const Reading again = world.take({{2, "", "c1", ann},
                                    {3, "", "c1", "ANN@example.org"},
                                    {4, "", "c1", bob},
                                    {5, member(2).text(), "c1", ""},
                                    {6, "", "c1", eve}});
  CHECK(again.known == 4);
  CHECK(again.added == 0);
  CHECK(again.duplicates == 2);
  CHECK(world.outcomes() == Rows{"001|pending|2|1", "002|pending|4|1", "003|pending|6|1"});
}

TEST_CASE("who left the list by an id and is in it again by an address is back, and not asked for anew") {
  AddressWorld world;
  world.take({{2, member(1).text(), "c1", ""}, {3, member(9).text(), "c1", ""}});
  world.ledger.database.handle().exec("UPDATE chunk SET outcome = 'invited', http_status = 201");
  world.take({{2, "", "c1", ann}, {3, member(9).text(), "c1", ""}});
  CHECK(world.outcomes() == Rows{"-|pending|2|1", "001|invited|2|0", "009|invited|3|1"});
  world.resolve(by_name);
  CHECK(world.outcomes() == Rows{"001|invited|2|1", "009|invited|3|1"});
}

TEST_CASE("what one job has looked up, another knows, before and after it has read its list") {
  AddressWorld world;
  world.take({{2, "", "c1", ann}, {3, "", "c1", bob}});
  const auto note = [&](const char* address, std::uint64_t number) {
    world.ledger.database.write([&](Transaction& transaction) {
      AddressBook& book = world.resolution.book();
      book.note(transaction, book.key_of(address), member(number));
    });
  };
  note(ann, 1);
  world.resolution.begin(100);
  CHECK(world.outcomes() == Rows{"001|pending|2|1", "-|pending|3|1"});
  note(bob, 2);
  const Reading reading = world.take({{2, "", "c1", ann}, {3, "", "c1", bob}});
  CHECK(reading.known == 2);
  CHECK(reading.added == 0);
  CHECK(world.outcomes() == Rows{"001|pending|2|1", "002|pending|3|1"});
}

TEST_CASE("members that came to be known wait until a call is full, or nobody is looked up any more") {
  AddressWorld world;
  std::vector<MadeRow> rows;
  for (std::uint64_t row = 0; row < 150; ++row)
    rows.push_back({row + 2, "", "c1", fmt::format("a{}@example.org", row)});
  world.take(rows);
  std::uint64_t number = 10;
  const auto anybody = [&](const std::string&) { return member(number++); };
  const auto next = [&] {
    return world.ledger.database.write([&](Transaction& transaction) {
      const auto chunk = world.chunks.due(transaction, ledger_now).claim({100, 100});
      if (chunk) world.chunks.put_back(chunk->id);
      return chunk ? world.chunks.target(chunk->target_no).step : Step::create;
    });
  };
  world.ledger.database.write([&](Transaction& transaction) { world.chunks.repack(transaction, {100, 75}); });
  CHECK(world.resolve(anybody).size() == 75);
  CHECK(next() == Step::look_up);  // 75 are not enough
  CHECK(world.chunks.are_addresses_due());
  CHECK(world.resolve(anybody).size() == 75);
  CHECK_FALSE(world.chunks.are_addresses_due());
  CHECK(world.ledger.rows("SELECT size FROM chunk ORDER BY size") == Rows{"50", "100"});
  CHECK(next() == Step::invite);  // the full one
  world.chunks.end_gathering();
  world.ledger.database.handle().exec("UPDATE target SET accepted = 1");  // else one call at a time
  CHECK(world.ledger.database.write([&](Transaction& transaction) {
    auto due = world.chunks.due(transaction, ledger_now);
    return due.claim({100})->ids.size() + due.claim({100})->ids.size();
  }) == 150);
}

TEST_CASE("a size that is refused is halved: at once where the call was too large, else if the next is refused, too") {
  BatchSize batch(100);
  batch.refused(100);  // an address, perhaps
  batch.refused(50);
  batch.taken(100);
  batch.refused(100);
  batch.refused(100);  // as many were taken: it is an address
  CHECK(batch.most() == 100);
  BatchSize other(100);
  CHECK_FALSE(other.is_proven());
  other.refused(100);
  other.taken(50);  // says nothing of larger ones
  CHECK(other.is_proven());
  other.refused(90);
  CHECK(other.most() == 45);
  batch = other;
  batch.too_large(45);
  CHECK(batch.most() == 23);
  batch.too_large(100);  // of before
  CHECK(batch.most() == 23);
  for (int i = 0; i < 20; ++i) batch.too_large(batch.most());
  CHECK(batch.most() == 1);
}

TEST_CASE(
    "who was to be made is looked up first, by the next run: somebody may have joined, and the job may not make any "
    "more") {
  AddressWorld world;
  world.take({{2, "", "c1", ann}});
  world.ledger.database.write([&](Transaction& transaction) {
    const auto chunk = world.chunks.due(transaction, ledger_now).claim({100, 100});
    REQUIRE(chunk);
    world.chunks.put_back(chunk->id);
    world.chunks.move_on(transaction, chunk->id, chunk->target_no, Step::create);
  });
  const auto steps = [&] { return world.ledger.rows("SELECT step FROM chunk JOIN target USING (target_no)"); };
  CHECK(steps() == Rows{"create"});
  world.resolution.begin(100);
  CHECK(steps() == Rows{"look_up"});
}
