// A page of a list, whatever it is: nobody's fate hangs on it, what is kept of it is what the ledger can read again,
// and a list that answers with it is not read for ever.
#include <simdjson.h>

#include <array>
#include <vector>

#include "api/verdict.h"
#include "fuzz.h"
#include "ledger/course_search.h"
#include "ledger/participant_columns.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

constexpr std::array<int, 16> statuses = {200, 200, 200, 200, 200, 200, 201, 204,
                                          302, 400, 404, 405, 413, 418, 429, 503};

void check_columns(const std::vector<std::string>& said) {
  const ParticipantColumns columns = columns_of(said, {});
  require(columns_of(said, columns) == columns, "what is said again changes nothing");
  require(columns_of(std::vector<std::string>(said.size()), columns) == columns, "what is not said changes nothing");
  require(texts_of(columns.participant_status, said.size()).size() == said.size(),
          "a column has a text for each member");
  ParticipantColumns again = columns;
  for (const auto* column : columns_in_order(again)) {
    if (!column->starts_with('[')) continue;
    simdjson::dom::parser parser;
    simdjson::dom::array array;
    require(parser.parse(*column).get(array) == simdjson::SUCCESS && array.size() == said.size(),
            "a column of the ledger is JSON, with an entry for each member");
  }
}

void read_on(const Page& page) {
  Paging paging;
  for (int pages = 0; !paging.is_read; ++pages) {
    require(pages < 25'000 || page.total, "a list that does not say how long it is is not read for ever");
    if (pages > 25'000) break;
    paging.take(page);
  }
  CourseSearch search({"a", "A", "b"});
  for (int pages = 0; !search.paging().is_read && pages < 2'000; ++pages) search.take(page);
  require(search.states().size() == 3, "each course that is looked for has a state");
}

}  // namespace

// Two bytes say the status and how it was asked for; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Answer answer;
  answer.reached = Answer::Reached::answered;
  answer.status = statuses[input.byte() % statuses.size()];
  const std::uint8_t how = input.byte();
  Judgement judgement;
  judgement.step = (how & 1) != 0 ? Step::look : Step::verify;
  judgement.keep_profile = (how & 2) != 0 ? KeepProfile::yes : KeepProfile::no;
  judgement.ever_accepted = (how & 4) != 0;
  judgement.target_id = (how & 8) != 0 ? "c" : "";
  judgement.page = {(how & 16) != 0 ? 2 : 0, (how & 32) != 0 ? 100 : 0, (how & 64) != 0};
  judgement.on_doubt = OnDoubt::hold;
  answer.body = input.rest();
  Chunk turn;
  const Verdict verdict = judge(answer, turn, judgement);
  require(verdict.pieces.size() == 1 && verdict.pieces[0].members.empty(), "there is nobody whose fate it could be");
  require(!verdict.pieces[0].fate.doubt && verdict.pieces[0].fate.outcome != Outcome::in_doubt,
          "what reads is in no doubt");
  require(is_printable(verdict.call_error) && is_printable(verdict.alarm), "what is said of a call is printable");
  if (!verdict.page) return 0;
  const Page& page = *verdict.page;
  require(page.entries >= page.unreadable + page.foreign, "who is unreadable or foreign is an entry");
  require(page.entries == page.unreadable + page.foreign +
                              static_cast<std::int64_t>(page.participants.size() + page.courses.size()),
          "every entry is somebody, unreadable or foreign");
  std::vector<std::string> said;
  for (const ListedParticipant& participant : page.participants) said.push_back(participant.said);
  if (!said.empty()) check_columns(said);
  read_on(page);
  return 0;
}
