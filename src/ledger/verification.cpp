#include "ledger/verification.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "ledger/participant_columns.h"

namespace convoke {
namespace {

constexpr std::size_t members_in_memory = 1 << 19;  // 16 MiB
constexpr std::size_t found_in_memory = 1 << 19;    // 12 MiB

// There are four, as far as the API says.
void count_status(CourseSeen& course, const std::string& status) {
  constexpr std::size_t most = 50;
  constexpr std::size_t longest = 40;
  const std::string shown = excerpt(status, longest);
  const bool is_one_more = course.statuses.size() >= most && !course.statuses.contains(shown);
  ++course.statuses[is_one_more ? "and others" : shown];
}

bool is_invited(Outcome outcome) {
  return outcome == Outcome::invited || outcome == Outcome::already_invited;
}

}  // namespace

CourseSeen sum_of(const std::vector<CourseSeen>& courses) {
  CourseSeen all;
  all.is_sure = true;
  all.total = 0;
  for (const CourseSeen& course : courses) {
    all.total = all.total && course.total ? std::optional(*all.total + *course.total) : std::nullopt;
    all.participants += course.participants;
    all.is_sure = all.is_sure && course.is_sure;
    all.passes = std::max(all.passes, course.passes);
    all.since = all.since == WallTime{} ? course.since : std::min(all.since, course.since);
    all.unreadable += course.unreadable;
    all.foreign += course.foreign;
    all.as_known += course.as_known;
    all.changed += course.changed;
    all.settled += course.settled;
    all.absent += course.absent;
    all.extra += course.extra;
    all.not_invited += course.not_invited;
    for (const auto& [status, members] : course.statuses) all.statuses[status] += members;
  }
  return all;
}

Verification::Verification(Database& database, JobId job, Chunks& chunks, std::vector<CourseListing> listings,
                           const std::filesystem::path& folder, WallTime now)
    : database_(database),
      chunks_(chunks),
      folder_(folder),
      now_(now),
      entries_(folder, members_in_memory),
      said_(database, "SELECT said FROM participant WHERE rowid = ?"),
      open_calls_(database, "SELECT count(*) FROM call INDEXED BY call_open WHERE open = 1 AND chunk_id = ?") {
  std::map<std::int64_t, std::int64_t> invited_to;  // by the target that reads the list
  for (CourseListing& listing : listings) {
    // A course whose members are not known yet, of a list of addresses, has no such target.
    const std::int64_t target_no = listing.target_no != 0 ? listing.target_no : listing.verify_no;
    invited_to[listing.verify_no] = target_no;
    static_cast<CourseListing&>(listings_[target_no]) = std::move(listing);
  }
  Statement known(database, "SELECT chunk_id, target_no, ids FROM chunk WHERE job_id = ?");
  for (const auto& [chunk, target_no, ids] : known.rows<std::uint64_t, std::int64_t, std::vector<MemberId>>(job)) {
    if (!listings_.contains(target_no)) continue;
    std::uint32_t index = 0;
    for (const MemberId& id : ids) entries_.add({id, target_no, index++, chunk});
  }
  Statement read(database, "SELECT rowid, target_no, pass, member FROM participant");
  for (const auto& [row, verify_no, pass, member] : read.rows<std::uint64_t, std::int64_t, std::uint32_t, MemberId>()) {
    const auto target = invited_to.find(verify_no);
    if (target != invited_to.end()) entries_.add({member, target->second, pass, row | MemberEntry::row_bit});
  }
  count();
}

// Gives each member once: where it is known, and the latest row where it was seen (of the latest pass, if that is the
// whole list).
template <class Take>
void Verification::merge(Take take) {
  entries_.begin_reading();
  const MemberEntry* next = entries_.next();
  while (next != nullptr) {
    const MemberEntry first = *next;
    MemberEntry latest = first;
    while ((next = entries_.next()) != nullptr && next->same_member(first)) latest = *next;
    Place place;
    if (!first.is_row()) {
      place.chunk = static_cast<ChunkId>(first.origin);
      place.index = first.index;
    }
    Listing& listing = listings_.at(first.target_no);
    const bool is_of_pass = latest.is_row() && static_cast<int>(latest.index) == listing.paging.pass;
    if (latest.is_row()) place.row = static_cast<std::int64_t>(latest.origin & ~MemberEntry::row_bit);
    take(listing, first, place, is_of_pass);
  }
}

void Verification::count() {
  merge([](Listing& listing, const MemberEntry&, const Place& place, bool is_of_pass) {
    if (place.row != 0) ++listing.different;
    if (is_of_pass) ++listing.different_in_pass;
  });
}

// What took long to read is of no one time.
bool Verification::is_sure(const Listing& listing) const {
  constexpr auto longest = std::chrono::hours(2);
  return listing.paging.is_sure(listing.different_in_pass) && now_ - listing.began_at <= longest;
}

std::vector<CourseListing> Verification::unsure() const {
  std::vector<CourseListing> unsure;
  for (const auto& [target_no, listing] : listings_) {
    if (!is_sure(listing) && listing.paging.may_be_read_again(listing.different_in_pass, listing.different))
      unsure.push_back(listing);
  }
  return unsure;
}

std::vector<CourseSeen> Verification::write(Transaction& transaction, const Tell& tell) {
  CoursesSeen seen;
  for (const auto& [target_no, listing] : listings_) {
    CourseSeen& course = seen[target_no];
    course.course = listing.course;
    course.total = listing.paging.total;
    course.is_sure = is_sure(listing);
    course.since = listing.began_at;
    course.participants = course.is_sure ? listing.different_in_pass : listing.different;
    course.passes = listing.paging.pass;
    course.unreadable = listing.paging.unreadable;
    course.foreign = listing.paging.foreign;
  }
  Sorter<Place> places(folder_, found_in_memory);
  merge([&](const Listing& listing, const MemberEntry& member, Place place, bool is_of_pass) {
    if (!is_of_pass && seen.at(member.target_no).is_sure) place.row = 0;
    if (place.chunk != 0) return places.add(place);
    if (place.row == 0) return;
    ++seen.at(member.target_no).extra;
    tell({Seen::Is::extra, listing.course, member.id(), {}, {}});
  });
  places.begin_reading();
  std::vector<Place> of_chunk;
  while (const Place* place = places.next()) {
    if (!of_chunk.empty() && of_chunk.front().chunk != place->chunk) {
      write_chunk(transaction, std::exchange(of_chunk, {}), tell, seen);
    }
    of_chunk.push_back(*place);
  }
  if (!of_chunk.empty()) write_chunk(transaction, of_chunk, tell, seen);
  std::vector<CourseSeen> courses;
  for (auto& [target_no, course] : seen) courses.push_back(std::move(course));
  return courses;
}

// One chunk's members, as they stand and as they were seen.
struct Verification::Held {
  Standing standing;
  std::vector<std::string> said;  // of each; empty: not there
  ParticipantColumns columns;     // as they are now
  std::vector<std::uint32_t> there = {}, not_there = {};

  bool was_invited() const { return is_invited(standing.fate.outcome); }
  // Left the list, and the ledger never invited them: nobody of ours any more.
  bool is_left() const { return standing.fate.gone && !was_invited() && standing.fate.outcome != Outcome::in_doubt; }
};

void Verification::write_chunk(Transaction& transaction, const std::vector<Place>& members, const Tell& tell,
                               CoursesSeen& seen) {
  Held held{chunks_.standing(chunks_.read(members.front().chunk)), std::vector<std::string>(members.size()), {}};
  const Chunk& chunk = held.standing.chunk;
  if (members.size() != chunk.ids.size())
    throw damaged_ledger(database_, "a chunk's members changed while it was read");
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].row != 0) held.said[i] = said_.the<std::string>(members[i].row);
  }
  CourseSeen& course = seen.at(chunk.target_no);
  if (held.is_left()) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (held.said[i].empty()) continue;
      ++course.extra;
      tell({Seen::Is::extra, course.course, chunk.ids[i], {}, {}});
    }
    return;
  }
  held.columns = columns_of(held.said, held.standing.fate.participants);
  tell_of(held, course, tell);
  write_held(transaction, held);
}

void Verification::tell_of(Held& held, CourseSeen& course, const Tell& tell) {
  const Fate& fate = held.standing.fate;
  const std::size_t size = held.said.size();
  const auto before = texts_of(fate.participants.participant_status, size);
  const auto statuses = texts_of(held.columns.participant_status, size);
  for (std::size_t i = 0; i < size; ++i) {
    Seen one{Seen::Is::as_known, course.course, held.standing.chunk.ids[i], {}, statuses[i]};
    const bool is_there = !held.said[i].empty();
    (is_there ? held.there : held.not_there).push_back(static_cast<std::uint32_t>(i));
    if (!is_there && fate.gone) continue;
    if (!is_there) {
      one.is = held.was_invited() ? Seen::Is::absent : Seen::Is::as_known;
      one.now = {};
      ++(held.was_invited() ? course.absent : course.not_invited);
    } else if (!held.was_invited()) {
      one.is = Seen::Is::settled;
      one.before = name_of(fate.outcome);
      ++course.settled;
    } else if (!before[i].empty() && before[i] != statuses[i]) {
      one.is = Seen::Is::changed;
      one.before = before[i];
      ++course.changed;
    } else {
      ++course.as_known;
    }
    if (is_there) count_status(course, statuses[i]);
    tell(one);
  }
}

void Verification::write_held(Transaction& transaction, const Held& held) {
  const Standing& standing = held.standing;
  if (held.there.empty() || (held.was_invited() && held.columns == standing.fate.participants)) return;
  Fate fate = standing.fate;
  if (!held.was_invited()) {
    fate = Fate{};
    fate.outcome = Outcome::invited;
    // A call that a run noted and nobody answered for asked for them, too.
    fate.attempts = standing.fate.attempts + open_calls_.the<int>(standing.chunk.id);
    fate.gone = standing.fate.gone;
  }
  fate.participants = held.columns;
  std::vector<Piece> pieces;
  if (held.was_invited() || held.not_there.empty()) {
    pieces = {{{}, fate}};
  } else {
    pieces = {{held.not_there, picked(standing.fate, held.not_there)}, {held.there, picked(fate, held.there)}};
  }
  chunks_.divide(transaction, standing.chunk, pieces, standing.run, now_);
}

}  // namespace convoke
