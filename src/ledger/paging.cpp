#include "ledger/paging.h"

#include <algorithm>
#include <bit>

namespace convoke {
namespace {

// Fewer entries a page, where so many are refused; 0: it is left to the API.
constexpr int smaller = 100;

// Of a list that does not say how long it is.
constexpr std::int64_t most_of_unknown = 20'000;

}  // namespace

bool Paging::take(const Page& page) {
  if (page.kind == Page::Kind::too_large && asked.size > 0) {
    asked.size = asked.size > smaller ? smaller : 0;
    const Paging before = *this;
    begin_again();
    pass = before.pass;
    read_before = before.read_before;
    return false;
  }
  is_offered = is_offered && page.kind != Page::Kind::not_offered;
  is_odd = is_odd || page.kind == Page::Kind::odd;
  has_moved = has_moved || (asked.number > 0 && page.total && page.total != total);
  if (page.total) total = page.total;
  if (asked.number == 0) {
    total_before = total;
    first_entries = page.entries;
  }
  const bool is_again = asked.number > 0 && page.mark != 0 && page.mark == latest_mark;
  const bool comes_round = asked.number > 1 && page.mark != 0 && (is_again || page.mark == earlier_mark);
  if (page.kind != Page::Kind::entries || page.entries == 0 || comes_round) {
    is_read = true;
    is_at_end = page.entries == 0 && (page.kind == Page::Kind::entries || page.kind == Page::Kind::none);
    return false;
  }
  asked.is_size_taken = true;
  ++asked.number;
  if (is_again) return false;
  if (std::has_single_bit(static_cast<unsigned>(asked.number))) earlier_mark = page.mark;
  latest_mark = page.mark;
  read += page.entries;
  unreadable += page.unreadable;
  foreign += page.foreign;
  // Where it moves, or the first page may have come again unseen, somebody is counted twice; where more than the total
  // were read, that is wrong: then the list goes on until it ends.
  const bool rests = !has_moved && (unreadable == 0 || asked.number == 1);
  is_at_end = total && ((rests && read == *total) || (read >= *total && page.entries < first_entries));
  is_endless = !is_at_end && asked.number >= longest();
  is_read = is_at_end || is_endless;
  return true;
}

// Twice as many pages as it should have, and some.
std::int64_t Paging::longest() const {
  constexpr std::int64_t some = 100;
  if (!total_before || first_entries == 0) return std::min(most_pages, most_of_unknown);
  return std::min(most_pages, 2 * (*total_before / first_entries) + some);
}

void Paging::begin_again() {
  const Paging before = *this;
  *this = Paging{};
  asked.size = before.asked.size;
  pass = before.pass + 1;
  read_before = before.read;
  most_pages = before.most_pages;
}

bool Paging::is_sure(std::int64_t different) const {
  return is_at_end && is_offered && !is_odd && total && !has_moved && read == *total &&
         different + unreadable + foreign == *total;
}

bool Paging::may_be_read_again(std::int64_t different_in_pass, std::int64_t different) const {
  const bool says_the_same = !has_moved && read == read_before && different == different_in_pass;
  return is_offered && !is_odd && !is_endless && total.has_value() && !says_the_same && pass < most_passes;
}

}  // namespace convoke
