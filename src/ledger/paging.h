// Reading a list of the API's page by page. Little is known of its pages (api.md): neither the number of the first one,
// nor how many entries one may hold, nor any order. Values and what follows from them; where they are kept is Pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/member_id.h"

namespace convoke {

/// Somebody who takes part in a course.
struct ListedParticipant {
  MemberId member;
  std::string said;  ///< a JSON array of what is kept of a participant (participant_columns.h)
};

struct ListedCourse {
  std::string id;
  std::string status;
};

/// What an answer says of a page.
struct Page {
  enum class Kind {
    entries,      ///< it holds those below, maybe none
    none,         ///< there is no such page
    too_large,    ///< refused as it was asked for, since it asked for too many, it may be
    not_offered,  ///< the API has no such list
    odd           ///< an answer, and none that says anything of a list
  };
  Kind kind = Kind::entries;
  std::string words;  ///< not_offered, odd: what was answered, for people
  std::vector<ListedParticipant> participants;
  std::vector<ListedCourse> courses;
  std::int64_t entries = 0;           ///< all that it holds, and of them
  std::int64_t unreadable = 0;        ///< those that name nobody,
  std::int64_t foreign = 0;           ///< and those of another course
  std::optional<std::int64_t> total;  ///< entries of the whole list, as the API counts them
  std::uint64_t mark = 0;             ///< the same for the same entries, whatever their order; 0: it has none
};

/// A page as it is asked for.
struct PageAsked {
  int number = 0;              ///< 0: the first, which is asked for without a number
  int size = 0;                ///< entries; 0: as many as the API likes
  bool is_size_taken = false;  ///< the API gave a page to this size before
};

/// How far the reading of one list has come.
///
/// The first page is asked for without a number, then 1, 2 and so on: where 1 is the first one again, that costs a
/// call. The list ends where a page is empty, or shorter than the first once as many were read as `total` says. One
/// that moves while it is read may show somebody twice and somebody else not at all: then it is read again, three times
/// at the most. Pages that come round again (found as by Brent, 1980) and pages without end are not read on.
class Paging {
 public:
  static constexpr int most_passes = 3;

  PageAsked asked = {0, 1000, false};               ///< next
  int pass = 1;                                     ///< how often it was begun
  std::optional<std::int64_t> total_before, total;  ///< as the first page and the latest of this pass say
  std::int64_t read = 0;                            ///< entries of this pass,
  std::int64_t read_before = -1;                    ///< and of the one before it; -1: there was none
  std::int64_t unreadable = 0;                      ///< of them
  std::int64_t foreign = 0;                         ///< of them
  std::int64_t first_entries = 0;                   ///< of the first page
  std::uint64_t latest_mark = 0;                    ///< of the latest page, and
  std::uint64_t earlier_mark = 0;                   ///< of one before it
  bool is_read = false;                             ///< this pass is at its end,
  bool is_at_end = false;                           ///< and at the list's, as far as the API says
  bool is_endless = false;                          ///< it was given up
  bool is_offered = true;
  bool is_odd = false;     ///< what was answered is no list
  bool has_moved = false;  ///< `total` did, in this pass
  std::int64_t most_pages = 2'000'000;

  /// What was asked for is answered with `page`. Whether its entries are news: not a page that was there before.
  bool take(const Page& page);
  /// From the first page on, once more.
  void begin_again();
  /// Whether this pass, in which so many entries were different, is the whole list: it did not move meanwhile, and each
  /// that the API counts was on a page.
  bool is_sure(std::int64_t different) const;
  /// Whether reading it again may make it sure: so many entries were different in this pass, and in all.
  bool may_be_read_again(std::int64_t different_in_pass, std::int64_t different) const;

 private:
  std::int64_t longest() const;
};

}  // namespace convoke
