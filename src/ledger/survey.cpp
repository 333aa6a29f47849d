#include "ledger/survey.h"

#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "ledger/books.h"
#include "ledger/differences.h"
#include "ledger/statement.h"
#include "ledger/target_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t groups_in_memory = 1 << 17;  // 3 MiB
constexpr std::size_t invalid_rows_shown = 5;

// How many calls it takes to ask for the members that would be due: those with the same history are packed together
// (Chunks::repack), the others go out as they are. Addresses are looked up, and those that are found (all, as far as
// anybody knows) are invited like new members.
class CallCount {
 public:
  CallCount(int chunk_size, int look_up_size, const std::filesystem::path& folder)
      : chunk_size_(chunk_size), look_up_size_(look_up_size), packed_(folder, groups_in_memory) {}

  void add(std::int64_t target_no, std::int64_t attempts, std::int64_t members, bool are_addresses) {
    if (target_no != latest_.target_no || attempts != latest_.attempts)
      packed_.add(std::exchange(latest_, {target_no, attempts, 0, are_addresses}));
    latest_.members += members;
  }
  void add_apart(std::int64_t members, bool are_addresses) { count({0, 0, members, are_addresses}); }

  // What it all comes to; once.
  void into(Survey& survey) {
    packed_.add(latest_);
    packed_.begin_reading();
    Group group;
    while (const Group* next = packed_.next()) {
      if (group < *next) {
        count(group);
        if (group.target_no != next->target_no) invite_found();
        group = *next;
        group.members = 0;
      }
      group.members += next->members;
    }
    count(group);
    invite_found();
    survey.due = survey_.due;
    survey.addresses = survey_.addresses;
    survey.look_ups = survey_.look_ups;
    survey.calls = survey_.calls + survey_.look_ups;
  }

 private:
  struct Group {
    std::int64_t target_no = 0;
    std::int64_t attempts = 0;
    std::int64_t members = 0;
    std::int64_t are_addresses = 0;

    bool operator<(const Group& other) const {
      return std::tie(target_no, attempts) < std::tie(other.target_no, other.attempts);
    }
  };
  static std::int64_t calls_for(std::int64_t members, int size) { return (members + size - 1) / size; }
  void count(const Group& group) {
    survey_.due += group.members;
    if (group.are_addresses == 0) {
      survey_.calls += calls_for(group.members, chunk_size_);
    } else {
      survey_.addresses += group.members;
      survey_.look_ups += calls_for(group.members, look_up_size_);
      found_ += group.members;
    }
  }
  void invite_found() { survey_.calls += calls_for(std::exchange(found_, 0), chunk_size_); }

  int chunk_size_;
  int look_up_size_;
  Sorter<Group> packed_;  // a list may name as many targets as members
  Group latest_;
  Survey survey_;
  std::int64_t found_ = 0;  // of one target, and not counted yet
};

// What a reading says of a chunk's members.
struct Change {
  std::int64_t gone = 0;
  std::int64_t listed = 0;
};
using Changes = std::unordered_map<ChunkId, Change>;

// Counts the members that the ledger has and that would be due, after these changes.
void count_known(Database& database, JobId job, const SurveyTerms& terms, const Changes& changes, Survey& survey,
                 CallCount& count) {
  Statement rows(database, R"sql(
    SELECT chunk_id, target_no, size, outcome, gone, attempts, quiet = 1 OR doubt = 1,
           not_before = 0 AND missing = 0 AND tries = 0, reason,
           chunk_id IN (SELECT call.chunk_id FROM call INDEXED BY call_open WHERE open = 1), step <> 'invite'
    FROM chunk JOIN target USING (target_no)
    WHERE chunk.job_id = ? AND outcome IN ('pending', 'failed', 'withdrawn', 'in_doubt', 'unknown')
  )sql");
  for (const auto& [chunk, target_no, size, outcome, was_gone, attempts, apart, waits_for_nothing, reason, is_open,
                    are_addresses] :
       rows.rows<ChunkId, std::int64_t, std::int64_t, Outcome, bool, int, bool, bool, Reason, bool, bool>(job)) {
    const auto found = changes.find(chunk);
    const Change change = found == changes.end() ? Change{} : found->second;
    bool alone = apart;
    std::int64_t due = 0;
    if (outcome == Outcome::pending) {
      if (survey.reading) survey.reading->withdrawn += change.gone;
      if (is_open && terms.hold_doubts) continue;
      alone = apart || is_open || !waits_for_nothing;
      due = size - change.gone;
    } else if (reason == Reason::left_list) {
      if (survey.reading) survey.reading->revived += change.listed;
      due = change.listed;
    } else if ((outcome == Outcome::failed && terms.retry_failed) || outcome == Outcome::unknown) {
      due = was_gone ? change.listed : size - change.gone;
    }
    if (due == 0) continue;
    alone ? count.add_apart(due, are_addresses) : count.add(target_no, attempts, due, are_addresses);
  }
}

}  // namespace

Survey survey(Database* database, std::optional<JobId> job, MemberList& list, const SurveyTerms& terms,
              const std::filesystem::path& folder) {
  Survey survey;
  TargetNumbers targets(database, job, list.target_kind());
  AddressBook book(database);
  Differences differences(folder, targets, book);
  if (database && job) differences.add_known(*database, *job);
  std::string latest;  // target
  while (const auto row = list.next()) {
    differences.add(*row);
    const auto* wrong = std::get_if<Reason>(&row->member);
    if (terms.name_targets && wrong == nullptr && row->target != latest) {
      latest = row->target;
      survey.targets.insert(latest);
    }
    if (wrong != nullptr && survey.invalid.size() < invalid_rows_shown)
      survey.invalid.push_back({row->line, std::string(row->value), *wrong});
  }
  check_brakes(terms.brakes, database && job ? books_of(*database, *job) : Books{}, differences, folder);

  CallCount count(terms.chunk_size, differences.look_up_size(), folder);
  Changes changes;
  differences.begin();
  while (const auto member = differences.next()) {
    if (member->what == Difference::What::added) {
      count.add(member->target_no, 0, 1, member->is_address);
    } else {
      Change& change = changes[member->chunk];
      ++(member->what == Difference::What::gone ? change.gone : change.listed);
    }
  }
  survey.reading = differences.reading();
  if (database && job) count_known(*database, *job, terms, changes, survey, count);
  count.into(survey);
  return survey;
}

Survey survey(Database& database, JobId job, const SurveyTerms& terms, const std::filesystem::path& folder) {
  Survey survey;
  CallCount count(terms.chunk_size, AddressBook(&database).batch(), folder);
  count_known(database, job, terms, {}, survey, count);
  count.into(survey);
  if (!terms.name_targets) return survey;
  Statement targets(database, R"sql(
    SELECT id FROM (SELECT DISTINCT target_no FROM chunk WHERE job_id = ? AND gone = 0) JOIN target USING (target_no)
  )sql");
  for (auto& target : targets.rows<std::string>(job)) survey.targets.insert(std::move(target));
  return survey;
}

}  // namespace convoke
